import { execFileSync } from "node:child_process"
import { createHash } from "node:crypto"
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { afterEach, describe, expect, it } from "vitest"
import { FingerprintHints } from "../../../pipeline/keys/FingerprintHints.ts"
import { hashSource } from "../../../pipeline/keys/SourceHash.ts"
import type { SourceNode } from "../../../pipeline/plan/Stage.ts"

const folders: Array<string> = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const beir = { "corpus.jsonl": '{"_id":"1"}\n', "queries.jsonl": '{"_id":"q"}\n', "qrels/test.tsv": "q\t1\t1\n" }

const collection = (files: Readonly<Record<string, string>>): SourceNode => {
  const root = mkdtempSync(join(tmpdir(), "rankdag-source-"))
  folders.push(root)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
  return { _tag: "SourceNode", name: "tiny", root, files: Object.keys(files) }
}

const none = () => new FingerprintHints(undefined, true)

const hash = (node: SourceNode, hints = none()) => Effect.runPromise(hashSource(node, hints))

const failure = async (node: SourceNode) => {
  const either = await Effect.runPromise(Effect.either(hashSource(node, none())))
  return Either.isLeft(either) ? either.left : undefined
}

describe("what a source is", () => {
  it("K18 its relative names and bytes: not where it lies, not when it was written, not the order it is listed in", async () => {
    const node = collection(beir)
    const { hash: expected, bytes } = await hash(node)
    expect(expected).toMatch(/^[0-9a-f]{64}$/)
    expect(bytes).toBe(Object.values(beir).join("").length)
    expect((await hash(collection(beir))).hash).toBe(expected)
    expect((await hash({ ...node, name: "another", files: [...node.files].reverse() })).hash).toBe(expected)
    utimesSync(join(node.root, "corpus.jsonl"), 1, 1)
    expect((await hash(node)).hash).toBe(expected)
    expect((await hash(collection({ ...beir, "not-listed.txt": "x" }))).hash).not.toBe(expected)
    writeFileSync(join(node.root, "not-listed.txt"), "x")
    expect((await hash(node)).hash).toBe(expected)
  })

  it("K18 another byte, another name, or a byte moved from one file to the next is another source", async () => {
    const variants = [
      beir,
      { ...beir, "corpus.jsonl": '{"_id":"2"}\n' },
      { ...beir, "qrels/test.tsv": "q\t1\t1" },
      { "corpus.json": beir["corpus.jsonl"], "queries.jsonl": beir["queries.jsonl"], "qrels/test.tsv": "q\t1\t1\n" },
      { ...beir, "corpus.jsonl": "", "queries.jsonl": beir["corpus.jsonl"] + beir["queries.jsonl"] },
      { ...beir, "corpus.jsonl": beir["queries.jsonl"], "queries.jsonl": beir["corpus.jsonl"] },
      {},
    ]
    const hashes = await Promise.all(variants.map(async (files) => (await hash(collection(files))).hash))
    expect(new Set(hashes).size).toBe(variants.length)
  })

  it("K18 a file larger than memory is read in pieces: 300 MB within 60 MB", () => {
    const node = collection({})
    const bytes = 300 * 2 ** 20
    const digest = createHash("sha256")
    const piece = Buffer.alloc(1 << 20, "rankdag ")
    for (let written = 0; written < bytes; written += piece.length) {
      writeFileSync(join(node.root, "corpus.jsonl"), piece, { flag: "a" })
      digest.update(piece)
    }
    const program = `
      import * as Effect from "effect/Effect"
      import { FingerprintHints } from "./pipeline/keys/FingerprintHints.ts"
      import { hashSource } from "./pipeline/keys/SourceHash.ts"
      const before = process.memoryUsage.rss()
      const hints = new FingerprintHints(undefined, true)
      const source = await Effect.runPromise(hashSource({ name: "big", root: process.argv[1], files: ["corpus.jsonl"] }, hints))
      console.log(JSON.stringify({ ...source, grown: process.resourceUsage().maxRSS * 1024 - before }))`
    const said: { readonly hash: string; readonly bytes: number; readonly grown: number } = JSON.parse(
      execFileSync(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", program, node.root], {
        cwd: join(import.meta.dirname, "../../.."),
        encoding: "utf8",
      }),
    )
    const expected = createHash("sha256")
      .update(`{"corpus.jsonl":"${digest.digest("hex")}"}`)
      .digest("hex")
    expect(said).toMatchObject({ hash: expected, bytes })
    expect(said.grown).toBeLessThan(60 * 2 ** 20)
  })
})

describe("what is wrong with a source", () => {
  it("K19 a missing file, a folder in its place, a file that may not be read: path, reason, what to do", async () => {
    const node = collection(beir)
    rmSync(join(node.root, "queries.jsonl"))
    expect(await failure(node)).toMatchObject({
      _tag: "SourceError",
      reason: "missing",
      path: join(node.root, "queries.jsonl"),
      message: expect.stringContaining("check the path"),
    })
    mkdirSync(join(node.root, "queries.jsonl"))
    expect(await failure(node)).toMatchObject({ reason: "not a file", message: expect.stringContaining("plain file") })
    expect(await failure({ ...node, files: ["corpus.jsonl/inside"] })).toMatchObject({ reason: "missing" })
    expect(await failure({ ...node, files: ["/dev/zero"], root: "/" })).toMatchObject({ reason: "not a file" })
  })

  // The administrator may read everything.
  it.skipIf(process.getuid?.() === 0)("K19 a file that may not be read (skipped for root, who may)", async () => {
    const node = collection(beir)
    chmodSync(join(node.root, "corpus.jsonl"), 0o000)
    expect(await failure(node)).toMatchObject({
      reason: "unreadable",
      code: "EACCES",
      message: expect.stringContaining("EACCES"),
    })
  })

  it("K19 a file that is written while it is read is not hashed as if it were whole", async () => {
    const node = collection({ "corpus.jsonl": "x".repeat(64 * 2 ** 20) })
    const file = join(node.root, "corpus.jsonl")
    const hashing = failure(node)
    // Again and again, as nobody knows when it is read.
    const writing = setInterval(() => writeFileSync(file, "more", { flag: "a" }), 2)
    expect(await hashing.finally(() => clearInterval(writing))).toMatchObject({ reason: "changed", path: file })
  })
})

describe("whether a source is as it was", () => {
  const changes: ReadonlyArray<readonly [string, (file: string) => void]> = [
    ["rewritten", (file) => writeFileSync(file, '{"_id":"9"}\n')],
    [
      "rewritten and put back to its old time",
      (file) => {
        writeFileSync(file, '{"_id":"9"}\n')
        utimesSync(file, 1_000_000, 1_000_000)
      },
    ],
    [
      "replaced by another file of the same length",
      (file) => {
        writeFileSync(`${file}.new`, '{"_id":"9"}\n')
        renameSync(`${file}.new`, file)
      },
    ],
    ["removed", (file) => rmSync(file)],
    ["longer", (file) => writeFileSync(file, "\n", { flag: "a" })],
  ]

  it("K20 nothing was done: unchanged, also by having been read", async () => {
    const node = collection(beir)
    const source = await hash(node)
    readFileSync(join(node.root, "corpus.jsonl"))
    expect(await Effect.runPromise(source.unchanged)).toBe(true)
  })

  it.each(changes)("K20 %s", async (_, change) => {
    const node = collection(beir)
    utimesSync(join(node.root, "corpus.jsonl"), 1_000_000, 1_000_000)
    const source = await hash(node)
    change(join(node.root, "corpus.jsonl"))
    expect(await Effect.runPromise(source.unchanged)).toBe(false)
  })
})

describe("hints of sources", () => {
  it("K16 each file is remembered by itself; a changed file is read again and the others are not", async () => {
    const node = collection(beir)
    const file = join(node.root, "hints.json")
    const first = await hash(node, new FingerprintHints(file, false))
    await new Promise((done) => setTimeout(done, 2100))
    const learning = new FingerprintHints(file, false)
    expect((await hash(node, learning)).hash).toBe(first.hash)
    learning.save()
    for (const name of Object.keys(beir)) expect(readFileSync(file, "utf8")).toContain(join(node.root, name))

    // Forged hints show which files are believed: those whose stamps do not differ.
    const forged = readFileSync(file, "utf8").replaceAll(/"sha256":"[0-9a-f]{64}"/g, `"sha256":"${"f".repeat(64)}"`)
    writeFileSync(file, forged)
    const of = (digest: string) => createHash("sha256").update(digest).digest("hex")
    const believed = Object.fromEntries(Object.keys(beir).map((name) => [name, "f".repeat(64)]))
    const sorted = (hashes: Record<string, string>) =>
      of(JSON.stringify(Object.fromEntries(Object.entries(hashes).sort(([a], [b]) => (a < b ? -1 : 1)))))
    expect((await hash(node, new FingerprintHints(file, false))).hash).toBe(sorted(believed))
    writeFileSync(join(node.root, "corpus.jsonl"), '{"_id":"3"}\n')
    expect((await hash(node, new FingerprintHints(file, false))).hash).toBe(
      sorted({ ...believed, "corpus.jsonl": of('{"_id":"3"}\n') }),
    )

    // A copy elsewhere is another path: nothing is believed of it.
    const copy = { ...node, root: `${node.root}-copy` }
    folders.push(copy.root)
    cpSync(node.root, copy.root, { recursive: true, preserveTimestamps: true })
    writeFileSync(join(copy.root, "corpus.jsonl"), beir["corpus.jsonl"])
    expect((await hash(copy, new FingerprintHints(file, false))).hash).toBe(first.hash)
  })

  it("K16 two processes that learn at once lose nothing that either wrote", async () => {
    const node = collection(beir)
    const file = join(node.root, "hints.json")
    await new Promise((done) => setTimeout(done, 2100))
    const [one, two] = [new FingerprintHints(file, false), new FingerprintHints(file, false)]
    await hash({ ...node, files: ["corpus.jsonl"] }, one)
    await hash({ ...node, files: ["queries.jsonl"] }, two)
    one.save()
    two.save()
    const both = new FingerprintHints(file, true)
    expect(both.get(`source:${join(node.root, "corpus.jsonl")}`)).toBeDefined()
    expect(both.get(`source:${join(node.root, "queries.jsonl")}`)).toBeDefined()
  })
})
