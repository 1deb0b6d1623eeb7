import { createReadStream } from "node:fs"
import { createGunzip } from "node:zlib"
import { UnreadableFile } from "../IngestError.ts"
import { unreadable } from "../unreadable.ts"
import { isCompressed, uncompressed } from "./compress.ts"
import { foreignFormat } from "./foreignFormat.ts"
import { isZstandard, unpackZstandard, ZstandardError } from "./zstandard.ts"

const chunkBytes = 256 * 1024

const gzipMagic = (chunk: Uint8Array): boolean => chunk[0] === 0x1f && chunk[1] === 0x8b

/**
 * A file's bytes, a chunk at a time, unpacked where they are gzip, Zstandard or of compress (told by the first bytes,
 * whatever the name). What is no text by its first bytes is refused with what it is.
 *
 * @param shown the name used in errors
 * @param onRead told how many bytes were read from the disk, for progress
 * @throws UnreadableFile
 */
export async function* fileChunks(
  path: string,
  shown: string,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Uint8Array> {
  const source = createReadStream(path, { highWaterMark: chunkBytes })
  try {
    const chunks: AsyncIterator<unknown> = source[Symbol.asyncIterator]()
    async function* raw(): AsyncGenerator<Uint8Array> {
      for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
        if (!(next.value instanceof Uint8Array)) continue
        onRead(next.value.length)
        yield next.value
      }
    }
    const bytes = raw()
    const first = await bytes.next()
    if (first.done === true) {
      if (shown.endsWith(".gz")) throw Object.assign(new Error("empty"), { code: "Z_BUF_ERROR" })
      if (shown.endsWith(".zst")) throw new ZstandardError("truncated", "the file is empty")
      return
    }
    const foreign = foreignFormat(shown, first.value)
    if (foreign !== undefined) throw foreign
    if (gzipMagic(first.value)) yield* ofText(shown, gunzip(first.value, bytes))
    else if (isZstandard(first.value)) yield* ofText(shown, unpackZstandard(first.value, bytes))
    else if (isCompressed(first.value)) yield* ofText(shown, uncompressed(first.value, bytes))
    else {
      yield first.value
      yield* bytes
    }
  } catch (error) {
    throw error instanceof UnreadableFile ? error : unreadable(shown, error)
  } finally {
    source.destroy()
  }
}

/** What comes out of a packed file, once its first bytes show no other format. */
async function* ofText(shown: string, unpacked: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  let isFirst = true
  for await (const chunk of unpacked) {
    if (isFirst) {
      const foreign = foreignFormat(shown, chunk)
      if (foreign !== undefined) throw foreign
      if (gzipMagic(chunk) || isZstandard(chunk) || isCompressed(chunk)) {
        const detail = "it is packed twice"
        throw new UnreadableFile({ file: shown, reason: "another format", detail, fix: "Unpack it once." })
      }
    }
    isFirst = false
    yield chunk
  }
}

/** Unpacks gzip bytes; several members in a row are one file. At most a few chunks are held. */
async function* gunzip(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const unzip = createGunzip({ chunkSize: chunkBytes })
  const feed = async () => {
    try {
      let chunk: Uint8Array | undefined = first
      while (chunk !== undefined && !unzip.destroyed) {
        if (!unzip.write(chunk)) await drained(unzip)
        const next: IteratorResult<Uint8Array> = await rest.next()
        chunk = next.done === true ? undefined : next.value
      }
      unzip.end()
    } catch (error) {
      unzip.destroy(error instanceof Error ? error : new Error(String(error)))
    }
  }
  const feeding = feed()
  try {
    const unpacked: AsyncIterator<unknown> = unzip[Symbol.asyncIterator]()
    for (let next = await unpacked.next(); next.done !== true; next = await unpacked.next()) {
      if (next.value instanceof Uint8Array) yield next.value
    }
  } finally {
    unzip.destroy()
    await feeding
  }
}

/** Until more can be written, or never will be. */
const drained = (stream: ReturnType<typeof createGunzip>): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done).off("close", done).off("error", done)
      resolve()
    }
    stream.on("drain", done).on("close", done).on("error", done)
  })
