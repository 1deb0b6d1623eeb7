/** TREC's files, told by their first bytes: the disks' are called FT911_1, LA010189.Z and fr940104.0z, in folders. */

import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs"
import { constants, gunzipSync } from "node:zlib"
import { isCompressed, uncompressedHead } from "./read/compress.ts"
import { TagScanner } from "./read/Markup.ts"
import { isZstandard, zstandardHead, zstandardHeadBytes } from "./read/zstandard.ts"
import { unreadable } from "./unreadable.ts"

/** Paths relative to the folder, sorted. */
export interface TrecFiles {
  readonly documents: ReadonlyArray<string>
  readonly topics: ReadonlyArray<string>
  /** folders in which nothing is read */
  readonly leftOut: ReadonlyArray<string>
  /** files that are called as documents' files are, and do not begin as those do */
  readonly unlike: ReadonlyArray<string>
  /** whether there are more than are looked at: then the lists are not whole */
  readonly tooMany: boolean
}

/**
 * The files of a folder, and of the folders in it, that begin with a document's or a topic's tag. As for Anserini, files called
 * `readme…` are none of them, nor is what lies in a folder `cr` (the Congressional Record, which the tracks that use disks 4
 * and 5 leave out), where there is anything else.
 *
 * @param passed files that are something else by their names
 * @throws UnreadableFile for a folder that cannot be read
 */
export const trecFiles = (root: string, passed: (file: string) => boolean): TrecFiles => {
  const documents: Array<string> = []
  const topics: Array<string> = []
  const leftOut = new Map<string, Array<string>>()
  const others: Array<string> = []
  const visited = new Set<string>()
  let count = 0
  const visit = (folder: string, record: string | undefined): void => {
    const real = realpathSync(`${root}/${folder}`)
    if (visited.has(real)) return
    visited.add(real)
    for (const name of namesIn(real)) {
      if (name.startsWith(".") || name === "node_modules" || ++count > mostFiles) continue
      const file = folder === "" ? name : `${folder}/${name}`
      const status = statSync(`${root}/${file}`, { throwIfNoEntry: false })
      if (status?.isDirectory() === true) visit(file, record ?? (/^cr$/i.test(name) ? file : undefined))
      if (status?.isFile() !== true || /^readme/i.test(name) || passed(file)) continue
      const kind = kindOf(`${root}/${file}`)
      if (kind === "topics") topics.push(file)
      if (kind === undefined) others.push(file)
      if (kind !== "documents") continue
      if (record === undefined) documents.push(file)
      else leftOut.set(record, [...(leftOut.get(record) ?? []), file])
    }
  }
  visit("", undefined)
  const record = [...leftOut.values()].flat()
  const read = documents.length > 0 ? documents : record
  const shapes = new Set(read.map(shapeOf))
  return {
    documents: read.sort(),
    topics: topics.sort(),
    leftOut: documents.length > 0 ? [...leftOut.keys()].sort() : [],
    unlike: others.filter((file) => shapes.has(shapeOf(file))).sort(),
    tooMany: count > mostFiles,
  }
}

const namesIn = (folder: string): ReadonlyArray<string> => {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    throw unreadable(folder, error)
  }
}

/** Names that differ in numbers alone are of one shape, and all in a folder that end in `.trec` or `.trectext`. */
const shapeOf = (file: string): string =>
  file.replace(/[^/]*(?=\.(?:trec|trectext)(?:\.\w+)?$)/, "").replaceAll(/\d+(?=[^/]*$)/g, "0")

/** A folder that is no collection may hold a whole disk. */
const mostFiles = 200_000
const headBytes = 16 * 1024

/** By the first tag that is one of a document or a topic, where nothing but markup stands before it. */
const kindOf = (path: string): "documents" | "topics" | undefined => {
  const head = headOf(path).replace(/^\ufeff/, "")
  const scanner = new TagScanner(head)
  let at = 0
  for (let tag = scanner.next(0); tag !== undefined; tag = scanner.next(at)) {
    if (/\S/.test(head.slice(at, tag.from)) || tag.kind === "end" || tag.kind === "text") return undefined
    if (tag.name === "doc") return "documents"
    if (tag.name === "top" || tag.name === "topic") return "topics"
    at = tag.to
  }
  return undefined
}

/** The beginning of a file's text; nothing where it cannot be read or unpacked. */
const headOf = (path: string): string => {
  try {
    const head = firstBytes(path, headBytes)
    if (isCompressed(head)) return utf8(uncompressedHead(head))
    if (isZstandard(head)) return utf8(zstandardHead(firstBytes(path, zstandardHeadBytes)))
    if (head[0] !== 0x1f || head[1] !== 0x8b) return utf8(head)
    return utf8(gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH }))
  } catch {
    return ""
  }
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

const firstBytes = (path: string, count: number): Uint8Array => {
  const file = openSync(path, "r")
  try {
    const bytes = new Uint8Array(count)
    return bytes.subarray(0, readSync(file, bytes))
  } finally {
    closeSync(file)
  }
}
