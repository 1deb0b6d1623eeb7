import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, extname, relative, resolve, sep } from "node:path"
import * as Schema from "effect/Schema"
import type * as esbuild from "esbuild"
import { build, stop, transform } from "./ApartEsbuild.ts"
import { packageName } from "./FingerprintPackages.ts"
import { type Stamp, stampOf } from "./FingerprintStamp.ts"

const Place = {
  /** Path from the project's root. */
  file: Schema.String,
  /** From 1. */
  line: Schema.Int,
  /** From 1. */
  column: Schema.Int,
}

/** An import whose target only shows when the code runs, so that no fingerprint can follow it. */
export class UntraceableImportError extends Schema.TaggedError<UntraceableImportError>()("UntraceableImportError", {
  ...Place,
  /** The source line. */
  text: Schema.String,
}) {
  override get message(): string {
    return (
      `${this.file}:${this.line}:${this.column}: «${this.text.trim()}» imports what only shows when it runs, so its changes ` +
      'could not be noticed. Name the module literally: import("./Module.ts"), or switch between literal imports'
    )
  }
}

/** Code of a stage that cannot be read as a whole: a syntax error, a module that is not there. */
export class StageCodeError extends Schema.TaggedError<StageCodeError>()("StageCodeError", {
  ...Place,
  problem: Schema.String,
}) {
  override get message(): string {
    return `${this.file}:${this.line}:${this.column}: ${this.problem}`
  }
}

/** What a module's import graph comes to. */
export interface CodeGraph {
  /** SHA-256 of the bundled code without names of locals. */
  readonly digest: string
  /** SHA-256 of each contributing file's own normalised text, by path from the root with `/`. */
  readonly files: Readonly<Record<string, string>>
  /** Names of the packages that kept code imports, sorted. */
  readonly packages: ReadonlyArray<string>
  /** Every file that was read, by absolute path, with its stamp just before. */
  readonly read: ReadonlyMap<string, Stamp>
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex")

const loaders: Readonly<Record<string, esbuild.Loader>> = {
  ".ts": "ts",
  ".mts": "ts",
  ".cts": "ts",
  ".tsx": "tsx",
  ".js": "js",
  ".mjs": "js",
  ".cjs": "js",
  ".jsx": "jsx",
}

// The project's own tsconfig has no say: a setting that changes no emitted code must not change a key.
const tsconfigRaw = { compilerOptions: { verbatimModuleSyntax: true, target: "esnext", useDefineForClassFields: true } }

const commonOptions = {
  target: "esnext",
  charset: "utf8",
  legalComments: "none",
  logLevel: "silent",
  tsconfigRaw,
} satisfies esbuild.CommonOptions

// esbuild writes plain strings with double quotes, so after a transform these have one spelling each.
const fileReference = /new URL\("([^"\\]+)",\s*import\.meta\.url\)/g
const requireFactory = /\bcreateRequire\b/

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** Where esbuild's manifest is looked for, from the project's root up to where it is. */
const esbuildManifests = (root: string): ReadonlyArray<string> => {
  const looked: Array<string> = []
  for (let above = root; ; above = dirname(above)) {
    const path = resolve(above, "node_modules/esbuild/package.json")
    looked.push(path)
    if (isFile(path) || above === dirname(above)) return looked
  }
}

const isFailure = (error: unknown): error is esbuild.BuildFailure =>
  error instanceof Error && "errors" in error && Array.isArray(error.errors)

/** Types, comments and spacing taken off, constants folded; names kept. */
const stripped = async (source: string, file: string, path: string): Promise<string> => {
  try {
    const { code } = await transform(source, {
      ...commonOptions,
      loader: loaders[extname(path)] ?? "js",
      minifyWhitespace: true,
      minifySyntax: true,
      sourcefile: file,
      logOverride: { "unsupported-dynamic-import": "error" },
    })
    return code
  } catch (error) {
    throw isFailure(error) ? placed(error, file) : error
  }
}

const placed = (failure: esbuild.BuildFailure, entry: string): UntraceableImportError | StageCodeError => {
  const error = failure.errors[0]
  const location = error?.location
  const place = { file: location?.file ?? entry, line: location?.line ?? 1, column: (location?.column ?? 0) + 1 }
  return error?.id === "unsupported-dynamic-import"
    ? new UntraceableImportError({ ...place, text: location?.lineText ?? "" })
    : new StageCodeError({ ...place, problem: error?.text ?? String(failure) })
}

// Not inside a number: `1e3`.
const word = /(?<![\p{ID_Continue}$])[\p{ID_Start}$_][\p{ID_Continue}$]*/gu

/** Words that cannot be used as the name of a global, and those that esbuild writes of its own accord. */
const syntax = new Set(
  (
    "arguments as async await break case catch class const continue debugger default delete do else enum eval export extends " +
    "false finally for from function get if implements import in instanceof interface let meta new null of package private " +
    "protected public return set static super switch this throw true try typeof var void while with yield"
  ).split(" "),
)

/** Names that esbuild makes. */
const made = /^[A-Za-z_$][\w$]{0,4}$/

/**
 * The text with every local name replaced by a number, so that what locals are called does not count. esbuild knows which names
 * are local, but the short ones it gives depend on how often each letter occurs, also in the names that it replaces. So it is
 * made to give names that occur nowhere in the text, by a second module to which every word of the text is a global; these
 * are then numbered by first occurrence. Nothing else is rewritten, so that all other words stand as they did.
 */
const withoutLocalNames = async (text: string, hasDefault: boolean): Promise<string> => {
  const taken = new Set(text.match(word))
  const globals = [...taken].filter((name) => !syntax.has(name)).join(";")
  const modules: Readonly<Record<string, string>> = {
    taken: `globalThis.taken(() => { ${globals} })`,
    code: text,
    // `export *` leaves the default out, and what nothing exports is taken off.
    all: `import "rankdag:taken"; export * from "rankdag:code"${hasDefault ? '; export { default } from "rankdag:code"' : ""}`,
  }
  const result = await build({
    ...commonOptions,
    entryPoints: ["rankdag:all"],
    bundle: true,
    minifyIdentifiers: true,
    minifyWhitespace: true,
    format: "esm",
    platform: "node",
    write: false,
    plugins: [
      {
        name: "rankdag-local-names",
        setup: (build) => {
          build.onResolve({ filter: /.*/ }, ({ path }) =>
            path.startsWith("rankdag:")
              ? { path: path.slice("rankdag:".length), namespace: "rankdag" }
              : { path, external: true },
          )
          build.onLoad({ filter: /.*/, namespace: "rankdag" }, ({ path }) => ({ contents: modules[path] ?? "" }))
        },
      },
    ],
  })
  const numbers = new Map<string, string>()
  return result.outputFiles
    .map((file) => file.text)
    .join("\n")
    .replace(/globalThis\.taken\(\(\)=>\{[^}]*\}\);?/, "")
    .replace(word, (name) => {
      if (taken.has(name) || syntax.has(name) || !made.test(name)) return name
      const number = numbers.get(name) ?? `\u00b7${numbers.size}`
      numbers.set(name, number)
      return number
    })
}

/** Follows the literal imports of `entry` through the project's files. */
class Follower {
  private readonly read = new Map<string, Stamp>()
  private readonly normalised = new Map<string, string>()
  private failure: UntraceableImportError | StageCodeError | undefined
  private readonly root: string

  constructor(root: string) {
    this.root = root
  }

  private readonly named = (path: string): string => relative(this.root, path).split(sep).join("/")

  private readonly load = async (path: string): Promise<esbuild.OnLoadResult> => {
    this.read.set(path, stampOf(path))
    const file = this.named(path)
    const bytes = readFileSync(path)
    if (loaders[extname(path)] === undefined && extname(path) !== ".json") {
      // A data file beside the code: its bytes count.
      return { contents: `export default "${sha256(bytes)}"`, loader: "js" }
    }
    const source = bytes.toString("utf8")
    if (extname(path) === ".json") return { contents: source, loader: "json" }
    const text = await stripped(source, file, path)
    if (requireFactory.test(text)) {
      const before = source.slice(0, Math.max(0, source.search(requireFactory))).split("\n")
      throw new UntraceableImportError({
        file,
        line: before.length,
        column: (before.at(-1)?.length ?? 0) + 1,
        text: source.split("\n")[before.length - 1] ?? "",
      })
    }
    this.normalised.set(file, text)
    // A worker's module and a data file are named by `new URL("./x", import.meta.url)`: followed as an import is.
    const contents = text.replace(fileReference, (whole, target: string) =>
      isFile(resolve(dirname(path), target)) ? `import("${target}")` : whole,
    )
    return { contents, loader: "js" }
  }

  private readonly plugin: esbuild.Plugin = {
    name: "rankdag-fingerprint",
    setup: (build) => {
      build.onResolve({ filter: /^[^./#]/ }, ({ path, kind }) =>
        // What nothing uses of a package does not count, as of a module of ours.
        kind === "entry-point" ? undefined : { path, external: true, sideEffects: false },
      )
      build.onLoad({ filter: /.*/, namespace: "file" }, async ({ path }) => {
        try {
          return await this.load(path)
        } catch (error) {
          // esbuild would keep the text of a plugin's error only.
          if (error instanceof UntraceableImportError || error instanceof StageCodeError) this.failure ??= error
          throw error
        }
      })
    },
  }

  async follow(entry: string): Promise<CodeGraph> {
    // esbuild reads whether modules have side effects, and its own version decides how text is shortened.
    for (const path of [resolve(this.root, "package.json"), ...esbuildManifests(this.root)]) {
      this.read.set(path, stampOf(path))
    }
    let result: esbuild.BuildResult<{ write: false; metafile: true }>
    try {
      result = await build({
        ...commonOptions,
        absWorkingDir: this.root,
        entryPoints: [entry],
        outdir: this.root,
        bundle: true,
        // Not `minifySyntax`, which would carry constants from one module into another and hide where they come from.
        minifyWhitespace: true,
        treeShaking: true,
        format: "esm",
        platform: "node",
        metafile: true,
        write: false,
        plugins: [this.plugin],
      })
    } catch (error) {
      throw this.failure ?? (isFailure(error) ? placed(error, entry) : error)
    }
    const hasDefault = Object.values(result.metafile.outputs).some(({ exports }) => exports.includes("default"))
    const code = await withoutLocalNames(result.outputFiles.map((file) => file.text).join("\n"), hasDefault)

    const packages = new Set<string>()
    const contributing = new Set<string>()
    for (const output of Object.values(result.metafile.outputs)) {
      for (const { path, external } of output.imports)
        if (external === true && !isBuiltin(path)) packages.add(packageName(path))
      for (const [file, { bytesInOutput }] of Object.entries(output.inputs))
        if (bytesInOutput > 0) contributing.add(file)
    }
    const files: Record<string, string> = {}
    for (const file of [...contributing].sort()) {
      files[file] = sha256(this.normalised.get(file) ?? readFileSync(resolve(this.root, file)))
    }
    return { digest: sha256(code), files, packages: [...packages].sort(), read: this.read }
  }
}

/**
 * The code that `entry` (a path from `root` with `/`) comes to: its import graph within the project, without comments, types,
 * formatting and what nothing uses. Packages are named, not followed. The result is a function of the files' bytes: of no
 * absolute path, working folder, tsconfig or output name.
 *
 * @throws UntraceableImportError, StageCodeError (as rejections).
 */
export const followCode = (root: string, entry: string): Promise<CodeGraph> => new Follower(root).follow(entry)

/** Ends esbuild's service process, which would otherwise live as long as this one. */
export const stopFollowing = stop
