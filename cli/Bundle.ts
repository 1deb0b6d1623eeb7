// The start of every command reads this: it imports only Node's own modules and one of the same kind.
import { createHash } from "node:crypto"
import { lstatSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Stamp, stampOf } from "../pipeline/keys/FingerprintStamp.ts"
import { isRecord } from "../schemas/isRecord.ts"

/** What is known of the newest bundle. */
export interface CurrentBundle {
  /** Name of its folder. */
  readonly id: string
  /** Sizes of its files, by name. */
  readonly bundled: Readonly<Record<string, number>>
  /** Stamps, by path from the root, of what it was made of. */
  readonly sources: Readonly<Record<string, Stamp>>
}

/** The program's module in a bundle, and the module that runs it. */
export const bundleEntry = "main.mjs"
export const bundleStart = "start.mjs"

/** The folder of a project's bundles. Projects may share `node_modules`, and Node versions and users a project. */
export const bundleFolder = (root: string): string => {
  const whose = JSON.stringify([1, root, process.version, process.platform, process.arch, process.geteuid?.()])
  return join(root, "node_modules/.cache/rankdag", createHash("sha256").update(whose).digest("hex").slice(0, 16))
}

const isRecordOf = <T>(value: unknown, is: (member: unknown) => member is T): value is Readonly<Record<string, T>> =>
  isRecord(value) && Object.values(value).every(is)

const isString = (value: unknown): value is string => typeof value === "string"
const isNumber = (value: unknown): value is number => typeof value === "number"

/** Whether nobody but this user, who is about to run it, can have written a file or put one into a folder. */
const isOwn = (path: string): boolean => {
  const user = process.geteuid?.()
  if (user === undefined) return true
  const { mode, uid } = lstatSync(path)
  return uid === user && (mode & 0o022) === 0
}

/** The newest bundle, if it is this user's own, whole, and everything it was made of is as it was. */
export const validBundle = (root: string): CurrentBundle | undefined => {
  try {
    const folder = bundleFolder(root)
    if (!isOwn(folder) || !isOwn(join(folder, "current.json"))) return undefined
    const current: unknown = JSON.parse(readFileSync(join(folder, "current.json"), "utf8"))
    if (!isRecord(current)) return undefined
    const { id, bundled, sources } = current
    if (!isString(id) || !isRecordOf(bundled, isNumber) || !isRecordOf(sources, isString)) return undefined
    if (bundled[bundleStart] === undefined) return undefined
    for (const [path, stamp] of Object.entries(sources)) if (stampOf(join(root, path)) !== stamp) return undefined
    if (!isOwn(join(folder, id))) return undefined
    for (const [name, size] of Object.entries(bundled)) {
      const path = join(folder, id, name)
      if (!isOwn(path) || !stampOf(path).startsWith(`${size}:`)) return undefined
    }
    return { id, bundled, sources }
  } catch {
    return undefined
  }
}
