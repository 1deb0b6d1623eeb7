import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { type FileHandle, open, readFile, rename, rm, stat, statfs, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeFolders } from "../../../schemas/index.ts"
import { DownloadFailed } from "./DownloadError.ts"

export interface DownloadProgress {
  readonly bytes: number
  /** as the server says, or as was expected */
  readonly total: number
  /** bytes a second, over the last few seconds */
  readonly rate: number
}

export interface DownloadOptions {
  readonly address: string
  /** Where the file comes to stand once its digest is right. Beside it `.part` and `.part.json` while it is fetched. */
  readonly file: string
  readonly md5: string
  /** Size as expected, until the server says it. */
  readonly bytes: number
  /** Bytes beside the file's own that must be free on the disk, for what is made of it. */
  readonly spare?: number
  /** A connection that brings nothing for so long is given up. Default 60 s. */
  readonly stallMillis?: number
  /** Failures in a row, without a byte between, after which it is given up. Default 6. */
  readonly attempts?: number
  /** First pause between attempts, doubled each time up to 64-fold. Default 1 s. */
  readonly pauseMillis?: number
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/**
 * Fetches a file over HTTP: redirects are followed, a dropped or stalled connection is taken up where it broke off (a
 * `Range` request under the first answer's validator), also by a later process; a server without ranges, or whose file has
 * changed, is read from the start. The file appears under its name only when its MD5 is right.
 *
 * @throws DownloadFailed; after a wrong digest nothing is left behind, otherwise the part stays for the next try
 */
export const download = async (options: DownloadOptions): Promise<void> => {
  const { address, attempts = 6, file, md5, pauseMillis = 1000, signal } = options
  const fail = failing(address)
  makeFolders(dirname(file))
  if (await digestIs(file, md5)) return
  // Bytes of two attempts that do not fit together are noticed by the digest; then one more try starts from nothing.
  for (let fresh = false; ; fresh = true) {
    const part = await Part.open(file)
    const resumed = part.bytes > 0
    try {
      await checkSpace(options, part.bytes)
      let failures = 0
      for (;;) {
        signal?.throwIfAborted()
        const before = part.bytes
        const outcome = await attempt(options, part)
        if (outcome === "complete") break
        failures = part.bytes > before ? 1 : failures + 1
        if (failures >= attempts) throw outcome.error
        const pause = Math.max(outcome.waitMillis, pauseMillis * 2 ** Math.min(6, failures - 1))
        await sleep(pause, undefined, signal === undefined ? {} : { signal })
      }
    } finally {
      await part.close()
    }
    const found = await digestOf(part.path)
    if (found === md5) {
      await rename(part.path, file)
      await part.forget()
      return
    }
    await part.forget()
    if (!resumed || fresh) {
      const detail = `its MD5 is ${found}, and ${md5} is on record`
      throw fail(
        "checksum",
        detail,
        "The file was changed by its publisher or on the way; nothing of it was kept. Try again.",
      )
    }
  }
}

type Retry = { readonly error: DownloadFailed; readonly waitMillis: number }

const failing =
  (address: string) =>
  (reason: DownloadFailed["reason"], detail: string, fix: string): DownloadFailed =>
    new DownloadFailed({ address, reason, detail, fix })

const again = "Run the command again: it goes on where it broke off."

/** One connection: appends what it brings to the part. */
const attempt = async (options: DownloadOptions, part: Part): Promise<"complete" | Retry> => {
  const { address, signal, stallMillis = 60_000 } = options
  const fail = failing(address)
  const stalled = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const awake = () => {
    clearTimeout(timer)
    timer = setTimeout(() => stalled.abort(), stallMillis)
  }
  const retry = (error: unknown): Retry => {
    signal?.throwIfAborted()
    if (stalled.signal.aborted) {
      const detail = `nothing came for ${stallMillis / 1000} seconds, after ${part.bytes} bytes`
      return { error: fail("stalled", detail, again), waitMillis: 0 }
    }
    return {
      error: fail("connection", `the connection broke after ${part.bytes} bytes (${why(error)})`, again),
      waitMillis: 0,
    }
  }
  try {
    awake()
    let response: Response
    try {
      response = await fetch(address, {
        // Bytes as they are stored: a transparent compression would make ranges and digests those of something else.
        headers: { "accept-encoding": "identity", ...part.rangeHeaders() },
        signal: signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal]),
      })
    } catch (error) {
      return retry(error)
    }
    const { body, headers, status } = response
    try {
      if (status === 416 && part.bytes > 0) {
        // Either all is there already, or the file has become shorter.
        if (headers.get("content-range") === `bytes */${part.bytes}`) return "complete"
        await part.restart()
        return { error: fail("status", "the server has less of it than was fetched before", again), waitMillis: 0 }
      }
      if (status === 206) {
        const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get("content-range") ?? "")
        if (range === null || Number(range[1]) !== part.bytes) {
          await part.restart()
          return {
            error: fail("status", "the server answered with another range than was asked for", again),
            waitMillis: 0,
          }
        }
        if (range[2] !== "*") part.total = Number(range[2])
      } else if (status === 200) {
        await part.restart()
        const length = Number(headers.get("content-length") ?? Number.NaN)
        if (Number.isSafeInteger(length)) part.total = length
        await part.remember(headers)
      } else {
        const error = fail("status", `the server answered ${status} ${response.statusText}`.trim(), fixOf(status))
        if (status !== 408 && status !== 429 && status < 500) throw error
        const wait = Number(headers.get("retry-after") ?? 0) * 1000
        return { error, waitMillis: wait > 0 && wait <= 120_000 ? wait : 0 }
      }
      if (body === null) return retry(new Error("no body"))
      const meter = new Meter(part, options)
      const reader = body.getReader()
      try {
        for (;;) {
          const next = await reader.read()
          if (next.done) break
          awake()
          const chunk: unknown = next.value
          if (chunk instanceof Uint8Array) await part.append(chunk)
          meter.moved()
        }
      } finally {
        reader.releaseLock()
      }
    } finally {
      // An unread body would hold the connection.
      if (body !== null && !body.locked) await body.cancel().catch(() => {})
    }
    // A server that tells no size cannot be told from one that broke off, but for the size on record.
    const { bytes, total = options.bytes } = part
    if (bytes < total) return retry(new Error(`${bytes} of ${total} bytes came`))
    return "complete"
  } catch (error) {
    if (error instanceof DownloadFailed) throw error
    const disk = codeOf(error)
    if (disk === "ENOSPC" || disk === "EDQUOT") throw noSpace(options)
    if (["EACCES", "EPERM", "EROFS", "EIO", "EBADF"].includes(disk)) {
      throw fail("disk", `writing ${part.path} failed (${why(error)})`, "Check the folder's rights and the disk.")
    }
    return retry(error)
  } finally {
    clearTimeout(timer)
  }
}

const fixOf = (status: number): string =>
  status === 404 || status === 410
    ? "The file has moved: look for a newer version of rankdag, or fetch it by hand and name its folder."
    : status >= 500
      ? again
      : "Fetch the file by hand and name its folder."

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : ""

/** What the innermost cause says: fetch hides the reason of a failure in `cause`. */
const why = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : why(error.cause)
}

const noSpace = ({ address, bytes, file, spare = 0 }: DownloadOptions): DownloadFailed => {
  const detail = `the disk of ${dirname(file)} is too full: it takes ${megabytes(bytes + spare)} to fetch and unpack it`
  return failing(address)("space", detail, "Free some space, or choose another folder with --artifacts.")
}

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`

const checkSpace = async (options: DownloadOptions, there: number): Promise<void> => {
  const { bavail, bsize } = await statfs(dirname(options.file))
  if (bavail * bsize < options.bytes - there + (options.spare ?? 0)) throw noSpace(options)
}

const digestOf = async (path: string): Promise<string> => {
  const hash = createHash("md5")
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    if (chunk instanceof Uint8Array) hash.update(chunk)
  }
  return hash.digest("hex")
}

const digestIs = async (path: string, md5: string): Promise<boolean> => {
  try {
    return (await stat(path)).isFile() && (await digestOf(path)) === md5
  } catch {
    return false
  }
}

/** The file while it is incomplete, and what is known of it: its size, and the validator under which to go on. */
class Part {
  readonly path: string
  bytes = 0
  total: number | undefined
  private readonly notes: string
  private validator = ""
  private handle: FileHandle | undefined

  private constructor(file: string) {
    this.path = `${file}.part`
    this.notes = `${file}.part.json`
  }

  static async open(file: string): Promise<Part> {
    const part = new Part(file)
    part.handle = await open(part.path, "a")
    part.bytes = (await part.handle.stat()).size
    const notes: unknown = await readFile(part.notes, "utf8").then(JSON.parse, () => ({}))
    if (typeof notes === "object" && notes !== null && "validator" in notes && typeof notes.validator === "string") {
      part.validator = notes.validator
    }
    return part
  }

  rangeHeaders(): Record<string, string> {
    if (this.bytes === 0) return {}
    const range = { range: `bytes=${this.bytes}-` }
    return this.validator === "" ? range : { ...range, "if-range": this.validator }
  }

  /** Keeps a strong entity tag, or else the date, of the file that is now being read. */
  async remember(headers: Headers): Promise<void> {
    const tag = headers.get("etag") ?? ""
    this.validator = tag.startsWith('"') ? tag : (headers.get("last-modified") ?? "")
    await writeFile(this.notes, JSON.stringify({ validator: this.validator }))
  }

  async append(chunk: Uint8Array): Promise<void> {
    for (let written = 0; written < chunk.length; ) {
      const { bytesWritten } = await this.file.write(chunk, written)
      written += bytesWritten
      this.bytes += bytesWritten
    }
  }

  async restart(): Promise<void> {
    await this.file.truncate(0)
    this.bytes = 0
    this.total = undefined
    this.validator = ""
  }

  async close(): Promise<void> {
    await this.handle?.close()
    this.handle = undefined
  }

  async forget(): Promise<void> {
    await rm(this.path, { force: true })
    await rm(this.notes, { force: true })
  }

  private get file(): FileHandle {
    if (this.handle === undefined) throw new Error("the part is closed")
    return this.handle
  }
}

/** Tells progress at most ten times a second, with the rate of the last few seconds. */
class Meter {
  private readonly part: Part
  private readonly options: DownloadOptions
  private marks: Array<{ readonly at: number; readonly bytes: number }> = []
  private told = 0

  constructor(part: Part, options: DownloadOptions) {
    this.part = part
    this.options = options
    this.marks.push({ at: performance.now(), bytes: part.bytes })
  }

  moved(): void {
    const { onProgress } = this.options
    const { bytes, total = this.options.bytes } = this.part
    const now = performance.now()
    if (onProgress === undefined || (now - this.told < 100 && bytes < total)) return
    this.told = now
    this.marks.push({ at: now, bytes })
    while (this.marks.length > 2 && now - this.marks[0]!.at > 5000) this.marks.shift()
    const [first] = this.marks
    const seconds = first === undefined ? 0 : (now - first.at) / 1000
    onProgress({ bytes, total, rate: first === undefined || seconds === 0 ? 0 : (bytes - first.bytes) / seconds })
  }
}
