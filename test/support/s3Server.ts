import { createHash, createHmac } from "node:crypto"
import { mkdirSync } from "node:fs"
import * as http from "node:http"
import { connect, createServer, type Socket } from "node:net"
import S3rver from "s3rver"
import type { Environment, StorePlace } from "../../pipeline/index.ts"

/** A server that speaks as S3 does, on this machine. */
export interface S3Server {
  readonly port: number
  /** Where the bucket's objects lie, `<key>._S3rver_object` each. */
  readonly bucket: string
  readonly stop: () => Promise<void>
}

/** The only user that s3rver knows. */
export const s3User = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" } as const

/** Starts s3rver with one bucket, `lab`. */
export const startS3 = async (directory: string): Promise<S3Server> => {
  mkdirSync(directory, { recursive: true })
  const server = new S3rver({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory,
    configureBuckets: [{ name: "lab" }],
  })
  const { port } = await server.run()
  return { port, bucket: `${directory}/lab`, stop: () => server.close() }
}

/** Variables that lead to a server on this machine, and to nobody's own files. */
export const s3Environment = (port: number, user: Environment = s3User): Environment => ({
  HOME: "/nonexistent",
  AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${port}`,
  ...user,
})

/** A store in a folder with the bucket behind it. */
export const s3Store = (directory: string, port: number, prefix = "team"): StorePlace => ({
  directory,
  remote: { address: `s3://lab/${prefix}`, environment: s3Environment(port) },
})

/** What becomes of a connection. */
export interface Harm {
  /** It ends after so many bytes of an answer, … */
  readonly cutAnswerAt?: number
  /** … or of a request, … */
  readonly cutRequestAt?: number
  /** … or a byte of an answer is another. */
  readonly flipAnswerAt?: number
}

/** A proxy between a program and a server that harms connections. */
export interface HarmfulProxy {
  readonly port: number
  /** How many connections were cut, and how many had a byte changed, so far. */
  readonly done: { cut: number; flipped: number }
  readonly stop: () => Promise<void>
}

/** @param harmOf what is to become of the next connection, drawn when it begins. */
export const startHarmfulProxy = async (target: number, harmOf: () => Harm): Promise<HarmfulProxy> => {
  const done = { cut: 0, flipped: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, "127.0.0.1")
    const { cutAnswerAt, cutRequestAt, flipAnswerAt } = harmOf()
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on("error", end)
      socket.on("close", () => {
        sockets.delete(socket)
        end()
      })
    }
    const pass = (from: Socket, to: Socket, cutAt: number | undefined, flipAt: number | undefined): void => {
      let passed = 0
      from.on("data", (data) => {
        const begin = passed
        passed += data.length
        if (flipAt !== undefined && flipAt >= begin && flipAt < passed) {
          data[flipAt - begin]! ^= 1
          done.flipped++
        }
        if (cutAt === undefined || passed <= cutAt) {
          if (!to.write(data)) {
            from.pause()
            to.once("drain", () => from.resume())
          }
          return
        }
        done.cut++
        to.write(data.subarray(0, cutAt - begin), end)
      })
      from.on("end", () => to.end())
    }
    pass(client, upstream, cutRequestAt, undefined)
    pass(upstream, client, cutAnswerAt, flipAnswerAt)
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    done,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** An answer in the place of the server's. */
export interface Answer {
  readonly status: number
  /** The error's code. */
  readonly code: string
  /** What else stands in the answer. */
  readonly message?: string
}

/** A request as it arrives. */
export interface Signed {
  readonly method: string
  /** Path and query, as sent. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest()
const sha256 = (data: string | Buffer): string => createHash("sha256").update(data).digest("hex")

/**
 * The signature that a request must have, from what the documentation of AWS's signature version 4 says and nothing of ours.
 *
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export const signatureOf = ({ headers, method, url }: Signed, secret: string): string => {
  const [, scope = "", names = ""] =
    /Credential=[^/]+\/([^,]+),\s*SignedHeaders=([^,]+)/.exec(headers["authorization"] ?? "") ?? []
  const [path = "", query = ""] = url.split("?")
  const sorted = query
    .split("&")
    .filter((part) => part !== "")
    .map((part) => (part.includes("=") ? part : `${part}=`))
    .sort()
    .join("&")
  const listed = names.split(";")
  const canonical = [
    method,
    path,
    sorted,
    ...listed.map((name) => `${name}:${(headers[name] ?? "").trim().replaceAll(/ +/g, " ")}`),
    "",
    names,
    headers["x-amz-content-sha256"] ?? "",
  ].join("\n")
  const [date = "", region = "", service = "", end = ""] = scope.split("/")
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), end)
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"] ?? "", scope, sha256(canonical)].join("\n")
  return hmac(key, text).toString("hex")
}

/** What is wrong with a request's signature, as S3 would say it; s3rver looks at none. */
const objection = (request: Signed, body: Buffer): Answer | undefined => {
  const given = /Signature=([0-9a-f]+)/.exec(request.headers["authorization"] ?? "")?.[1]
  if (given !== signatureOf(request, s3User.AWS_SECRET_ACCESS_KEY))
    return { status: 403, code: "SignatureDoesNotMatch" }
  if (request.headers["x-amz-content-sha256"] === sha256(body)) return undefined
  return { status: 400, code: "XAmzContentSHA256Mismatch" }
}

/** A server in front of another that answers some requests itself, and refuses those that are not signed as they should be. */
export const startAnsweringProxy = async (
  target: number,
  answerTo: (request: { readonly method: string; readonly path: string }) => Answer | undefined,
): Promise<{ readonly port: number; readonly stop: () => Promise<void> }> => {
  const server = http.createServer((request, response) => {
    const { method = "", url = "", headers } = request
    const parts: Array<Buffer> = []
    request.on("data", (part: Buffer) => parts.push(part))
    request.on("end", () => {
      const body = Buffer.concat(parts)
      const signed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
      const answer = answerTo({ method, path: url }) ?? objection({ method, url, headers: signed }, body)
      if (answer === undefined) {
        const passed = http.request({ host: "127.0.0.1", port: target, method, path: url, headers }, (got) => {
          response.writeHead(got.statusCode ?? 500, got.headers)
          got.pipe(response)
        })
        passed.end(body)
        return
      }
      response.writeHead(answer.status, { "content-type": "application/xml", "retry-after": "0" })
      response.end(`<Error><Code>${answer.code}</Code><Message>${answer.message ?? "no"}</Message></Error>`)
    })
  })
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  const address = server.address()
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}
