import { existsSync, readFileSync } from "node:fs"
import { join, resolve, sep } from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import { projectRoot } from "../../pipeline/index.ts"
import { build } from "../../pipeline/keys/ApartEsbuild.ts"
import { PageNotBuilt } from "./ReportError.ts"

/** What the page is made of, besides data. */
export interface PageCode {
  readonly script: string
  readonly style: string
  /** Licences of the packages in the script, one text each. */
  readonly licences: ReadonlyArray<string>
}

/** The folder of the package that a file belongs to; none for a file of ours, which may be installed as a package itself. */
const packageFolder = (file: string): string | undefined => {
  const folder = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.split(sep).join("/"))?.[0]
  return folder === undefined || folder === projectRoot.split(sep).join("/") ? undefined : folder
}

const licenceOf = (folder: string): ReadonlyArray<string> => {
  const name = folder.slice(folder.lastIndexOf("node_modules/") + "node_modules/".length)
  const file = ["LICENSE", "LICENSE.md", "license"].map((each) => join(folder, each)).find((each) => existsSync(each))
  return file === undefined ? [] : [`${name}\n\n${readFileSync(file, "utf8").trim()}`]
}

const pageCode = async (): Promise<PageCode> => {
  const result = await build({
    absWorkingDir: projectRoot,
    entryPoints: {
      page: fileURLToPath(new URL("./page/main.browser.ts", import.meta.url)),
      style: fileURLToPath(new URL("./page/page.css", import.meta.url)),
    },
    outdir: projectRoot,
    bundle: true,
    minify: true,
    format: "iife",
    // What has DecompressionStream.
    target: ["chrome103", "firefox113", "safari16.4"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "silent",
    // The bytes are a function of the code alone, not of a setting of the project's.
    tsconfigRaw: {},
    metafile: true,
    write: false,
    // Named by what the page shares with the program, and used by nothing of the page.
    external: ["node:*"],
  })
  const text = (name: string): string =>
    result.outputFiles.find(({ path }) => path === resolve(projectRoot, name))?.text ?? ""
  const folders = new Set(
    Object.keys(result.metafile.inputs).flatMap((input) => packageFolder(resolve(projectRoot, input)) ?? []),
  )
  const licences = [...folders].flatMap(licenceOf).sort()
  return { script: text("page.js").trim(), style: text("style.css").trim(), licences }
}

/** Bundles the page's own code, from its sources, with the packages that it uses. */
export const bundlePage: Effect.Effect<PageCode, PageNotBuilt> = Effect.tryPromise({
  try: pageCode,
  catch: (cause) => new PageNotBuilt({ cause }),
})
