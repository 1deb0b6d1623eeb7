import { createHash } from "node:crypto"
import { closeSync, openSync } from "node:fs"
import { type FileHandle, open } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { makeFolders } from "../../schemas/index.ts"
import type { FileRecord } from "./FolderContent.ts"
import type { OutputRecord } from "./Manifest.ts"
import { type Remote, RemoteError } from "./Remote.ts"
import { elementOf, Passing, S3Connection, type S3Place } from "./S3Connection.ts"
import { type StoreError, storeError } from "./StoreError.ts"

/** A file of more bytes goes and comes in parts; a part being sent is in memory, one that comes is not. */
const partBytes = 16 * 1024 * 1024
/** Bytes that come are written so many at once. */
const writeBytes = 1024 * 1024
/** S3 takes 10,000 parts of an object. */
const mostParts = 9000
/** Parts of a file at once. */
const partsAtOnce = 4
/** Files of an object at once. */
const filesAtOnce = 8

const objectKey = (hash: string, path: string): string => `objects/${hash}/${path}`

/** Runs over items, some at a time. After one failed none is begun, and those that were have ended before it is thrown. */
const each = async <A>(items: Iterable<A>, atOnce: number, body: (item: A) => Promise<void>): Promise<void> => {
  const rest = items[Symbol.iterator]()
  const failures: Array<unknown> = []
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && failures.length === 0; next = rest.next()) {
      try {
        await body(next.value)
      } catch (cause) {
        failures.push(cause)
      }
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  if (failures.length > 0) throw failures[0]
}

/** Where the parts of a file begin, and how long they are. */
const partsOf = (bytes: number, size: number): ReadonlyArray<{ readonly at: number; readonly bytes: number }> =>
  Array.from({ length: Math.ceil(bytes / size) }, (_, i) => ({ at: i * size, bytes: Math.min(size, bytes - i * size) }))

const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex")

/** Brings a part of a stored file to its place in a file; a connection that ends in the middle is gone on with from there. */
const pullPart = async (
  s3: S3Connection,
  key: string,
  { bytes, path }: FileRecord,
  part: { readonly at: number; readonly bytes: number },
  file: FileHandle,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> => {
  const during = `reading ${path} of an artifact`
  let done = 0
  await s3.again(
    during,
    signal,
    async () => {
      const from = part.at + done
      const isWhole = from === 0 && part.bytes === bytes
      const range = `bytes=${from}-${part.at + part.bytes - 1}`
      const answer = await s3.once(
        { method: "GET", key, during, ...(isWhole ? {} : { headers: { range } }) },
        isWhole ? [200] : [206, 200, 416],
        signal,
      )
      const wrong = (detail: string): RemoteError => {
        answer.destroy()
        return s3.error("WrongBytes", during, detail)
      }
      if (answer.statusCode === 416) throw wrong(`it is shorter than its ${bytes} bytes`)
      if (!isWhole && answer.statusCode === 200) throw wrong("the server sends a whole file where a part was asked for")
      const length = answer.headers["content-length"]
      const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.headers["content-range"] ?? "") ?? []
      const stated = isWhole ? length : total === "*" ? undefined : total
      if (stated !== undefined && Number(stated) !== bytes) throw wrong(`it has ${stated} bytes and not ${bytes}`)
      if (!isWhole && Number(first) !== from) throw wrong("the server sends another part than the one asked for")
      let waiting: Array<Buffer> = []
      let held = 0
      const write = async (): Promise<void> => {
        const [bytes, chunks] = [held, waiting]
        ;[held, waiting] = [0, []]
        if (bytes === 0) return
        const { bytesWritten } = await file.writev(chunks, part.at + done)
        if (bytesWritten !== bytes) throw new Passing("the disk took less than it was given")
        done += bytes
        onBytes(bytes)
      }
      try {
        for await (const chunk of answer) {
          if (!Buffer.isBuffer(chunk)) continue
          if (done + held + chunk.length > part.bytes) throw wrong(`more than its ${part.bytes} bytes came`)
          waiting.push(chunk)
          held += chunk.length
          if (held >= writeBytes) await write()
        }
      } finally {
        // What came before the connection ended is not asked for again.
        await write()
      }
      if (done < part.bytes) throw new Passing("the connection ended early")
    },
    () => done,
  )
}

const pullFile = async (
  s3: S3Connection,
  hash: string,
  record: FileRecord,
  folder: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> => {
  const path = join(folder, record.path)
  makeFolders(dirname(path))
  if (record.bytes === 0) return closeSync(openSync(path, "w"))
  const file = await open(path, "w")
  try {
    const key = objectKey(hash, record.path)
    await each(partsOf(record.bytes, partBytes), partsAtOnce, (part) =>
      pullPart(s3, key, record, part, file, signal, onBytes),
    )
  } finally {
    await file.close()
  }
}

/** Reads a part of a file whole. */
const readPart = async (file: FileHandle, at: number, bytes: number): Promise<Buffer> => {
  const buffer = Buffer.allocUnsafe(bytes)
  for (let read = 0; read < bytes; ) {
    const { bytesRead } = await file.read(buffer, read, bytes - read, at + read)
    if (bytesRead === 0) throw new Error("the file became shorter while it was read")
    read += bytesRead
  }
  return buffer
}

const changed = (path: string): Error =>
  new Error(`${path} is not as it was recorded, so it is not shared; verify finds such files`)

const pushParts = async (
  s3: S3Connection,
  key: string,
  record: FileRecord,
  file: FileHandle,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> => {
  const during = `writing ${record.path} of an artifact`
  const begun = await s3.text({ method: "POST", key, query: { uploads: "" }, during }, [200], signal)
  const uploadId = elementOf(begun.text, "UploadId")
  if (uploadId === undefined) throw s3.error("Refused", during, "the server names no upload")
  try {
    const size = Math.max(partBytes, Math.ceil(record.bytes / mostParts))
    const parts = partsOf(record.bytes, size)
    const marks: Array<string> = parts.map(() => "")
    const whole = createHash("sha256")
    let read: Promise<void> = Promise.resolve()
    await each(parts.entries(), partsAtOnce, async ([i, { at, bytes }]) => {
      // One after the other, for the hash of the whole is made of them in order.
      const turn = read.then(async () => {
        const buffer = await readPart(file, at, bytes)
        whole.update(buffer)
        return buffer
      })
      read = turn.then(
        () => undefined,
        () => undefined,
      )
      const body = await turn
      const query = { partNumber: String(i + 1), uploadId }
      const sent = await s3.text({ method: "PUT", key, query, body, during }, [200], signal)
      const { etag } = sent.headers
      if (etag === undefined) throw s3.error("Refused", during, "the server does not confirm a part")
      marks[i] = etag
      onBytes(bytes)
    })
    if (whole.digest("hex") !== record.sha256) throw changed(record.path)
    const list = marks.map((mark, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${mark}</ETag></Part>`)
    const body = Buffer.from(
      `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list.join("")}</CompleteMultipartUpload>`,
    )
    await s3.again(during, signal, async () => {
      const request = { method: "POST", key, query: { uploadId }, body, during } as const
      const answer = await s3.once(request, [200, 404], signal)
      let text = ""
      for await (const part of answer) text += String(part)
      // An answer that was lost: the upload is gone because it was completed. Whether it was is seen by what is there.
      if (answer.statusCode === 404) {
        if ((await sizeOf(s3, key, signal)) === record.bytes) return
        throw s3.error("Refused", during, "the server has forgotten the upload")
      }
      if (text.includes("<Error>")) throw new Passing(`the server answers ${elementOf(text, "Code") ?? "an error"}`)
    })
  } catch (cause) {
    const abort = { method: "DELETE", key, query: { uploadId }, during } as const
    await s3
      .once(abort, [204, 200], AbortSignal.timeout(5000))
      .then((answer) => answer.resume())
      .catch(() => undefined)
    throw cause
  }
}

/** The size of what lies under a key. */
const sizeOf = async (s3: S3Connection, key: string, signal: AbortSignal): Promise<number | undefined> => {
  const during = `looking for ${key}`
  const answer = await s3.once({ method: "HEAD", key, during }, [200, 404], signal)
  answer.resume()
  return answer.statusCode === 404 ? undefined : Number(answer.headers["content-length"])
}

const pushFile = async (
  s3: S3Connection,
  hash: string,
  record: FileRecord,
  folder: string,
  anew: boolean,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<void> => {
  const key = objectKey(hash, record.path)
  const during = `writing ${record.path} of an artifact`
  const there = anew ? undefined : await s3.again(during, signal, () => sizeOf(s3, key, signal))
  if (there === record.bytes) return onBytes(record.bytes)
  const file = await open(join(folder, record.path), "r")
  try {
    if (record.bytes > partBytes) return await pushParts(s3, key, record, file, signal, onBytes)
    const body = await readPart(file, 0, record.bytes)
    if (sha256(body) !== record.sha256) throw changed(record.path)
    await s3.text({ method: "PUT", key, body, during }, [200], signal)
    onBytes(record.bytes)
  } finally {
    await file.close()
  }
}

/**
 * A store in a bucket of S3, or of a server that speaks as S3 does: `objects/<hash>/<path>`, a file each, and
 * `manifests/<stage>/<key>.json`.
 */
export const s3Remote = (place: S3Place): Effect.Effect<Remote, RemoteError, Scope.Scope> =>
  Effect.gen(function* () {
    const { address } = place
    const s3 = yield* Effect.acquireRelease(
      Effect.try({
        try: () => new S3Connection(place),
        catch: (cause) =>
          cause instanceof RemoteError
            ? cause
            : new RemoteError({
                reason: "Settings",
                address,
                during: "looking for the server",
                detail: cause instanceof Error ? cause.message : String(cause),
              }),
      }),
      (connection) => Effect.promise(() => connection.close()),
    )
    /** Parts that are sent are in memory: one object is sent at a time. */
    const sending = yield* Effect.makeSemaphore(1)
    const promised = <A>(
      during: string,
      path: string,
      body: (signal: AbortSignal) => Promise<A>,
    ): Effect.Effect<A, RemoteError | StoreError> =>
      Effect.tryPromise({
        try: body,
        catch: (cause) => (cause instanceof RemoteError ? cause : storeError(during, path, cause)),
      })
    return {
      address,
      readRecord: (path) =>
        promised("reading a shared record", path, async (signal) => {
          const answer = await s3.text({ method: "GET", key: path, during: `reading ${path}` }, [200, 404], signal)
          if (answer.status === 200) return answer.text
          if (elementOf(answer.text, "Code") === "NoSuchBucket") {
            throw s3.error("NoBucket", `reading ${path}`, "there is no such bucket")
          }
          return undefined
        }),
      putRecord: (path, text, ifAbsent) =>
        promised("sharing a record", path, async (signal) => {
          const headers = ifAbsent ? { "if-none-match": "*" } : {}
          const request = { method: "PUT", key: path, body: Buffer.from(text), during: `writing ${path}` } as const
          const answer = await s3.text({ ...request, headers }, [200, 412, 501], signal)
          // A server that does not know the condition.
          if (answer.status === 501) await s3.text(request, [200], signal)
        }),
      pull: (hash, files, folder, onBytes) =>
        promised("reading a shared artifact", folder, (signal) =>
          each(files, filesAtOnce, (file) => pullFile(s3, hash, file, folder, signal, onBytes)),
        ),
      push: (record: OutputRecord, folder, anew, onBytes) =>
        promised("sharing an artifact", folder, async (signal) => {
          const send = (file: FileRecord) => pushFile(s3, record.hash, file, folder, anew, signal, onBytes)
          const isWhole = ({ bytes }: FileRecord): boolean => bytes <= partBytes
          await each(record.files.filter(isWhole), filesAtOnce, send)
          for (const file of record.files) if (!isWhole(file)) await send(file)
        }).pipe(sending.withPermits(1)),
    }
  })
