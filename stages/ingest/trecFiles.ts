/** TREC's files, told by their first bytes: the disks' are called FT911_1, LA010189.Z and fr940104.0z, in folders. */

import { closeSync, openSync, readdirSync, readSync, realpathSync, statSync } from "node:fs"
import { constants, gunzipSync } from "node:zlib"
import { isCompressed, uncompressedHead } from "./read/compress.ts"
import { TagScanner } from "./read/Markup.ts"
import { isZstandard, zstandardHead, zstandardHeadBytes } from "./read/zstandard.ts"

/** Paths relative to the folder, sorted. */
export interface TrecFiles {
  readonly documents: ReadonlyArray<string>
  readonly topics: ReadonlyArray<string>
  /** folders in which nothing is read */
  readonly leftOut: ReadonlyArray<string>
}

/**
 * The files of a folder, and of the folders in it, that begin with a document's or a topic's tag. As for Anserini, files called
 * `readme…` are none of them, nor is what lies in a folder `cr` (the Congressional Record, which the tracks that use disks 4
 * and 5 leave out), where there is anything else.
 *
 * @param passed files that are something else by their names
 */
export const trecFiles = (root: string, passed: (file: string) => boolean): TrecFiles => {
  const documents: Array<string> = []
  const topics: Array<string> = []
  const leftOut = new Map<string, Array<string>>()
  const visited = new Set<string>()
  let count = 0
  const visit = (folder: string, depth: number, record: string | undefined): void => {
    const real = realpathSync(`${root}/${folder}`)
    if (visited.has(real) || depth > deepest) return
    visited.add(real)
    for (const name of readdirSync(real).sort()) {
      if (name.startsWith(".") || name === "node_modules" || ++count > mostFiles) continue
      const file = folder === "" ? name : `${folder}/${name}`
      const status = statSync(`${root}/${file}`, { throwIfNoEntry: false })
      if (status?.isDirectory() === true) visit(file, depth + 1, record ?? (/^cr$/i.test(name) ? file : undefined))
      if (status?.isFile() !== true || /^readme/i.test(name) || passed(file)) continue
      const kind = kindOf(`${root}/${file}`)
      if (kind === "topics") topics.push(file)
      if (kind !== "documents") continue
      if (record === undefined) documents.push(file)
      else leftOut.set(record, [...(leftOut.get(record) ?? []), file])
    }
  }
  visit("", 0, undefined)
  if (documents.length > 0)
    return { documents: documents.sort(), topics: topics.sort(), leftOut: [...leftOut.keys()].sort() }
  return { documents: [...leftOut.values()].flat().sort(), topics: topics.sort(), leftOut: [] }
}

const deepest = 8
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
