import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { compareBytes } from "../../../schemas/index.ts"
import { isIngestError } from "../../../stages/ingest/IngestError.ts"
import { beirPassages, beirQueries, jsonQrels } from "../../../stages/ingest/read/Beir.ts"
import { csvTable } from "../../../stages/ingest/read/Csv.ts"
import { fileChunks } from "../../../stages/ingest/read/files.ts"
import { IdTable } from "../../../stages/ingest/read/IdTable.ts"
import { type Lines, linesOf } from "../../../stages/ingest/read/Lines.ts"
import { namedPassages, namedQrels } from "../../../stages/ingest/read/NamedTable.ts"
import { runRows } from "../../../stages/ingest/read/RunColumns.ts"
import { trecPassages } from "../../../stages/ingest/read/TrecDocuments.ts"
import { topics } from "../../../stages/ingest/read/TrecTopics.ts"
import { qrels, tsvPassages } from "../../../stages/ingest/read/Tsv.ts"

type Reader = (lines: AsyncIterable<Lines>) => AsyncGenerator<ReadonlyArray<object>>
const csvPassages: Reader = (lines) => ofCsv(namedPassages)(lines)
const csvQrels: Reader = (lines) => ofCsv(namedQrels)(lines)
const readers: Readonly<Record<string, Reader>> = {
  beirPassages,
  beirQueries,
  tsvPassages,
  topics,
  trecPassages: (lines) => trecPassages(lines, ["TEXT", "HEADLINE"]),
  qrels,
  jsonQrels,
  csvPassages,
  csvQrels,
  runRows,
  runColumns: runRows,
}

/** A reader of tables with a heading. */
const ofCsv = (read: typeof namedPassages | typeof namedQrels): Reader =>
  async function* (lines) {
    const table = await csvTable("file", lines)
    if (table !== undefined) yield* read(table, {})
  }

/** No reader: the lines themselves. */
async function* onlyLines(lines: AsyncIterable<Lines>): AsyncGenerator<ReadonlyArray<object>> {
  for await (const batch of lines) yield [batch]
}

/** Valid files to start from. */
const samples: Readonly<Record<string, string>> = {
  beirPassages: '{"_id":"d1","title":"T","text":"é ü 漢 😀"}\n{"_id":"d2","text":"\\ud83d\\ude00 \\u0000"}\n',
  beirQueries: '{"_id":"q1","text":"what","metadata":{"kind":"browse"}}\n{"_id":7,"text":"x","metadata":{"a":[[1]]}}\n',
  tsvPassages: "1\tone passage\n2\ttwo\r\n",
  topics: "<top>\n<num> Number: 3\n<title> who\n<desc>\nx\n</top>\n",
  trecPassages: "<DOC>\n<DOCNO>A-1</DOCNO>\n<TEXT>\nsome <b>text</b>\n</TEXT>\n</DOC>\n",
  qrels: "query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t-2\n",
  runColumns: "# by hand\nqid docid rank\nq1\td1\t1\nq1\td2\t2\nq2\td1\t1\n",
  jsonQrels: '{"query-id":"q1","corpus-id":9007199254740993,"score":1}\n{"query-id":"q2","corpus-id":"d","score":-2}\n',
  csvPassages: 'id,title,text\nd1,"T, ""t"" x","a\nb"\nd2,,c\n',
  csvQrels: 'query;docid;grade\n"usb; c";d1;1\nb c;d2;0.0\n',
  runRows: "q1 Q0 d1 1 3.5 tag\nq1 Q0 d2 2 1e-3 tag\n",
}

async function* chunked(bytes: Uint8Array, sizes: ReadonlyArray<number>): AsyncGenerator<Uint8Array> {
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : Math.max(1, sizes[i % sizes.length]!)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

const drain = async (read: Reader, bytes: Uint8Array, sizes: ReadonlyArray<number> = [], longest?: number) => {
  const rows: Array<object> = []
  try {
    for await (const batch of read(linesOf("file", chunked(bytes, sizes), longest))) rows.push(...batch)
  } catch (error) {
    if (!isIngestError(error)) throw error
    return { rows: rows.length, error: error.message }
  }
  return { rows, error: undefined }
}

/** A valid file with some bytes replaced, removed or doubled. */
const mutated = (sample: string) =>
  fc
    .array(fc.tuple(fc.nat(), fc.constantFrom("set", "cut", "repeat"), fc.integer({ min: 0, max: 255 })), {
      maxLength: 6,
    })
    .map((edits) => {
      let bytes = Buffer.from(sample)
      for (const [where, what, byte] of edits) {
        const at = where % (bytes.length + 1)
        if (what === "set") bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), bytes.subarray(at + 1)])
        else if (what === "cut") bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + (byte % 9))])
        else bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - byte))])
      }
      return bytes
    })

const names = Object.keys(readers)
let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "rankdag-readers-"))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe("the readers", () => {
  it.each(names)("I70 %s: where chunks are cut makes no difference", async (name) => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(mutated(samples[name]!), sizes, async (bytes, cut) => {
        const whole = await drain(readers[name]!, bytes)
        const inPieces = await drain(readers[name]!, bytes, cut)
        expect(inPieces.error).toBe(whole.error)
        if (whole.error === undefined) expect(inPieces.rows).toEqual(whole.rows)
      }),
      { numRuns: 150 },
    )
  })

  it.each(names)("I71 %s: whatever the bytes, rows or a tagged error come out", async (name) => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      mutated(samples[name]!),
      fc.string().map((text) => Buffer.from(text)),
    )
    await fc.assert(
      fc.asyncProperty(bytes, async (some) => {
        await drain(readers[name]!, some)
      }),
      { numRuns: 300 },
    )
  })

  it("I71 deep JSON, a huge number of columns and huge numbers are taken or refused, not run into", async () => {
    const deep = Buffer.from(`{"_id":"a","text":"b","metadata":${"[".repeat(200_000)}${"]".repeat(200_000)}}\n`)
    expect((await drain(beirPassages, deep)).error).toBeUndefined()
    expect((await drain(beirQueries, Buffer.from(`${"[".repeat(500_000)}\n`))).error).toMatch(/expected a JSON object/)
    expect((await drain(qrels, Buffer.from(`${"1 ".repeat(200_000)}\n`))).error).toMatch(/expected 2, 3 or 4 columns/)
    expect((await drain(qrels, Buffer.from(`q d ${"9".repeat(100_000)}\n`))).error).toMatch(
      /grade: expected a whole number/,
    )
    expect((await drain(qrels, Buffer.from("q d 2147483648\n"))).error).toMatch(/grade: expected a whole number/)
  })

  it("I72 a line beyond the limit is refused with its number, and no more of it is held than the limit and a chunk", async () => {
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("q d 1\n")
      for (;;) yield Buffer.alloc(1024, 0x61)
    }
    const reading = (async () => {
      for await (const _ of linesOf("file", endless(), 100_000)) {
        // Drained.
      }
    })()
    await expect(reading).rejects.toThrow(/file, line 2, the line: expected at most 100000 bytes/)
    const late = Buffer.from(`a\nb\n${"x".repeat(50)}\nc\n`)
    expect((await drain(onlyLines, late, [], 40)).error).toMatch(/line 3, the line: expected at most 40 bytes/)
  })

  it("I73 invalid UTF-8 is found at its line and byte, as the decoder finds it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), async (bytes) => {
        let valid = true
        try {
          new TextDecoder("utf-8", { fatal: true }).decode(bytes)
        } catch {
          valid = false
        }
        const { error } = await drain(onlyLines, bytes)
        expect(error?.includes("expected UTF-8") ?? false).toBe(!valid)
      }),
      { numRuns: 2000 },
    )
    expect((await drain(tsvPassages, Buffer.from([0x31, 9, 0x61, 10, 0x32, 9, 0xe2, 0x82, 10]))).error).toMatch(
      /file, line 2, byte 3 of the line: expected UTF-8, found 0xe2/,
    )
  })

  it("I74 gzip cut anywhere or changed anywhere gives rows or a tagged error", async () => {
    const whole = gzipSync(samples["beirPassages"]!.repeat(200))
    const path = join(folder, "cut.gz")
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: whole.length }),
        fc.nat({ max: whole.length - 1 }),
        fc.nat({ max: 255 }),
        async (cut, at, byte) => {
          const bytes = Uint8Array.from(whole.subarray(0, cut))
          if (at < cut) bytes[at] = byte
          writeFileSync(path, bytes)
          try {
            for await (const _ of beirPassages(linesOf("cut.gz", fileChunks(path, "cut.gz")))) {
              // Drained.
            }
            expect(bytes.length === whole.length || cut === 0).toBe(true)
          } catch (error) {
            expect(isIngestError(error) ? "" : String(error)).toBe("")
          }
        },
      ),
      { numRuns: 120 },
    )
  })

  it("I75 lone halves of surrogate pairs in a text become U+FFFD; NUL stays", async () => {
    const line = Buffer.from('{"_id":"a","title":"\\udc00","text":"x\\ud800y\\u0000\\ud83d\\ude00"}\n')
    expect((await drain(beirPassages, line)).rows).toEqual([
      { line: 1, docid: "a", title: "\ufffd", text: "x\ufffdy\0😀" },
    ])
  })
})

describe("identifiers", () => {
  it("I78 the table numbers identifiers as a map would, whatever they are", () => {
    const id = fc.oneof(fc.fullUnicodeString({ minLength: 1, maxLength: 6 }), fc.nat({ max: 300 }).map(String))
    fc.assert(
      fc.property(fc.array(id, { maxLength: 400 }), (ids) => {
        const table = new IdTable()
        const map = new Map<string, number>()
        for (const one of ids) {
          expect(table.add(one)).toBe(map.get(one) ?? -1)
          if (!map.has(one)) map.set(one, map.size)
        }
        expect(table.size).toBe(map.size)
        for (const one of ids) expect(table.indexOf(one)).toBe(map.get(one))
        expect(table.indexOf("never, ever")).toBe(-1)
      }),
      { numRuns: 60 },
    )
  })

  it("I78 identifiers of equal hash are told apart by their bytes, up to a quarter million of them", () => {
    const table = new IdTable()
    let fresh = 0
    for (let i = 0; i < 250_000; i++) if (table.add(`doc${i}`) === -1) fresh++
    expect(fresh).toBe(250_000)
    for (let i = 0; i < 250_000; i += 997) expect(table.indexOf(`doc${i}`)).toBe(i)
  })

  it("I79 the order of identifiers is that of their UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.fullUnicodeString(), fc.fullUnicodeString(), (a, b) => {
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
      { numRuns: 2000 },
    )
  })
})
