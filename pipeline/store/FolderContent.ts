import { createHash } from "node:crypto"
import { lstatSync, readdirSync, readFileSync } from "node:fs"
import { chmod, open } from "node:fs/promises"
import { join } from "node:path"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { io, type StoreError } from "./StoreError.ts"

/** A file of an artifact: its path inside (with `/`), its size and the SHA-256 of its bytes. */
export const FileRecord = Schema.Struct({
  path: Schema.NonEmptyString,
  bytes: Schema.NonNegativeInt,
  sha256: Schema.String,
})
export type FileRecord = typeof FileRecord.Type

/** What a folder holds: its files in the order of their paths' UTF-8 bytes, and the content hash made of them. */
export interface FolderContent {
  readonly hash: string
  readonly bytes: number
  readonly files: ReadonlyArray<FileRecord>
}

/** Orders strings by their UTF-8 bytes. */
export const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

/**
 * The content hash of a folder: SHA-256 over one line per file, sorted by path, each with the file's own SHA-256, its size
 * and its path. Empty folders, modes and times are not content.
 */
export const contentHash = (files: ReadonlyArray<FileRecord>): string => {
  const hash = createHash("sha256")
  hash.update("rankdag artifact 1\n")
  for (const file of [...files].sort((a, b) => byBytes(a.path, b.path))) {
    hash.update(`${file.sha256} ${file.bytes} ${JSON.stringify(file.path)}\n`)
  }
  return hash.digest("hex")
}

/** A folder holds something that is neither a file nor a folder. */
class NotAFile extends Error {}

/** Paths and sizes of all files below a folder, sorted by the paths' bytes. Anything but files and folders is refused. */
export const listFiles = (directory: string): ReadonlyArray<{ readonly path: string; readonly bytes: number }> => {
  const found: Array<{ readonly path: string; readonly bytes: number }> = []
  const walk = (folder: string, prefix: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) walk(path, `${prefix}${entry.name}/`)
      else if (entry.isFile()) found.push({ path: `${prefix}${entry.name}`, bytes: lstatSync(path).size })
      else
        throw new NotAFile(
          `«${prefix}${entry.name}» is neither a file nor a folder, so it cannot be part of an artifact`,
        )
    }
  }
  walk(directory, "")
  return found.sort((a, b) => byBytes(a.path, b.path))
}

const chunkBytes = 1 << 20

/** A file of at most so many bytes is read at once: what a promise costs for each is more than what reading it takes. */
const smallBytes = 1 << 16

/** @param expected how many bytes the file had when it was listed */
const hashFile = async (path: string, expected: number, sync: boolean, signal: AbortSignal): Promise<FileRecord> => {
  if (expected <= smallBytes && !sync) {
    const data = readFileSync(path)
    return { path, bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") }
  }
  // A file is opened for reading also where it is made durable: fsync needs no right to write.
  const file = await open(path, "r")
  try {
    const hash = createHash("sha256")
    const buffer = Buffer.allocUnsafe(Math.min(chunkBytes, expected + 1))
    let bytes = 0
    for (;;) {
      signal.throwIfAborted()
      const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes)
      if (bytesRead === 0) break
      hash.update(buffer.subarray(0, bytesRead))
      bytes += bytesRead
    }
    if (sync) await file.sync()
    return { path, bytes, sha256: hash.digest("hex") }
  } finally {
    await file.close()
  }
}

/** Makes a folder's entries durable. */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await open(directory, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const readContent = (during: string, directory: string, durable: boolean): Effect.Effect<FolderContent, StoreError> =>
  io(during, directory, async (signal) => {
    const files: Array<FileRecord> = []
    const folders = new Set([directory])
    for (const { path, bytes } of listFiles(directory)) {
      const absolute = join(directory, path)
      files.push({ ...(await hashFile(absolute, bytes, durable, signal)), path })
      if (durable) await chmod(absolute, 0o444)
      for (let slash = path.indexOf("/"); slash >= 0; slash = path.indexOf("/", slash + 1)) {
        folders.add(join(directory, path.slice(0, slash)))
      }
    }
    // Deepest first: a folder's entry is durable when its parent is.
    if (durable) for (const folder of [...folders].sort().reverse()) await syncDirectory(folder)
    return { hash: contentHash(files), bytes: files.reduce((sum, file) => sum + file.bytes, 0), files }
  })

/** Reads and hashes every byte of a folder. */
export const folderContent = (directory: string): Effect.Effect<FolderContent, StoreError> =>
  readContent("hashing an artifact", directory, false)

/** Hashes a folder that is to become an artifact: its files become read-only, and they and its entries durable. */
export const sealFolder = (directory: string): Effect.Effect<FolderContent, StoreError> =>
  readContent("writing a result", directory, true)
