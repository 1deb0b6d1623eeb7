import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { type FileHandle, open, rename, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { makeFolders } from "../../schemas/index.ts"
import { HubChecksumWrong, HubInterrupted } from "./HubError.ts"

/** How the hub is spoken to. */
export interface HubConnection {
  /** Origin of the hub, without a slash at the end. */
  readonly endpoint: string
  /** Sent to the hub's own origin only, never to where it redirects. */
  readonly token: string | undefined
  /** Failures in a row, without a byte between, after which it is given up. */
  readonly attempts: number
  /** First pause between attempts; doubled each time. */
  readonly pauseMillis: number
  /** A connection that brings nothing for so long is given up. */
  readonly stallMillis: number
  readonly onProgress: (progress: HubProgress) => void
}

export interface HubProgress {
  readonly file: string
  readonly bytes: number
  /** Undefined until the hub says it. */
  readonly total: number | undefined
}

/** An answer that trying again will not change. */
export class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string) {
    super(`the hub answered ${status}${code === "" ? "" : ` (${code})`}`)
    this.status = status
    this.code = code
  }
}

const mostRedirects = 8

interface Answer {
  readonly response: Response
  /** The checksum that the hub itself states: an LFS file's SHA-256, or a Git blob's SHA-1; empty when it states none. */
  readonly etag: string
}

const bare = (etag: string | null): string => (etag ?? "").replace(/^W\//u, "").replaceAll('"', "")

const release = async (response: Response): Promise<void> => {
  // An unread body would hold the connection.
  await response.body?.cancel().catch(() => undefined)
}

/** One request, with redirects followed by hand: the token and the checksum belong to the hub's own origin. */
const request = async (
  connection: HubConnection,
  address: string,
  method: "GET" | "HEAD",
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> => {
  const home = new URL(connection.endpoint).origin
  let url = new URL(address)
  let etag = ""
  for (let redirects = 0; redirects <= mostRedirects; redirects++) {
    const atHome = url.origin === home
    const response = await fetch(url, {
      method,
      redirect: "manual",
      signal,
      headers: {
        // Bytes as they are stored: compression on the way would make ranges and checksums those of something else.
        "accept-encoding": "identity",
        ...headers,
        ...(atHome && connection.token !== undefined ? { authorization: `Bearer ${connection.token}` } : {}),
      },
    })
    if (atHome) {
      const linked = bare(response.headers.get("x-linked-etag"))
      if (linked !== "") etag = linked
      else if (etag === "") etag = bare(response.headers.get("etag"))
    }
    const location = response.headers.get("location")
    const next = location === null ? undefined : new URL(location, url)
    // What a HEAD is for, the hub itself has said before it redirects elsewhere.
    const enough = method === "HEAD" && etag !== "" && next?.origin !== home
    if (response.status < 300 || response.status >= 400 || next === undefined || enough) {
      const { status } = response
      if (status >= 400 && status < 500 && status !== 408 && status !== 416 && status !== 429) {
        await release(response)
        throw new Refused(status, atHome ? (response.headers.get("x-error-code") ?? "") : "")
      }
      return { response, etag }
    }
    await release(response)
    url = next
  }
  throw new Error(`more than ${mostRedirects} redirects`)
}

/** What the innermost cause says: fetch hides the reason of a failure in `cause`. */
const why = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : why(error.cause)
}

/** Runs one attempt after the other, as long as they bring something or are not too many. */
const persist = async (
  connection: HubConnection,
  address: string,
  signal: AbortSignal,
  attempt: (signal: AbortSignal, alive: () => void) => Promise<{ readonly moved: boolean; readonly problem?: string }>,
): Promise<void> => {
  const nothingCame = `nothing came for ${connection.stallMillis / 1000} seconds`
  for (let failures = 0; ; ) {
    signal.throwIfAborted()
    const stalled = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const alive = () => {
      clearTimeout(timer)
      timer = setTimeout(() => stalled.abort(), connection.stallMillis)
    }
    alive()
    let problem: string | undefined
    let moved = false
    try {
      const outcome = await attempt(AbortSignal.any([signal, stalled.signal]), alive)
      problem = outcome.problem
      if (problem !== undefined && stalled.signal.aborted) problem = nothingCame
      moved = outcome.moved
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Refused || error instanceof HubChecksumWrong) throw error
      const code: unknown = error instanceof Error && "code" in error ? error.code : undefined
      if (code === "ENOSPC" || code === "EACCES" || code === "EROFS" || code === "EDQUOT")
        throw new HubInterrupted({ address, problem: `writing to the cache failed (${why(error)})` })
      problem = stalled.signal.aborted ? nothingCame : why(error)
    } finally {
      clearTimeout(timer)
    }
    if (problem === undefined) return
    failures = moved ? 1 : failures + 1
    if (failures >= connection.attempts) throw new HubInterrupted({ address, problem })
    await sleep(connection.pauseMillis * 2 ** Math.min(6, failures - 1), undefined, { signal })
  }
}

/** Fetches a JSON document. Throws `Refused`, `HubInterrupted`. */
export const hubJson = async (connection: HubConnection, address: string, signal: AbortSignal): Promise<unknown> => {
  let text = ""
  await persist(connection, address, signal, async (within) => {
    const { response } = await request(connection, address, "GET", {}, within)
    text = await response.text()
    return response.ok ? { moved: true } : { moved: false, problem: `the hub answered ${response.status}` }
  })
  return JSON.parse(text)
}

/** A Git blob's id is a SHA-1 over a heading and the bytes; an LFS file's checksum a SHA-256 over the bytes. */
const checksum = async (path: string, like: string): Promise<string> => {
  const gitBlob = /^[0-9a-f]{40}$/u.test(like)
  const hash = createHash(gitBlob ? "sha1" : "sha256")
  if (gitBlob) hash.update(`blob ${(await stat(path)).size}\0`)
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }))
    if (chunk instanceof Uint8Array) hash.update(chunk)
  return hash.digest("hex")
}

const isChecksum = (etag: string): boolean => /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/u.test(etag)

const appendAt = async (handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> => {
  for (let done = 0; done < chunk.length; )
    done += (await handle.write(chunk, done, chunk.length - done, position + done)).bytesWritten
}

/**
 * Fetches a file into `path`. What has come lies in `blobs/<checksum>.incomplete` and is taken up from there by a `Range`
 * request, also by a later process: its name says of which version it is. The file appears under `path` only when its
 * checksum is the hub's. Throws `Refused`, `HubChecksumWrong`, `HubInterrupted`.
 */
export const hubDownload = async (
  connection: HubConnection,
  address: string,
  file: string,
  path: string,
  blobs: string,
  signal: AbortSignal,
): Promise<void> => {
  makeFolders(blobs)
  makeFolders(dirname(path))
  await persist(connection, address, signal, async (within, alive) => {
    // Another process may have fetched it meanwhile.
    if (
      await stat(path).then(
        () => true,
        () => false,
      )
    )
      return { moved: true }
    // The checksum names the part, so it is asked for first.
    const { response: probe, etag } = await request(connection, address, "HEAD", {}, within)
    await release(probe)
    if (probe.status >= 400) return { moved: false, problem: `the hub answered ${probe.status}` }
    if (!isChecksum(etag))
      throw new HubInterrupted({ address, problem: "the hub states no checksum for it, so it cannot be trusted" })
    const partial = join(blobs, `${etag}.incomplete`)
    const handle = await open(partial, "a+").then(async (created) => {
      await created.close()
      return open(partial, "r+")
    })
    let bytes = (await handle.stat()).size
    const begin = bytes
    let total: number | undefined
    let broken: string | undefined
    try {
      const { response } = await request(
        connection,
        address,
        "GET",
        bytes > 0 ? { range: `bytes=${bytes}-` } : {},
        within,
      )
      try {
        const range = /^bytes (\d+)-\d+\/(\d+)$/u.exec(response.headers.get("content-range") ?? "")
        if (response.status === 206 && range !== null && Number(range[1]) === bytes) total = Number(range[2])
        else if (response.status === 200) {
          await handle.truncate(0)
          bytes = 0
          const length = response.headers.get("content-length")
          total = length === null ? undefined : Number(length)
        } else if (response.status === 416) total = bytes
        else {
          await handle.truncate(0)
          return { moved: false, problem: `the hub answered ${response.status}` }
        }
        if (response.status !== 416 && response.body !== null) {
          const reader = response.body.getReader()
          for (;;) {
            const next = await reader.read().catch((cause: unknown) => {
              broken = `: ${why(cause)}`
              return { done: true, value: undefined }
            })
            if (next.done) break
            alive()
            const chunk: unknown = next.value
            if (!(chunk instanceof Uint8Array)) continue
            await appendAt(handle, chunk, bytes)
            bytes += chunk.length
            connection.onProgress({ file, bytes, total })
          }
        }
      } finally {
        if (response.body?.locked === false) await release(response)
      }
      await handle.sync()
    } finally {
      await handle.close()
    }
    if (broken !== undefined || (total !== undefined && bytes < total))
      return {
        moved: bytes > begin,
        problem: `the connection broke off after ${bytes} of ${total ?? "?"} bytes${broken ?? ""}`,
      }
    const found = await checksum(partial, etag)
    if (found !== etag) {
      await rm(partial, { force: true })
      // Bytes of an earlier attempt may have been at fault: once more, from nothing.
      if (begin > 0) return { moved: true, problem: `its checksum was ${found} instead of ${etag}` }
      throw new HubChecksumWrong({ address, expected: etag, found })
    }
    await rename(partial, path)
    return { moved: true }
  })
}
