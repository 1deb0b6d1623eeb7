// `npm run build`: what a package has beside the sources. Nothing of it is committed.
import { execFileSync } from "node:child_process"
import { copyFileSync } from "node:fs"
import { join } from "node:path"
import * as esbuild from "esbuild"
import { buildCode } from "./buildCode.ts"

const root = join(import.meta.dirname, "..")
await buildCode(root, join(root, "dist"))
await esbuild.stop()
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "packaging"], {
  cwd: root,
  stdio: "inherit",
})
// The exact versions of everything below: they are part of what a result's key is made of.
copyFileSync(join(root, "package-lock.json"), join(root, "npm-shrinkwrap.json"))
