import { createHash } from "node:crypto"
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join, relative, sep } from "node:path"
import * as esbuild from "esbuild"
import { bundleModules } from "../cli/launchBundle.ts"

/** The package's faces, and the program that the launcher starts where it can keep no bundle of its own. */
const entries = {
  index: "library/index.ts",
  measures: "library/measures.ts",
  statistics: "library/statistics.ts",
  retrieval: "library/retrieval.ts",
  neural: "library/neural.ts",
  main: "cli/main.ts",
}

const command = `#!/usr/bin/env node
import { dirname } from "node:path"
import { launch } from "./cli/launch.ts"
await launch({
  root: dirname(import.meta.dirname),
  entry: "cli/main.ts",
  source: () => import("./main.mjs"),
  words: process.argv.slice(2),
})
`

/** JavaScript that finds the package's folder from any of its modules: all of them lie in `dist`. */
const banner = `import { dirname as rankdagDirname, sep as rankdagSep } from "node:path";
import { pathToFileURL as rankdagUrl } from "node:url";
const rankdagRoot = rankdagDirname(import.meta.dirname);
const rankdagAddress = rankdagUrl(rankdagRoot + rankdagSep);`

/** What Node cannot run as it is, as JavaScript in `dist`: the command, and the library with all that it may load. */
export const buildCode = async (root: string, dist: string): Promise<void> => {
  rmSync(dist, { recursive: true, force: true })
  mkdirSync(dist, { recursive: true })
  const read = new Set<string>()
  const library = await bundleModules({
    root,
    entries,
    outdir: dist,
    rootAs: "rankdagRoot",
    addressAs: "rankdagAddress",
    banner,
    withEffect: false,
    onRead: (path) => read.add(path),
  })
  const launcher = await esbuild.build({
    absWorkingDir: root,
    stdin: { contents: command, resolveDir: root, loader: "ts" },
    entryNames: "rankdag",
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    charset: "utf8",
    packages: "external",
    external: ["./main.mjs"],
    write: false,
  })
  for (const { contents, path } of [...library.outputFiles, ...launcher.outputFiles]) writeFileSync(path, contents)
  chmodSync(join(dist, "rankdag.mjs"), 0o755)

  // Whether the sources beside it are still those that it was made of: keys are made of the sources.
  const sources = [...read, join(root, "package.json")].map((path) => {
    const digest = createHash("sha256").update(readFileSync(path)).digest("hex")
    return [relative(root, path).split(sep).join("/"), `sha256:${digest}`] as const
  })
  writeFileSync(join(dist, "sources.json"), `${JSON.stringify(Object.fromEntries(sources.sort()), undefined, 1)}\n`)
}
