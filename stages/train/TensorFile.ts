import { createHash, type Hash } from "node:crypto"
import { type FileHandle, open, rename, rm } from "node:fs/promises"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { causeText } from "../../schemas/index.ts"
import { CheckpointFailed } from "./TrainError.ts"

/**
 * Named arrays and a JSON value in one file that appears whole or not at all: the header's length in bytes (32 bits), the header
 * as JSON, the arrays' bytes one after the other (little-endian), and the SHA-256 of all that.
 */
export type Tensors = ReadonlyMap<string, Float32Array | Int32Array>

const Header = Schema.Struct({
  form: Schema.Literal(1),
  value: Schema.Unknown,
  tensors: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      type: Schema.Literal("float32", "int32"),
      length: Schema.NonNegativeInt,
    }),
  ),
})

/** Bytes of one read or write; Node does at most 2 GiB − 1 in one call. */
const atOnce = 2 ** 26

const digestBytes = 32

const bytesOf = (array: Float32Array | Int32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** A hash takes less than 2 GiB in one call, too. */
const updateHash = (hash: Hash, bytes: Uint8Array): void => {
  for (let from = 0; from < bytes.length; from += atOnce) hash.update(bytes.subarray(from, from + atOnce))
}

const writeAll = async (handle: FileHandle, value: unknown, tensors: Tensors): Promise<void> => {
  const hash = createHash("sha256")
  const write = async (bytes: Uint8Array): Promise<void> => {
    updateHash(hash, bytes)
    for (let done = 0; done < bytes.length; ) {
      done += (await handle.write(bytes, done, Math.min(atOnce, bytes.length - done))).bytesWritten
    }
  }
  const header = Buffer.from(
    JSON.stringify({
      form: 1,
      value,
      tensors: [...tensors].map(([name, array]) => ({
        name,
        type: array instanceof Float32Array ? "float32" : "int32",
        length: array.length,
      })),
    }),
  )
  const length = Buffer.alloc(4)
  length.writeUInt32LE(header.length)
  await write(length)
  await write(header)
  for (const array of tensors.values()) await write(bytesOf(array))
  await handle.write(hash.digest())
  await handle.sync()
}

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, "r")
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Writes a file; when this fails, what had its name before is as it was. */
export const writeTensors = (path: string, value: unknown, tensors: Tensors): Effect.Effect<void, CheckpointFailed> => {
  const partial = `${path}.partial`
  return Effect.tryPromise({
    try: async () => {
      const handle = await open(partial, "w")
      try {
        await writeAll(handle, value, tensors)
      } finally {
        await handle.close()
      }
      await rename(partial, path)
      await syncFolder(dirname(path))
    },
    catch: (cause) =>
      new CheckpointFailed({
        path,
        during: "writing",
        why: causeText(cause),
        remedy:
          "The checkpoint before it is as it was. Make room on the disk and run again: training goes on from there",
      }),
  }).pipe(Effect.tapError(() => Effect.promise(() => rm(partial, { force: true }).catch(() => undefined))))
}

const readFully = async (handle: FileHandle, into: Uint8Array, from: number): Promise<void> => {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, Math.min(atOnce, into.length - done), from + done)
    if (bytesRead === 0) throw new Error("it ends too early")
    done += bytesRead
  }
}

/** Reads a file that `writeTensors` wrote; damage is an error. */
export const readTensors = (
  path: string,
): Effect.Effect<{ readonly value: unknown; readonly tensors: Tensors }, CheckpointFailed> =>
  Effect.tryPromise({
    try: async () => {
      const handle = await open(path, "r")
      try {
        const hash = createHash("sha256")
        let at = 0
        const read = async (into: Uint8Array): Promise<void> => {
          await readFully(handle, into, at)
          updateHash(hash, into)
          at += into.length
        }
        const { size } = await handle.stat()
        const length = Buffer.alloc(4)
        await read(length)
        const headerBytes = length.readUInt32LE()
        if (headerBytes > size) throw new Error("its header is damaged")
        const text = new Uint8Array(headerBytes)
        await read(text)
        const header = Schema.decodeUnknownSync(Schema.parseJson(Header))(new TextDecoder().decode(text))
        const tensors = new Map<string, Float32Array | Int32Array>()
        for (const { name, type, length: elements } of header.tensors) {
          if (at + elements * 4 + digestBytes > size) throw new Error("it is too short for what its header names")
          const array = type === "float32" ? new Float32Array(elements) : new Int32Array(elements)
          await read(bytesOf(array))
          tensors.set(name, array)
        }
        const stated = Buffer.alloc(digestBytes)
        await readFully(handle, stated, at)
        if (!hash.digest().equals(stated)) throw new Error("its bytes are damaged: the checksum differs")
        return { value: header.value, tensors }
      } finally {
        await handle.close()
      }
    },
    catch: (cause) =>
      new CheckpointFailed({ path, during: "reading", why: causeText(cause), remedy: "Delete it to begin anew" }),
  })
