import { randomUUID } from "node:crypto"
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { isBuiltin } from "node:module"
import { dirname, join, relative, resolve, sep } from "node:path"
import { fileURLToPath, pathToFileURL } from "node:url"
import type * as esbuild from "esbuild"
import { build, stop } from "../pipeline/keys/ApartEsbuild.ts"
import { isTrusted, type Stamp, stampOf } from "../pipeline/keys/FingerprintStamp.ts"
import { makeFolders } from "../schemas/makeFolders.ts"
import { bundleEntry, bundleFolder, bundleStart, type CurrentBundle } from "./Bundle.ts"

/** Runs the program with the words of the command line. */
const starter = `import { main } from "./${bundleEntry}"
// When whoever started this dies, so does the program: an orphan would go on for hours.
const end = () => process.kill(process.pid, "SIGTERM")
process.on("disconnect", end)
// It may have died while the program was loaded, and then nothing is told.
if (process.connected === false) end()
process.channel?.unref()
await main(process.argv.slice(2))
`

/** `new URL("./x", import.meta.url)`: how the source names a worker's module or a data file beside it. */
const fileReference = /new URL\(\s*(["'`])(\.\.?\/[^"'`$]+)\1\s*,\s*import\.meta\.url\s*\)/g

/** Whether a referenced file is run by Node. A module for browsers is read, from the source, by the stage that makes a page of it. */
const isCode = (path: string): boolean => /(?<!\.browser)\.[cm]?[jt]s$/.test(path)
const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true

/** Whether a file is a package's and not the project's, which may be installed as a package itself, its own beside it. */
const isOfPackage = (root: string, path: string): boolean => {
  const [first, ...rest] = relative(root, path).split(sep)
  return first === ".." || [first, ...rest].includes("node_modules")
}

/** `stages/retrieve/searchThread.js` → `stages.retrieve.searchThread`: a bundle is one flat folder. */
const flatName = (root: string, path: string): string =>
  relative(root, path)
    .split(sep)
    .join(".")
    .replace(/\.[cm]?[jt]s$/, "")

/** A source map of one segment: what esbuild takes for the origin of all of a file, so that its own map stays small. */
const noMap = Buffer.from(JSON.stringify({ version: 3, sources: [""], mappings: "AAAA" })).toString("base64")

const options = {
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  charset: "utf8",
  logLevel: "silent",
} satisfies esbuild.BuildOptions

/**
 * Effect is bundled, with what it imports: it is many small modules, and needed by every command. Any other package is loaded
 * as it is, by the stage that uses it: some hold native libraries, some look for their own files. So is what is imported of
 * Effect when it is needed and not before: a module whose every member is wanted would be whole in the bundle, in every start.
 */
const packages = (root: string): esbuild.Plugin => ({
  name: "rankdag-packages",
  setup: (build) => {
    build.onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
      if (kind === "dynamic-import" && !isOfPackage(root, importer)) return { path, external: true }
      const bundled = /^(effect|@effect\/[^/]+)(\/|$)/.test(path) || (importer !== "" && isOfPackage(root, importer))
      return kind === "entry-point" || (bundled && !isBuiltin(path)) ? undefined : { path, external: true }
    })
  },
})

/** Modules that the source starts workers with, found by following it from its entry. */
const workersOf = async (root: string, entries: ReadonlyArray<string>): Promise<ReadonlyArray<string>> => {
  const workers = new Set<string>()
  for (let known = -1; workers.size > known; ) {
    known = workers.size
    await build({
      ...options,
      absWorkingDir: root,
      entryPoints: [...entries, ...workers],
      outdir: root,
      write: false,
      packages: "external",
      plugins: [
        {
          name: "rankdag-workers",
          setup: (build) => {
            build.onLoad({ filter: /\.[cm]?ts$/ }, ({ path }) => {
              for (const [, , target = ""] of readFileSync(path, "utf8").matchAll(fileReference)) {
                const file = resolve(dirname(path), target)
                if (isCode(file) && isFile(file)) workers.add(file)
              }
              return undefined
            })
          },
        },
      ],
    })
  }
  return [...workers].sort()
}

/** How a program's modules become a bundle. */
export interface BundlePlan {
  /** Absolute path of the project. */
  readonly root: string
  /** Modules, as paths from the root, by the name of their file in the bundle, without its ending. */
  readonly entries: Readonly<Record<string, string>>
  readonly outdir: string
  /** JavaScript for the project's root, a path, where the bundle runs. */
  readonly rootAs: string
  /** JavaScript for its address, which ends in `/`. */
  readonly addressAs: string
  /** JavaScript before every module. */
  readonly banner: string
  /** Whether Effect is a part of the bundle, with source maps of it all. */
  readonly withEffect: boolean
  /** Told of each file, by absolute path, before it is read. */
  readonly onRead: (path: string) => void
}

/** Bundles modules with the workers that they start; nothing is written. All of it lies in one flat folder. */
export const bundleModules = async (plan: BundlePlan) => {
  const { addressAs, banner, entries, onRead, outdir, root, rootAs, withEffect } = plan
  const workers = await workersOf(root, Object.values(entries))
  return build({
    ...options,
    absWorkingDir: root,
    entryPoints: { ...entries, ...Object.fromEntries(workers.map((path) => [flatName(root, path), path])) },
    outdir,
    outExtension: { ".js": ".mjs" },
    splitting: true,
    minifySyntax: true,
    minifyWhitespace: withEffect,
    sourcemap: withEffect,
    sourcesContent: false,
    write: false,
    metafile: true,
    define: { RANKDAG_ROOT: rootAs },
    banner: { js: banner },
    ...(withEffect ? {} : { packages: "external" }),
    plugins: [
      ...(withEffect ? [packages(root)] : []),
      {
        name: "rankdag-bundle",
        setup: (build) => {
          build.onLoad({ filter: /\.[cm]?[jt]s$/ }, ({ path }) => {
            onRead(path)
            const text = readFileSync(path, "utf8")
            if (isOfPackage(root, path)) {
              const bare = text.replace(/\n\/\/# sourceMappingURL=.*\s*$/, "")
              return { contents: `${bare}\n//# sourceMappingURL=data:application/json;base64,${noMap}`, loader: "js" }
            }
            const contents = text.replace(fileReference, (whole, _quote, target: string) => {
              const file = resolve(dirname(path), target)
              if (!isFile(file)) return whole
              const from = encodeURI(relative(root, file).split(sep).join("/"))
              return isCode(file)
                ? `new URL("./${flatName(root, file)}.mjs", import.meta.url)`
                : `new URL(${JSON.stringify(`./${from}`)}, ${addressAs})`
            })
            return { contents, loader: path.endsWith("ts") ? "ts" : "js" }
          })
        },
      },
    ],
  })
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** Removes bundles that are neither new, current nor used by a living process. */
const prune = (folder: string, current: string): void => {
  const quarterHour = 15 * 60 * 1000
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    const stats = statSync(path, { throwIfNoEntry: false })
    if (name === current || name === "current.json" || stats === undefined) continue
    if (Date.now() - stats.mtimeMs < quarterHour) continue
    if (!stats.isDirectory()) {
      // What a process that died left before it renamed it.
      rmSync(path, { force: true })
      continue
    }
    const users = readdirSync(path).flatMap((file) => /^used-by-(\d+)$/.exec(file)?.[1] ?? [])
    if (!users.some((pid) => isAlive(Number(pid)))) rmSync(path, { recursive: true, force: true })
  }
}

/**
 * Bundles the program. The bundle's folder appears whole or not at all; two processes that make it at once make one each.
 *
 * @returns the name of its folder in `bundleFolder(root)`.
 * @throws where the source has an error, or the folder cannot be written.
 */
export const makeBundle = async (root: string, entry: string): Promise<string> => {
  const at = Date.now()
  const folder = bundleFolder(root)
  makeFolders(folder, 0o700)
  chmodSync(folder, 0o700)
  const stamps = new Map<string, Stamp>()
  const stamp = (path: string): void => {
    if (!stamps.has(path)) stamps.set(path, stampOf(path))
  }
  // What decides how imports resolve, and how this bundle is made.
  for (const name of ["package.json", "package-lock.json", "tsconfig.json", "node_modules/.package-lock.json"]) {
    stamp(join(root, name))
  }
  for (const name of ["Bundle.ts", "launch.ts", "launchBundle.ts"])
    stamp(fileURLToPath(new URL(`./${name}`, import.meta.url)))

  const id = randomUUID()
  const made = await bundleModules({
    root,
    entries: { [bundleEntry.replace(".mjs", "")]: entry },
    outdir: join(folder, id),
    rootAs: JSON.stringify(root),
    addressAs: JSON.stringify(pathToFileURL(`${root}${sep}`).href),
    // CommonJS inside a bundle of ES modules asks for Node's modules by `require`.
    banner:
      'import { createRequire as rankdagRequire } from "node:module"; const require = rankdagRequire(import.meta.url);',
    withEffect: true,
    onRead: stamp,
  })

  await stop()
  const temporary = join(folder, `${id}.tmp`)
  mkdirSync(temporary, { mode: 0o700 })
  const bundled: Record<string, number> = {}
  for (const file of made.outputFiles) {
    const name = relative(join(folder, id), file.path)
    writeFileSync(join(temporary, name), file.contents, { mode: 0o600 })
    bundled[name] = file.contents.length
  }
  writeFileSync(join(temporary, bundleStart), starter, { mode: 0o600 })
  bundled[bundleStart] = starter.length
  // JSON is read by esbuild itself.
  for (const input of Object.keys(made.metafile.inputs)) stamp(resolve(root, input))
  const sources = Object.fromEntries([...stamps].map(([path, each]) => [relative(root, path), each]))
  writeFileSync(join(temporary, "sources.json"), JSON.stringify(sources), { mode: 0o600 })
  renameSync(temporary, join(folder, id))

  const isSettled = [...stamps].every(([path, each]) => isTrusted(each, at) && stampOf(path) === each)
  if (isSettled) {
    const current: CurrentBundle = { id, bundled, sources }
    const next = join(folder, `${id}.json`)
    writeFileSync(next, JSON.stringify(current), { mode: 0o600 })
    renameSync(next, join(folder, "current.json"))
  }
  try {
    prune(folder, id)
  } catch {
    // Another process prunes too.
  }
  return id
}
