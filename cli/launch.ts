// The start of every command, so it imports only Node's own modules and one of the same kind. What is behind it takes a second
// to load module by module; as one file it takes a tenth. So the program is kept as a bundle under node_modules/.cache, valid
// while every file it was made of is unchanged, and made anew otherwise. Stages stay in files of their own, loaded when they run.
import { createHash } from "node:crypto"
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { register } from "node:module"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { type Stamp, stampOf } from "../pipeline/FingerprintStamp.ts"

/** A module that starts a program. */
export interface Program {
  /** @param words the command line after the name of the script. */
  readonly main: (words: ReadonlyArray<string>) => unknown
}

export interface LaunchOptions {
  /** Absolute path of the project. */
  readonly root: string
  /** The program's module, from the root: exports `main`. */
  readonly entry: string
  /** Imports that module as it is; used where no bundle can be made or kept. */
  readonly source: () => Promise<Program>
  /** The command line after the name of the script. */
  readonly words: ReadonlyArray<string>
}

/** What is known of the newest bundle. */
export interface CurrentBundle {
  /** Name of its folder. */
  readonly id: string
  /** Sizes of its files, by name. */
  readonly bundled: Readonly<Record<string, number>>
  /** Stamps, by path from the root, of what it was made of. */
  readonly sources: Readonly<Record<string, Stamp>>
}

/** The program's module in a bundle. */
export const bundleEntry = "main.mjs"

/** The folder of a project's bundles. Projects may share `node_modules`, and Node versions a project. */
export const bundleFolder = (root: string): string => {
  const whose = JSON.stringify([1, root, process.version, process.platform, process.arch])
  return join(root, "node_modules/.cache/rankdag", createHash("sha256").update(whose).digest("hex").slice(0, 16))
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const isRecordOf = <T>(value: unknown, is: (member: unknown) => member is T): value is Readonly<Record<string, T>> =>
  isRecord(value) && Object.values(value).every(is)

const isString = (value: unknown): value is string => typeof value === "string"
const isNumber = (value: unknown): value is number => typeof value === "number"

/** The newest bundle, if it is whole and everything it was made of is as it was. */
export const validBundle = (root: string): CurrentBundle | undefined => {
  try {
    const current: unknown = JSON.parse(readFileSync(join(bundleFolder(root), "current.json"), "utf8"))
    if (!isRecord(current)) return undefined
    const { id, bundled, sources } = current
    if (!isString(id) || !isRecordOf(bundled, isNumber) || !isRecordOf(sources, isString)) return undefined
    if (bundled[bundleEntry] === undefined) return undefined
    for (const [path, stamp] of Object.entries(sources)) if (stampOf(join(root, path)) !== stamp) return undefined
    for (const [name, size] of Object.entries(bundled)) {
      if (!stampOf(join(bundleFolder(root), id, name)).startsWith(`${size}:`)) return undefined
    }
    return { id, bundled, sources }
  } catch {
    return undefined
  }
}

const isProgram = (value: unknown): value is Program => isRecord(value) && typeof value["main"] === "function"

// Hooks registered later are asked first: tsx has nothing to do in a bundle, and would read all of it to find that out.
const hooks = `
import { readFile } from "node:fs/promises"
let folder
export const initialize = (data) => { folder = data }
export const resolve = (name, context, next) => {
  const inside = name.startsWith(folder) || (context.parentURL?.startsWith(folder) && name.startsWith("./"))
  return inside ? { url: new URL(name, context.parentURL).href, format: "module", shortCircuit: true } : next(name, context)
}
export const load = async (url, context, next) => url.startsWith(folder) && url.endsWith(".mjs")
  ? { format: "module", source: await readFile(new URL(url)), shortCircuit: true }
  : next(url, context)
`

/** Marks a bundle as used by this process, so that no other removes it while stages may yet be loaded from it. */
const use = (folder: string): void => {
  const marker = join(folder, `used-by-${process.pid}`)
  try {
    writeFileSync(marker, "")
    process.once("exit", () => rmSync(marker, { force: true }))
  } catch {
    // A bundle in a folder that cannot be written is not removed from it either.
  }
}

const importBundle = async (folder: string): Promise<Program> => {
  const url = pathToFileURL(folder).href
  register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: `${url}/` })
  // A bundle is made while the program runs, so its name cannot be literal.
  // eslint-disable-next-line no-restricted-syntax
  const program: unknown = await import(`${url}/${bundleEntry}`)
  if (!isProgram(program)) throw new TypeError(`${url}/${bundleEntry} exports no function «main»`)
  return program
}

const prepared = async (options: LaunchOptions): Promise<string | undefined> => {
  const valid = validBundle(options.root)
  if (valid !== undefined) return valid.id
  try {
    const { makeBundle } = await import("./launchBundle.ts")
    return await makeBundle(options.root, options.entry)
  } catch {
    // An error in the source is told best by loading the source; a cache that cannot be written costs time, nothing else.
    return undefined
  }
}

/** Starts the program from a bundle of it, or from its source where there can be none. */
export const launch = async (options: LaunchOptions): Promise<void> => {
  const id = await prepared(options)
  const folder = id === undefined ? undefined : join(bundleFolder(options.root), id)
  if (folder !== undefined) use(folder)
  const program =
    folder === undefined || !existsSync(join(folder, bundleEntry)) ? await options.source() : await importBundle(folder)
  await program.main(options.words)
}
