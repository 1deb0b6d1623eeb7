import { createHash, randomInt } from "node:crypto"
import { readFileSync } from "node:fs"
import type * as http from "node:http"
import { setTimeout as wait } from "node:timers/promises"
import { type AwsCredentials, awsSettings, type Environment } from "./AwsSettings.ts"
import { RemoteError } from "./Remote.ts"

/** Where a store lies in S3, and how it is come by. */
export interface S3Place {
  readonly bucket: string
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string
  readonly address: string
  readonly environment: Environment
  /** Whether a server beyond this machine may be asked without TLS. */
  readonly insecure: boolean
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE"
  /** The key below the prefix, with `/`. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** What the request does, for errors. */
  readonly during: string
}

/** Something that may go another time: a connection that ended, a server that is busy. */
export class Passing extends Error {
  /** How long the server asks to wait. */
  readonly afterSeconds: number | undefined
  constructor(detail: string, afterSeconds?: number) {
    super(detail)
    this.afterSeconds = afterSeconds
  }
}

/** How often something is tried that gets no further: 13 seconds, most of them at the end. */
const attempts = 8
const longestWaitSeconds = 20
/** A connection on which nothing moves for so long has ended. */
const idleMilliseconds = 60_000
/** Connections at once. */
const connections = 8
/** An answer that is read whole: manifests, and XML. */
const wholeBytes = 256 * 1024 * 1024

const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/

const rfc3986 = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)

const encodedKey = (key: string): string => key.split("/").map(rfc3986).join("/")

const xmlText = (xml: string, name: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`)
    .exec(xml)?.[1]
    ?.replaceAll("&quot;", '"')
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")

const passingCodes = new Set([
  "RequestTimeout",
  "RequestTimeTooSkewed",
  "SlowDown",
  "Busy",
  "InternalError",
  "ServiceUnavailable",
  "OperationAborted",
  "ConditionalRequestConflict",
])

/** Reads a body to its end; one that ends before its length is an error of Node's. */
export const wholeBody = async (body: http.IncomingMessage, most = wholeBytes): Promise<Buffer> => {
  const parts: Array<Buffer> = []
  let bytes = 0
  for await (const part of body) {
    const chunk: Buffer = Buffer.isBuffer(part) ? part : Buffer.from(String(part))
    bytes += chunk.length
    if (bytes > most) {
      body.destroy()
      throw new Passing(`the answer has more than ${most} bytes`)
    }
    parts.push(chunk)
  }
  return Buffer.concat(parts)
}

/** What signs requests and sends them. It is loaded with the first: a run that has everything in its folder asks nobody. */
const openClient = async (secure: boolean, authorities: string | undefined) => {
  const [{ AwsV4Signer }, { Agent, request }] = await Promise.all([
    import("aws4fetch"),
    secure ? import("node:https") : import("node:http"),
  ])
  const ca = authorities === undefined ? {} : { ca: readFileSync(authorities) }
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: "lifo", ...ca })
  return { AwsV4Signer, request, agent }
}
type Client = Awaited<ReturnType<typeof openClient>>

/** Requests to a bucket, signed (AWS's version 4) and, where that can help, sent again. */
export class S3Connection {
  readonly #open: () => Promise<Client>
  #client: Promise<Client> | undefined
  readonly #place: S3Place
  readonly #bucketUrl: string
  readonly #keys = new Map<string, ArrayBuffer>()
  #region: string
  #credentials: AwsCredentials
  #free = connections
  readonly #waiting: Array<() => void> = []

  /** @throws RemoteError where there are no credentials, or the server is not to be trusted with them. */
  constructor(place: S3Place) {
    this.#place = place
    const failure = (reason: RemoteError["reason"], detail: string) =>
      new RemoteError({ reason, address: place.address, during: "looking for the server", detail })
    const settings = (() => {
      try {
        return awsSettings(place.environment)
      } catch (cause) {
        throw failure("Settings", cause instanceof Error ? cause.message : "its settings cannot be read")
      }
    })()
    if (settings.credentials === undefined) throw failure("Settings", settings.without)
    this.#credentials = settings.credentials
    this.#region = settings.region
    const own = settings.endpoint
    if (own !== undefined && !URL.canParse(own)) {
      throw failure(
        "Settings",
        "AWS_ENDPOINT_URL, or the profile's endpoint_url, is no address such as https://host:port",
      )
    }
    const plain = /^[a-z0-9][a-z0-9-]*$/.test(place.bucket)
    const url = new URL(
      own ??
        (plain
          ? `https://${place.bucket}.s3.${settings.region}.amazonaws.com`
          : `https://s3.${settings.region}.amazonaws.com`),
    )
    if (url.username !== "" || url.password !== "") {
      throw failure(
        "Settings",
        "the server's address has a user or a password in it, which would be shown: credentials belong into the environment",
      )
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw failure("Settings", `the server's address begins with ${url.protocol}, and should with https:`)
    }
    const secure = url.protocol === "https:"
    if (!secure && !place.insecure && !loopback.test(url.hostname)) {
      throw failure("Insecure", `${url.host} would be asked without TLS`)
    }
    const path = url.pathname.replace(/\/+$/, "")
    this.#bucketUrl = `${url.origin}${path}${own === undefined && plain ? "" : `/${rfc3986(place.bucket)}`}`
    this.#open = () => openClient(secure, settings.authorities)
  }

  error(reason: RemoteError["reason"], during: string, detail: string): RemoteError {
    const { accessKeyId, secretAccessKey, sessionToken = "" } = this.#credentials
    const told = [sessionToken, secretAccessKey, accessKeyId]
      .filter((secret) => secret !== "")
      .reduce((text, secret) => text.replaceAll(secret, "…"), detail)
    return new RemoteError({ reason, address: this.#place.address, during, detail: told })
  }

  /** Ends the connections that are kept. */
  async close(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    client?.agent.destroy()
  }

  /**
   * Does something until it succeeds, or fails with what does not pass.
   *
   * @param attempt throws `Passing`, or an error of Node's, where another attempt may help.
   * @param progress of something that goes on where it ended: while it grows, attempts are not counted.
   */
  async again<A>(
    during: string,
    signal: AbortSignal,
    attempt: () => Promise<A>,
    progress: () => number = () => 0,
  ): Promise<A> {
    let failed = 0
    for (;;) {
      const before = progress()
      try {
        return await this.#inTurn(attempt)
      } catch (cause) {
        signal.throwIfAborted()
        if (cause instanceof RemoteError) throw cause
        failed = progress() > before ? 1 : failed + 1
        if (failed >= attempts) {
          const detail = cause instanceof Error ? cause.message || cause.name : String(cause)
          throw this.error("Unreachable", during, `${detail}, ${attempts} times`)
        }
        const asked = cause instanceof Passing ? (cause.afterSeconds ?? 0) : 0
        const seconds = Math.max(Math.min(asked, longestWaitSeconds), 0.1 * 2 ** (failed - 1))
        await wait(seconds * 1000 * (0.5 + randomInt(512) / 1024), undefined, { signal })
      }
    }
  }

  async #inTurn<A>(body: () => Promise<A>): Promise<A> {
    if (this.#free === 0) await new Promise<void>((go) => this.#waiting.push(go))
    else this.#free--
    try {
      return await body()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  /**
   * Sends a request once. What is returned has one of the statuses that are awaited, and a body that must be read or destroyed.
   *
   * @throws `Passing`, an error of Node's, or `RemoteError` where no other attempt will help.
   */
  async once(request: S3Request, awaited: ReadonlyArray<number>, signal: AbortSignal): Promise<http.IncomingMessage> {
    const answer = await this.#send(request, signal)
    const status = answer.statusCode ?? 0
    if (awaited.includes(status)) return answer
    const xml = (await wholeBody(answer, 1 << 16)).toString("utf8")
    const code = xmlText(xml, "Code") ?? ""
    const said = [code, xmlText(xml, "Message") ?? ""].filter((text) => text !== "").join(": ")
    const detail = `the server answers ${status}${said === "" ? "" : ` (${said})`}`
    const header = answer.headers["x-amz-bucket-region"]
    const region = typeof header === "string" ? header : xmlText(xml, "Region")
    if (region !== undefined && region !== this.#region && [301, 307, 400].includes(status)) {
      if (this.#place.environment["AWS_ENDPOINT_URL"] === undefined && [301, 307].includes(status)) {
        throw this.error("Settings", request.during, `the bucket is in ${region}. Say AWS_REGION=${region}`)
      }
      this.#region = region
      throw new Passing(`the bucket is in ${region}`)
    }
    if (/^Expired/.test(code) || code === "TokenRefreshRequired") {
      const { credentials } = awsSettings(this.#place.environment)
      const renewed = credentials !== undefined && credentials.sessionToken !== this.#credentials.sessionToken
      if (!renewed) throw this.error("Refused", request.during, `${detail}. Renew the session`)
      this.#credentials = credentials
      throw new Passing(detail)
    }
    if (status === 404 && code === "NoSuchBucket") throw this.error("NoBucket", request.during, detail)
    const passes = [408, 409, 425, 429, 500, 502, 503, 504].includes(status) || passingCodes.has(code)
    if (passes) {
      const after = Number(answer.headers["retry-after"])
      throw new Passing(detail, Number.isFinite(after) ? after : undefined)
    }
    throw this.error(status === 404 ? "Missing" : "Refused", request.during, detail)
  }

  async #send(request: S3Request, signal: AbortSignal): Promise<http.IncomingMessage> {
    const { prefix } = this.#place
    const body = request.body
    const query = Object.entries(request.query ?? {}).map(([name, value]) => `${rfc3986(name)}=${rfc3986(value)}`)
    const path = encodedKey(prefix === "" ? request.key : `${prefix}/${request.key}`)
    const url = `${this.#bucketUrl}/${path}${query.length === 0 ? "" : `?${query.join("&")}`}`
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials
    this.#client ??= this.#open()
    const { AwsV4Signer, agent, request: send } = await this.#client
    const signer = new AwsV4Signer({
      url,
      method: request.method,
      headers: {
        ...request.headers,
        "x-amz-content-sha256": createHash("sha256")
          .update(body ?? "")
          .digest("hex"),
      },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: "s3",
      region: this.#region,
      cache: this.#keys,
    })
    const signed = await signer.sign()
    const headers: Record<string, string | number> = Object.fromEntries(signed.headers)
    if (body !== undefined || request.method === "PUT" || request.method === "POST") {
      headers["content-length"] = body?.length ?? 0
    }
    return new Promise((resolve, reject) => {
      const sent = send(signed.url, { method: request.method, headers, agent, signal })
      sent.setTimeout(idleMilliseconds, () =>
        sent.destroy(new Passing(`nothing came for ${idleMilliseconds / 1000} s`)),
      )
      sent.on("response", resolve)
      sent.on("error", reject)
      sent.end(body)
    })
  }

  /** Sends a request, again where that may help, and reads its answer. */
  text(
    request: S3Request,
    awaited: ReadonlyArray<number>,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly headers: http.IncomingHttpHeaders; readonly text: string }> {
    return this.again(request.during, signal, async () => {
      const answer = await this.once(request, awaited, signal)
      const text = (await wholeBody(answer)).toString("utf8")
      const { "content-length": length } = answer.headers
      if (request.method !== "HEAD" && length !== undefined && Number(length) !== Buffer.byteLength(text)) {
        throw new Passing("the answer was cut off")
      }
      return { status: answer.statusCode ?? 0, headers: answer.headers, text }
    })
  }
}

/** The first element of a name in an answer. */
export const elementOf = xmlText
