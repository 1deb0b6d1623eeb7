import { createHash } from "node:crypto"
import { existsSync, readFileSync } from "node:fs"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { checkpointFiles, fetchCheckpoint, type HubOptions, openWeights } from "../../../neural/checkpoints/index.ts"

const reference = join(import.meta.dirname, "../../reference/checkpoints")
const commit = "0123456789abcdef0123456789abcdef01234567"

const gitSha = (bytes: Buffer): string =>
  createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex")
const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex")

interface Seen {
  readonly at: "hub" | "cdn"
  readonly method: string
  readonly path: string
  readonly authorization: string | undefined
  readonly range: string | undefined
}

/** A hub in small: a listing, files (large ones behind a redirect to another origin), and faults on demand. */
interface Hub {
  files: Map<string, Buffer>
  /** Names whose bytes are not what the checksum says. */
  lying: Set<string>
  /** Needs this token. */
  token: string | undefined
  /** Bytes after which the CDN drops the connection, one for each of the next answers. */
  cuts: Array<number>
  /** How many of the CDN's next answers break off without closing the connection. */
  stalls: number
  /** Statuses for the next answers of the hub, before it behaves. */
  failures: Array<number>
  ranges: boolean
  exists: boolean
  seen: Array<Seen>
}

let hub: Hub
let servers: Array<Server> = []
let endpoint = ""
let cdn = ""
let cache = ""

const note = (at: Seen["at"], request: IncomingMessage): void => {
  hub.seen.push({
    at,
    method: request.method ?? "",
    path: request.url ?? "",
    authorization: request.headers.authorization,
    range: request.headers.range,
  })
}

const serveBytes = (request: IncomingMessage, response: ServerResponse, bytes: Buffer, cutting = false): void => {
  const range = hub.ranges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") : null
  const begin = Number(range?.[1] ?? 0)
  if (range !== null && begin >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end()
    return
  }
  const part = bytes.subarray(begin)
  response.writeHead(range === null ? 200 : 206, {
    "content-length": part.length,
    ...(range === null ? {} : { "content-range": `bytes ${begin}-${bytes.length - 1}/${bytes.length}` }),
  })
  const cut = cutting ? hub.cuts.shift() : undefined
  if (request.method === "HEAD") response.end()
  else if (cutting && hub.stalls > 0) {
    hub.stalls--
    response.write(part.subarray(0, 200))
  } else if (cut === undefined || cut >= part.length) response.end(part)
  else response.write(part.subarray(0, cut), () => setTimeout(() => response.destroy(), 20))
}

const atHub = (request: IncomingMessage, response: ServerResponse): void => {
  note("hub", request)
  const failure = hub.failures.shift()
  if (failure !== undefined) {
    response.writeHead(failure).end()
    return
  }
  if (hub.token !== undefined && request.headers.authorization !== `Bearer ${hub.token}`) {
    response.writeHead(request.headers.authorization === undefined ? 401 : 403, { "x-error-code": "GatedRepo" }).end()
    return
  }
  const path = decodeURIComponent((request.url ?? "").split("?")[0] ?? "")
  const listing = /^\/api\/models\/org\/tiny\/revision\/(.+)$/.exec(path)
  if (!hub.exists || (!path.includes("org/tiny") && !path.startsWith("/blob"))) {
    response.writeHead(404, { "x-error-code": "RepoNotFound" }).end()
    return
  }
  if (listing !== null) {
    if (listing[1] !== "main" && listing[1] !== commit && listing[1] !== "refs/pr/1") {
      response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end()
      return
    }
    const siblings = [...hub.files].map(([rfilename, bytes]) => ({ rfilename, size: bytes.length }))
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ sha: commit, siblings }))
    return
  }
  const name = path.replace(`/org/tiny/resolve/${commit}/`, "").replace("/blob/", "")
  const bytes = hub.files.get(name)
  if (bytes === undefined) {
    response.writeHead(404, { "x-error-code": "EntryNotFound" }).end()
    return
  }
  const lie = hub.lying.has(name)
  if (name.endsWith(".safetensors"))
    // As the hub does for large files: its own checksum, then a signed address elsewhere.
    response
      .writeHead(302, {
        "x-linked-etag": `"${lie ? sha256(Buffer.from("other")) : sha256(bytes)}"`,
        etag: '"not-this"',
        location: `${cdn}/${name}?signature=1`,
      })
      .end()
  else if (path.startsWith("/blob")) {
    response.setHeader("etag", `W/"${lie ? gitSha(Buffer.from("other")) : gitSha(bytes)}"`)
    serveBytes(request, response, bytes)
  }
  // Small files are redirected within the hub.
  else response.writeHead(307, { location: `/blob/${name}` }).end()
}

const listen = async (handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> => {
  const server = createServer(handler)
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("no port")
  return `http://127.0.0.1:${address.port}`
}

beforeAll(async () => {
  endpoint = await listen(atHub)
  cdn = await listen((request, response) => {
    note("cdn", request)
    const bytes = hub.files.get((request.url ?? "").slice(1).split("?")[0] ?? "")
    if (bytes === undefined) response.writeHead(404).end()
    else serveBytes(request, response, bytes, true)
  })
})
afterAll(() => {
  for (const server of servers) server.close().closeAllConnections()
  servers = []
})
beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), "rankdag-hub-"))
  hub = {
    files: new Map([
      ["config.json", Buffer.from(`{"model_type":"t5"}`)],
      ["tokenizer.json", Buffer.from(`{"model":{}}`)],
      ["1_Pooling/config.json", Buffer.from(`{"pooling_mode_mean_tokens":true}`)],
      ["model.safetensors", readFileSync(join(reference, "mixed.safetensors"))],
      ["pytorch_model.bin", Buffer.from("pickle")],
      ["README.md", Buffer.from("# tiny")],
    ]),
    lying: new Set(),
    token: undefined,
    cuts: [],
    stalls: 0,
    failures: [],
    ranges: true,
    exists: true,
    seen: [],
  }
})
afterEach(() => rm(cache, { recursive: true, force: true }))

const options = (more: Partial<HubOptions> = {}): HubOptions => ({
  cache,
  endpoint,
  attempts: 3,
  pauseMillis: 5,
  ...more,
})
const fetching = (more?: Partial<HubOptions>, revision = "main", repository = "org/tiny") =>
  Effect.runPromise(fetchCheckpoint(repository, revision, options(more)))
const failing = (more?: Partial<HubOptions>, revision = "main", repository = "org/tiny") =>
  Effect.runPromise(Effect.flip(fetchCheckpoint(repository, revision, options(more))))

describe("fetching", () => {
  it("N121 the files that a checkpoint needs come into the cache, byte for byte, and no others; a second time nothing is fetched again", async () => {
    const progress: Array<string> = []
    const fetched = await fetching({ onProgress: ({ file }) => progress.push(file) })
    expect(fetched).toMatchObject({
      repository: "org/tiny",
      commit,
      folder: join(cache, "models--org--tiny", "snapshots", commit),
      files: ["1_Pooling/config.json", "config.json", "model.safetensors", "tokenizer.json"],
    })
    for (const file of fetched.files)
      expect((await readFile(join(fetched.folder, file))).equals(hub.files.get(file) ?? Buffer.alloc(0)), file).toBe(
        true,
      )
    expect(new Set(progress)).toEqual(new Set(fetched.files))
    expect(await readFile(join(cache, "models--org--tiny", "refs", "main"), "utf8")).toBe(commit)
    expect(await readdir(join(cache, "models--org--tiny", "blobs"))).toEqual([])
    hub.seen = []
    expect(await fetching()).toEqual(fetched)
    expect(hub.seen.map((seen) => seen.path)).toEqual(["/api/models/org/tiny/revision/main?blobs=true"])
    const size = await Effect.runPromise(
      Effect.scoped(Effect.map(openWeights(fetched.folder), (weights) => weights.tensors.size)),
    )
    expect(size).toBe(7)
  })

  it("N122 the token goes to the hub only, never to where it redirects", async () => {
    hub.token = "hf_secret"
    await fetching({ token: "hf_secret" })
    const at = (place: Seen["at"]) => hub.seen.filter((seen) => seen.at === place)
    expect(at("cdn").length).toBeGreaterThan(0)
    expect(at("cdn").every((seen) => seen.authorization === undefined)).toBe(true)
    expect(at("hub").every((seen) => seen.authorization === "Bearer hf_secret")).toBe(true)
  })

  it("N123 a connection that breaks off is taken up where it broke, within a run and by a later one", async () => {
    hub.files.set(
      "model.safetensors",
      Buffer.concat([readFileSync(join(reference, "mixed.safetensors")), Buffer.alloc(5000, 7)]),
    )
    hub.cuts = [300, 400]
    const fetched = await fetching()
    const ranges = hub.seen.filter((seen) => seen.at === "cdn").map((seen) => seen.range)
    expect(ranges).toEqual([undefined, "bytes=300-", "bytes=700-"])
    expect((await readFile(join(fetched.folder, "model.safetensors"))).length).toBe(5798)

    await rm(cache, { recursive: true, force: true })
    hub.cuts = [1000]
    const error = await failing({ attempts: 1 })
    expect(error._tag).toBe("HubInterrupted")
    expect(error.message).toContain("after 1000 of 5798 bytes")
    expect(existsSync(join(fetched.folder, "model.safetensors"))).toBe(false)
    hub.seen = []
    await fetching()
    expect(hub.seen.filter((seen) => seen.at === "cdn").map((seen) => seen.range)).toEqual(["bytes=1000-"])
    expect(
      (await readFile(join(fetched.folder, "model.safetensors"))).equals(
        hub.files.get("model.safetensors") ?? Buffer.alloc(0),
      ),
    ).toBe(true)
  })

  it("N123 a connection that brings nothing for too long is given up and taken up again", async () => {
    hub.stalls = 1
    const bytes = hub.files.get("model.safetensors") ?? Buffer.alloc(0)
    const { folder } = await fetching({ stallMillis: 400 })
    expect((await readFile(join(folder, "model.safetensors"))).equals(bytes)).toBe(true)
    await rm(cache, { recursive: true, force: true })
    hub.stalls = 9
    expect((await failing({ stallMillis: 100, attempts: 1 })).message).toContain("nothing came for 0.1 seconds")
  })

  it("N123 a server without ranges is read from the start; a file that is complete but unnamed is only checked", async () => {
    hub.ranges = false
    hub.cuts = [300]
    const fetched = await fetching()
    const bytes = hub.files.get("model.safetensors") ?? Buffer.alloc(0)
    expect((await readFile(join(fetched.folder, "model.safetensors"))).equals(bytes)).toBe(true)
    hub.ranges = true
    await rm(join(fetched.folder, "model.safetensors"))
    await writeFile(join(cache, "models--org--tiny", "blobs", `${sha256(bytes)}.incomplete`), bytes)
    await fetching()
    expect((await readFile(join(fetched.folder, "model.safetensors"))).equals(bytes)).toBe(true)
  })

  it("N124 a wrong checksum, of a large file or a small one, is an error, and nothing of the file is kept", async () => {
    for (const name of ["model.safetensors", "config.json"]) {
      await rm(cache, { recursive: true, force: true })
      hub.lying = new Set([name])
      const error = await failing()
      expect(error._tag).toBe("HubChecksumWrong")
      expect(error.message).toContain(name)
      expect(existsSync(join(cache, "models--org--tiny", "snapshots", commit, name))).toBe(false)
      expect(await readdir(join(cache, "models--org--tiny", "blobs"))).toEqual([])
    }
  })

  it("N124 bytes of an earlier part that do not belong to the file are replaced", async () => {
    const bytes = hub.files.get("model.safetensors") ?? Buffer.alloc(0)
    await fetching()
    const { folder } = await fetching()
    await rm(join(folder, "model.safetensors"))
    await writeFile(join(cache, "models--org--tiny", "blobs", `${sha256(bytes)}.incomplete`), Buffer.alloc(100, 1))
    await fetching()
    expect((await readFile(join(folder, "model.safetensors"))).equals(bytes)).toBe(true)
  })

  it("N125 passing faults (500, 429) are waited out; lasting ones are an error", async () => {
    hub.failures = [500, 429]
    await fetching()
    hub.failures = [503, 503, 503]
    expect((await failing())._tag).toBe("HubInterrupted")
    const gone = await failing({ endpoint: "http://127.0.0.1:9", attempts: 2 })
    expect(gone._tag).toBe("HubInterrupted")
    expect(gone.message).toContain("offline mode")
  })

  it("N126 a sharded checkpoint comes with its index and all its shards", async () => {
    hub.files.delete("model.safetensors")
    for (const file of await readdir(join(reference, "sharded")))
      hub.files.set(file, readFileSync(join(reference, "sharded", file)))
    const { folder, files } = await fetching()
    expect(files.filter((file) => file.startsWith("model"))).toEqual([
      "model-00001-of-00002.safetensors",
      "model-00002-of-00002.safetensors",
      "model.safetensors.index.json",
    ])
    await rm(join(folder, "model-00002-of-00002.safetensors"))
    const offline = await failing({ offline: true })
    expect(offline.message).toContain("model-00002-of-00002.safetensors")
  })

  it("N126 where there are no safetensors, a ready ONNX graph is taken; where there is neither, the error says how to convert", async () => {
    hub.files.delete("model.safetensors")
    hub.files.set("onnx/model.onnx", Buffer.from("graph"))
    hub.files.set("onnx/model_quantized.onnx", Buffer.from("graph"))
    expect((await fetching()).files).toContain("onnx/model.onnx")
    expect(
      checkpointFiles(["config.json", "onnx/model.onnx", "onnx/model.onnx_data", "onnx/model_quantized.onnx"]),
    ).toEqual(["config.json", "onnx/model.onnx", "onnx/model.onnx_data"])
    hub.files.delete("onnx/model.onnx")
    const error = await failing()
    expect(error._tag).toBe("HubUnusable")
    expect(error.message).toContain("pytorch_model.bin")
    expect(error.message).toContain("save_pretrained")
  })
})

describe("refusals", () => {
  it("N127 a gated repository says how to get access, without a token and with one that has none", async () => {
    hub.token = "hf_other"
    const without = await failing()
    expect(without).toMatchObject({ _tag: "HubAccessDenied", status: 401, hadToken: false })
    expect(without.message).toContain("HF_TOKEN")
    expect(without.message).toContain(`${endpoint}/org/tiny`)
    const refused = await failing({ token: "hf_mine" })
    expect(refused).toMatchObject({ _tag: "HubAccessDenied", status: 403, hadToken: true })
    expect(refused.message).toContain("has no access")
    expect(refused.message).not.toContain("hf_mine")
  })

  it("N128 what is not there is named: repository, revision", async () => {
    expect(await failing({}, "v9")).toMatchObject({ _tag: "HubNotFound", what: "the revision" })
    hub.exists = false
    expect(await failing()).toMatchObject({ _tag: "HubNotFound", what: "the repository" })
  })

  it("N129 names that are no repository, revision or file never reach a path or the network", async () => {
    for (const [repository, revision] of [
      ["../etc", "main"],
      ["a/b/c", "main"],
      ["org/tiny", "../x"],
      ["org/..", "main"],
      ["org/tiny", "a?b"],
      ["", "main"],
    ] as const)
      expect((await failing({}, revision, repository))._tag).toBe("HubUnusable")
    expect(hub.seen).toEqual([])
    hub.files.set("../model.safetensors", Buffer.from("x"))
    hub.files.set("/etc/config.json", Buffer.from("x"))
    expect((await fetching()).files).toHaveLength(4)
  })
})

describe("offline", () => {
  it("N130 offline, what is cached is found by branch and by commit without a request; what is not is an error", async () => {
    expect(await failing({ offline: true })).toMatchObject({ _tag: "HubOffline", missing: "everything" })
    const fetched = await fetching()
    await fetching({}, "refs/pr/1")
    hub.seen = []
    expect(await fetching({ offline: true })).toEqual(fetched)
    expect(await fetching({ offline: true }, commit)).toEqual(fetched)
    expect(await fetching({ offline: true }, "refs/pr/1")).toEqual(fetched)
    // A commit cannot change: the cache is enough, also online.
    expect(await fetching({}, commit)).toEqual(fetched)
    expect(hub.seen).toEqual([])
    expect((await failing({ offline: true }, "other"))._tag).toBe("HubOffline")
  })
})
