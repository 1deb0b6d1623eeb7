import { createHash, randomBytes } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import { pack } from "tar-stream"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type PublicCollection, publicCollections } from "../../../stages/ingest/download/Catalogue.ts"
import { DownloadFailed } from "../../../stages/ingest/download/DownloadError.ts"
import { type DownloadOptions, type DownloadProgress, download } from "../../../stages/ingest/download/download.ts"
import { fetchFiles } from "../../../stages/ingest/download/fetchFiles.ts"
import { staysWithin, unpackTar, unpackZip } from "../../../stages/ingest/download/unpack.ts"
import { publicNames, queriesArePassages } from "../../../stages/ingest/index.ts"
import { layoutFiles } from "../../../stages/ingest/Layout.ts"
import { zipOf } from "./archives.ts"

const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919 + (i >> 7)) & 0xff))
const md5Of = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex")

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void

let server: Server
let base: string
let answer: Answer
let requests: Array<IncomingMessage>
let folder: string

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(request)
    answer(request, response, requests.length)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? (address satisfies AddressInfo).port : 0
  base = `http://127.0.0.1:${port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})
beforeEach(() => {
  requests = []
  folder = mkdtempSync(join(tmpdir(), "rankdag-download-"))
})
afterEach(() => rmSync(folder, { recursive: true }))

const startOf = (request: IncomingMessage): number =>
  Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0)

/** Writes the beginning of a body and breaks the connection when some of it has arrived, however busy the machine is. */
const breakOff = (response: ServerResponse, beginning: Uint8Array): void => {
  const kept = (): number => statSync(`${file()}.part`, { throwIfNoEntry: false })?.size ?? 0
  const before = kept()
  const look = (): unknown => (kept() > before ? response.destroy() : setTimeout(look, 5))
  response.write(beginning, () => setTimeout(look, 20))
}

/** A good server: ranges, an entity tag. `until` breaks the connection after so many bytes of this answer. */
const serve = (
  request: IncomingMessage,
  response: ServerResponse,
  until = Number.POSITIVE_INFINITY,
  tag = '"v1"',
): void => {
  const match = request.headers["if-range"] === undefined || request.headers["if-range"] === tag
  const from = match ? startOf(request) : 0
  const headers = { etag: tag, "content-length": content.length - from }
  if (from > 0)
    response.writeHead(206, { ...headers, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` })
  else response.writeHead(200, headers)
  const body = content.subarray(from)
  if (until >= body.length) response.end(body)
  else breakOff(response, body.subarray(0, until))
}

const file = () => join(folder, "deep", "data.bin")
const get = (options: Partial<DownloadOptions> = {}): Promise<void> =>
  download({
    address: `${base}/data.bin`,
    file: file(),
    md5: md5Of(content),
    bytes: content.length,
    pauseMillis: 1,
    attempts: 4,
    stallMillis: 2000,
    ...options,
  })

/** The failure's reason and message, after which no final file may stand. */
const refused = async (options: Partial<DownloadOptions> = {}): Promise<string> => {
  const failure: unknown = await get(options).then(
    () => "fetched",
    (error: unknown) => error,
  )
  expect(existsSync(file())).toBe(false)
  return failure instanceof DownloadFailed ? `${failure.reason}: ${failure.message}` : String(failure)
}

const left = () => readdirSync(join(folder, "deep"))

describe("fetching a file", () => {
  it("I50 a whole file, its progress told up to the last byte; a second time nothing is asked", async () => {
    answer = (request, response) => serve(request, response)
    const told: Array<DownloadProgress> = []
    await get({ onProgress: (progress) => told.push(progress) })
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(left()).toEqual(["data.bin"])
    expect(told.at(-1)).toMatchObject({ bytes: content.length, total: content.length })
    expect(told.map(({ bytes }) => bytes)).toEqual(told.map(({ bytes }) => bytes).sort((a, b) => a - b))
    await get()
    expect(requests.length).toBe(1)
  })

  it("I51 a dropped connection is taken up where it broke off, under the first answer's tag", async () => {
    answer = (request, response, count) => serve(request, response, count < 4 ? 70_000 : undefined)
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    // A broken connection may lose what was under way: each request goes on from what had arrived.
    const starts = requests.map(startOf)
    expect(starts.length).toBe(4)
    for (let i = 1; i < 4; i++) {
      expect(starts[i]).toBeGreaterThan(starts[i - 1]!)
      expect(starts[i]).toBeLessThanOrEqual(70_000 * i)
    }
    expect(requests.map(({ headers }) => headers["if-range"])).toEqual([undefined, '"v1"', '"v1"', '"v1"'])
    expect(left()).toEqual(["data.bin"])
  })

  it("I51 a later process goes on with what an earlier one left", async () => {
    answer = (request, response, count) => (count === 1 ? serve(request, response, 100_000) : response.destroy())
    expect(await refused()).toMatch(/^connection: .*the connection broke after \d+ bytes.*Run the command again/)
    expect(left()).toEqual(["data.bin.part", "data.bin.part.json"])
    const kept = readFileSync(`${file()}.part`)
    expect(kept.length).toBeGreaterThan(0)
    expect(kept.equals(content.subarray(0, kept.length))).toBe(true)
    answer = (request, response) => serve(request, response)
    requests = []
    await get()
    expect(requests.map(startOf)).toEqual([kept.length])
    expect(left()).toEqual(["data.bin"])
  })

  it("I52 a server without ranges is read from the start again", async () => {
    answer = (_, response, count) => {
      response.writeHead(200, { "content-length": content.length })
      if (count === 1) breakOff(response, content.subarray(0, 50_000))
      else response.end(content)
    }
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests.length).toBe(2)
    expect(startOf(requests[1]!)).toBeGreaterThan(0)
  })

  it("I52 a file that changed on the server between two attempts is read from the start", async () => {
    answer = (request, response, count) =>
      count === 1 ? serve(request, response, 80_000, '"old"') : serve(request, response, undefined, '"new"')
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests[1]?.headers["if-range"]).toBe('"old"')
  })

  it("I52 an answer with another range than asked for is not appended", async () => {
    answer = (request, response, count) => {
      if (count === 1) return serve(request, response, 60_000)
      if (count > 2) return serve(request, response)
      response.writeHead(206, { "content-range": `bytes 10-${content.length - 1}/${content.length}` })
      response.end(content.subarray(10))
    }
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
  })

  it("I52 a part that another file's bytes got into is thrown away, and the file fetched anew", async () => {
    mkdirSync(join(folder, "deep"))
    writeFileSync(`${file()}.part`, Buffer.alloc(1000, 1))
    answer = (request, response) => serve(request, response)
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests.map(startOf)).toEqual([1000, 0])
    // More than the whole file has: the server cannot satisfy the range.
    rmSync(file())
    writeFileSync(`${file()}.part`, Buffer.alloc(content.length + 5))
    answer = (request, response, count) => {
      if (count > 1) return serve(request, response)
      response.writeHead(416, { "content-range": `bytes */${content.length}` }).end()
    }
    requests = []
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
  })

  it("I53 wrong bytes: both digests are named and nothing is kept", async () => {
    answer = (_, response) => response.end(Buffer.from("something else"))
    const message = await refused()
    expect(message).toContain(md5Of(Buffer.from("something else")))
    expect(message).toContain(md5Of(content))
    expect(message).toMatch(/^checksum: /)
    expect(left()).toEqual([])
  })

  it("I54 redirects are followed, also to a range", async () => {
    answer = (request, response, count) => {
      if (request.url === "/data.bin") response.writeHead(302, { location: "/elsewhere" }).end()
      else serve(request, response, count === 2 ? 90_000 : undefined)
    }
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests.map(({ url }) => url)).toEqual(["/data.bin", "/elsewhere", "/data.bin", "/elsewhere"])
    expect(startOf(requests[3]!)).toBeGreaterThan(0)
  })

  it("I54 redirects in a circle are given up", async () => {
    answer = (_, response) => response.writeHead(302, { location: "/data.bin" }).end()
    expect(await refused({ attempts: 1 })).toMatch(/^connection: .*redirect/)
  })

  it("I55 a file that is gone is an error at once; an overloaded server is asked again", async () => {
    answer = (_, response) => response.writeHead(404).end("no")
    expect(await refused()).toMatch(/^status: .*\/data.bin: the server answered 404 Not Found\. The file has moved/)
    expect(requests.length).toBe(1)
    answer = (request, response, count) => (count < 4 ? response.writeHead(503).end() : serve(request, response))
    await get()
    expect(requests.length).toBe(4)
  })

  it("I55 a server that never recovers is given up after the attempts allowed", async () => {
    answer = (_, response) => response.writeHead(500).end()
    expect(await refused()).toMatch(/^status: .*500/)
    expect(requests.length).toBe(4)
    requests = []
    expect(await refused({ address: "http://127.0.0.1:1/none", attempts: 2 })).toMatch(/^connection: /)
  })

  it("I56 a body that ends early without a word is noticed and taken up", async () => {
    answer = (request, response, count) => {
      if (count > 1) return serve(request, response)
      // No length is told: the end of the connection looks like the end of the file.
      response.writeHead(200, { etag: '"v1"', connection: "close" })
      response.end(content.subarray(0, 40_000))
    }
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests.map(startOf)).toEqual([0, 40_000])
  })

  it("I57 a connection that brings nothing is given up, before and within the body", async () => {
    answer = (request, response, count) => {
      if (count === 2) response.write(content.subarray(0, 10))
      if (count > 2) serve(request, response)
    }
    await get({ stallMillis: 150 })
    expect(readFileSync(file()).equals(content)).toBe(true)
    expect(requests.length).toBe(3)
    rmSync(file())
    answer = () => {}
    expect(await refused({ stallMillis: 100, attempts: 2 })).toMatch(/^stalled: .*nothing came for 0.1 seconds/)
  })

  it("I58 too little space is told before anything is fetched", async () => {
    answer = (request, response) => serve(request, response)
    expect(await refused({ spare: 1e18 })).toMatch(/^space: .*it takes \d+ MB to fetch and unpack it\. Free some space/)
    expect(requests.length).toBe(0)
  })

  it("I59 an interruption stops it, and the part stays", async () => {
    const stop = new AbortController()
    answer = (_, response) => {
      response.writeHead(200, { "content-length": content.length, etag: '"v1"' })
      response.write(content.subarray(0, 120_000))
    }
    const onProgress = ({ bytes }: DownloadProgress) => (bytes === 120_000 ? stop.abort() : undefined)
    await expect(get({ signal: stop.signal, onProgress })).rejects.toThrow(/abort/i)
    expect(readFileSync(`${file()}.part`).length).toBe(120_000)
    answer = (request, response) => serve(request, response)
    await get()
    expect(readFileSync(file()).equals(content)).toBe(true)
  })
})

describe("unpacking", () => {
  const tarOf = async (files: ReadonlyArray<readonly [name: string, content: string]>): Promise<Buffer> => {
    const tar = pack()
    for (const [name, text] of files) tar.entry({ name }, text)
    tar.entry({ name: "link", type: "symlink", linkname: "/etc/passwd" })
    tar.finalize()
    const chunks: Array<Uint8Array> = []
    for await (const chunk of tar) if (chunk instanceof Uint8Array) chunks.push(chunk)
    return gzipSync(Buffer.concat(chunks))
  }
  const archive = (bytes: Uint8Array): string => {
    const path = join(folder, "archive")
    writeFileSync(path, bytes)
    return path
  }
  const files = [
    ["x/corpus.jsonl", "{}\n".repeat(20_000)],
    ["x/qrels/test.tsv", "a"],
    ["x/other", "b"],
  ] as const
  const take = (entry: string) => (entry.startsWith("x/") && entry !== "x/other" ? entry.slice(2) : undefined)
  const out = () => join(folder, "out")

  it("I60 what is wanted of a tar.gz and of a zip is written, and nothing else", async () => {
    for (const unpack of [
      async () => unpackTar(archive(await tarOf(files)), out(), take),
      () => unpackZip(archive(zipOf(files)), out(), take),
    ]) {
      expect(await unpack()).toEqual(["corpus.jsonl", "qrels/test.tsv"])
      expect(readFileSync(join(out(), "corpus.jsonl"), "utf8")).toBe(files[0][1])
      expect(readdirSync(out()).sort()).toEqual(["corpus.jsonl", "qrels"])
      rmSync(out(), { recursive: true })
    }
  })

  it("I61 no entry leaves the folder, whatever it is called", async () => {
    for (const path of ["../a", "/a", "a/../../b", "C:\\a", "a\\b", "", "x/..", "a\0b"])
      expect(staysWithin(path)).toBe(false)
    for (const path of ["a", "a/b", "..a/b..", "a/...", "a.b"]) expect(staysWithin(path)).toBe(true)
    const bad = [
      ["../evil", "x"],
      ["/evil", "x"],
      ["fine", "y"],
    ] as const
    expect(await unpackTar(archive(await tarOf(bad)), out(), (entry) => entry)).toEqual(["fine"])
    rmSync(out(), { recursive: true })
    await expect(unpackZip(archive(zipOf(bad)), out(), (entry) => entry)).rejects.toThrow(/invalid relative path/)
    expect(existsSync(join(folder, "evil"))).toBe(false)
  })

  it("I62 a truncated or damaged archive is an error", async () => {
    const tar = await tarOf(files)
    await expect(unpackTar(archive(tar.subarray(0, tar.length - 30)), out(), take)).rejects.toThrow(
      /^[a-z./]+: unexpected end of file$/,
    )
    rmSync(out(), { recursive: true, force: true })
    const zip = zipOf(files)
    await expect(unpackZip(archive(zip.subarray(0, 1000)), out(), take)).rejects.toThrow()
    zip[1000] = (zip[1000] ?? 0) ^ 1
    await expect(unpackZip(archive(zip), out(), take)).rejects.toThrow(/corpus\.jsonl: it does not have the checksum/)
  })

  it("I62 what is wrong in an archive is told with the entry in which it is", async () => {
    const noise = randomBytes(300_000).toString("base64")
    const large = [["x/corpus.jsonl", noise], files[1]] as const
    const tar = await tarOf(large)
    tar.fill(0, 100_000, 100_100)
    await expect(unpackTar(archive(tar), out(), take)).rejects.toThrow(/^x\/corpus\.jsonl: /)
    rmSync(out(), { recursive: true, force: true })
    const zip = zipOf(files)
    mkdirSync(join(out(), "corpus.jsonl"), { recursive: true })
    await expect(unpackZip(archive(zip), out(), take)).rejects.toThrow(/corpus\.jsonl: (?:EEXIST|EISDIR)/)
  })
})

describe("a public collection", () => {
  const zip = zipOf([
    ["tiny/corpus.jsonl", '{"_id":"d","text":"t"}\n'],
    ["tiny/queries.jsonl", '{"_id":"q","text":"t"}\n'],
    ["tiny/qrels/test.tsv", "q\td\t1\n"],
    ["tiny/readme", ""],
  ])
  const topics = gzipSync("1\ttopic\n")
  const tiny: PublicCollection = {
    name: "tiny",
    queriesArePassages: false,
    files: [
      { address: "https://publisher.invalid/some/tiny.zip", bytes: zip.length, md5: md5Of(zip), form: "zip" },
      {
        address: "https://publisher.invalid/t.gz",
        bytes: topics.length,
        md5: md5Of(topics),
        form: { keepAs: "queries.t.tsv.gz" },
      },
    ],
    root: "tiny",
    unpacked: 1000,
    layout: {
      format: "beir",
      corpus: ["corpus.jsonl"],
      queries: ["queries.jsonl", "queries.t.tsv.gz"],
      qrels: [{ split: "test", file: "qrels/test.tsv" }],
    },
  }
  const fetchTiny = async (collection: PublicCollection) => {
    const paths = { folder: join(folder, "files"), scratch: join(folder, "scratch") }
    mkdirSync(paths.folder)
    const told: Array<string> = []
    await fetchFiles(collection, {
      ...paths,
      mirror: `${base}/`,
      pauseMillis: 1,
      progress: ({ detail, done, total }) => told.push(`${done} ${total} ${detail}`),
    })
    return { ...paths, told }
  }

  it("I64 is fetched from a mirror, checked, and unpacked to the files of its layout; the archive goes", async () => {
    answer = (request, response) => response.end(request.url === "/tiny.zip" ? zip : topics)
    const { folder: files, scratch, told } = await fetchTiny(tiny)
    expect(readdirSync(files, { recursive: true }).map(String).sort()).toEqual([
      "corpus.jsonl",
      "qrels",
      "qrels/test.tsv",
      "queries.jsonl",
      "queries.t.tsv.gz",
    ])
    expect(readdirSync(scratch)).toEqual([])
    expect(told).toContain(`${zip.length} ${zip.length + topics.length} unpacking`)
  })

  it("I64 whose archive lacks a file of the layout is an error that names it", async () => {
    answer = (request, response) => response.end(request.url === "/tiny.zip" ? zip : topics)
    const layout = { ...tiny.layout, qrels: [{ split: "dev", file: "qrels/dev.tsv" }] as const }
    await expect(fetchTiny({ ...tiny, layout })).rejects.toThrow(/tiny: the archives lack qrels\/dev.tsv/)
  })
})

describe("the table of public collections", () => {
  it("I63 names, addresses and digests are well-formed, and a layout's kept files are among those fetched", () => {
    const names = publicCollections.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of [
      "msmarco-passage",
      "trec-dl-2019",
      "trec-dl-2020",
      "beir/scifact",
      "beir/cqadupstack/android",
    ]) {
      expect(names).toContain(name)
    }
    for (const { files, layout } of publicCollections) {
      for (const { address, bytes, form, md5 } of files) {
        expect(address).toMatch(/^https:\/\/[^ ]+$/)
        expect(md5).toMatch(/^[0-9a-f]{32}$/)
        expect(bytes).toBeGreaterThan(1000)
        if (typeof form === "object") expect(layoutFiles(layout)).toContain(form.keepAs)
      }
    }
  })
})

describe("the catalogue", () => {
  it("I151 ArguAna's and Quora's queries are passages, under the same ids; no other collection's are", () => {
    const known = publicNames.filter((name) => queriesArePassages(name))
    expect(known).toEqual(["beir/arguana", "beir/quora"])
    expect(queriesArePassages("./beir/arguana")).toBe(false)
  })
})
