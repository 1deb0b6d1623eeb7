import { createReadStream, createWriteStream } from "node:fs"
import { dirname, join } from "node:path"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { crc32, createGunzip } from "node:zlib"
import { extract } from "tar-stream"
import { type Entry, open as openZip, type ZipFile } from "yauzl"
import { causeText, makeFolders } from "../../../schemas/index.ts"

/** Where an entry of an archive goes, relative to the folder; undefined for one that is not wanted. */
export type Take = (entry: string) => string | undefined

/**
 * Whether a path, as an archive spells it, stays within the folder it is unpacked into: relative, with no `..`, no drive and no
 * backslash.
 */
export const staysWithin = (path: string): boolean =>
  path !== "" && !/^\/|^[A-Za-z]:|\\|\0/.test(path) && !path.split("/").includes("..")

/** What went wrong within an archive, with the entry in which it did. */
const inEntry = (name: string, error: unknown): Error => new Error(`${name}: ${causeText(error)}`)

/** Unpacks the wanted regular files of a gzipped tar, streamed. Returns what was written. */
export const unpackTar = async (archive: string, folder: string, take: Take): Promise<ReadonlyArray<string>> => {
  const written: Array<string> = []
  const entries = extract()
  let failure: unknown
  const reading = pipeline(createReadStream(archive, { highWaterMark: 1 << 20 }), createGunzip(), entries)
  // The pipeline's own failure ends the loop below too, which then knows only that its input ended.
  reading.catch((error: unknown) => {
    failure ??= error
  })
  let last: string | undefined
  try {
    for await (const entry of entries) {
      const name = entry.header.name.replace(/^(?:\.\/)+/, "")
      last = name
      const target = entry.header.type === "file" && staysWithin(name) ? take(name) : undefined
      if (target === undefined) entry.resume()
      else written.push(await write(entry, folder, target))
    }
    await reading
  } catch (error) {
    const why = failure ?? error
    throw last === undefined ? why : inEntry(last, why)
  }
  return written
}

/** Unpacks the wanted files of a zip, streamed. Returns what was written. */
export const unpackZip = async (archive: string, folder: string, take: Take): Promise<ReadonlyArray<string>> => {
  const zip = await zipOf(archive)
  const written: Array<string> = []
  try {
    for (let entry = await nextEntry(zip); entry !== undefined; entry = await nextEntry(zip)) {
      const name = entry.fileName
      const isFile = !name.endsWith("/") && isRegular(entry)
      const target = isFile && staysWithin(name) ? take(name) : undefined
      if (target === undefined) continue
      try {
        written.push(await write(checked(await contentOf(zip, entry), entry), folder, target))
      } catch (error) {
        throw inEntry(name, error)
      }
    }
  } finally {
    zip.close()
  }
  return written
}

const write = async (content: AsyncIterable<unknown>, folder: string, target: string): Promise<string> => {
  const path = join(folder, target)
  // At once: an archive that breaks off while nobody listens to its entry would end the program.
  makeFolders(dirname(path))
  await pipeline(content, createWriteStream(path, { flags: "wx" }))
  return target
}

/** Unix file types live in the upper half of the external attributes; other systems leave them empty. */
const isRegular = (entry: Entry): boolean => [0, 0x8000].includes((entry.externalFileAttributes >>> 16) & 0xf000)

/** An entry's bytes; an error after the last of them if they are not those that were packed. */
async function* checked(content: Readable, entry: Entry): AsyncGenerator<Uint8Array> {
  let sum = 0
  for await (const chunk of content) {
    if (!(chunk instanceof Uint8Array)) continue
    sum = crc32(chunk, sum)
    yield chunk
  }
  if (sum !== entry.crc32) throw new Error("it does not have the checksum that the archive says")
}

const zipOf = (archive: string): Promise<ZipFile> =>
  new Promise((resolve, reject) => {
    openZip(archive, { lazyEntries: true, autoClose: false, strictFileNames: false }, (error, zip) => {
      if (error === null) resolve(zip)
      else reject(error)
    })
  })

const nextEntry = (zip: ZipFile): Promise<Entry | undefined> =>
  new Promise((resolve, reject) => {
    const settle = (then: () => void) => {
      zip.removeAllListeners()
      then()
    }
    zip.once("entry", (entry: Entry) => settle(() => resolve(entry)))
    zip.once("end", () => settle(() => resolve(undefined)))
    zip.once("error", (error: Error) => settle(() => reject(error)))
    zip.readEntry()
  })

const contentOf = (zip: ZipFile, entry: Entry): Promise<Readable> =>
  new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error !== null) return reject(error)
      // What fails before its reader begins is told to the reader.
      stream.on("error", () => {})
      resolve(stream)
    })
  })
