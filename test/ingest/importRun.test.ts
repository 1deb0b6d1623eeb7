import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { layerDuckDb, readRows, type StoredArtifact, tableWriter } from "../../pipeline/index.ts"
import { Kinds, SystemName } from "../../schemas/index.ts"
import { run } from "../../stages/ingest/importRun.ts"
import { rankingRows } from "../../stages/ingest/read/JsonRun.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "rankdag-run-"))
  for (const folder of ["queries", "run", "scratch"]) mkdirSync(join(root, folder))
})
afterEach(() => rmSync(root, { recursive: true }))

const stored = <K extends typeof Kinds.Queries | typeof Kinds.Run | typeof Kinds.SourceFiles>(
  kind: K,
  path: string,
): StoredArtifact<K> => ({ kind, hash: "", path, from: "test" })

/** Imports a file as a run of these queries. */
const importRun = (folder: string, file: string, qids: ReadonlyArray<string>, leaveOutOwn = false) => {
  const warnings: Array<string> = []
  return Effect.runPromise(
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const queries = yield* tableWriter(Kinds.Queries, join(root, "queries"))
          yield* queries.writeRows(qids.map((qid) => ({ qid, text: "t", kind: "question", split: "test" })))
          yield* queries.finish
        }),
      )
      const { facts } = yield* run({
        config: { system: SystemName.make("other"), file, leaveOutOwn },
        inputs: { file: stored(Kinds.SourceFiles, folder), queries: stored(Kinds.Queries, join(root, "queries")) },
        outputs: { run: join(root, "run") },
        scratch: join(root, "scratch"),
        progress: () => {},
        warn: (message) => warnings.push(message),
      })
      return { facts, warnings, rows: yield* readRows(stored(Kinds.Run, join(root, "run"))) }
    }).pipe(Effect.provide(layerDuckDb())),
  )
}

const ofText = (text: string, qids: ReadonlyArray<string> = ["q", "r"]) => {
  writeFileSync(join(root, "run.trec"), text)
  return importRun(root, "run.trec", qids)
}

describe("an imported run", () => {
  it("I76 is ranked by score, ties by docid, both descending, whatever its ranks say; unknown queries are left out", async () => {
    const text =
      "q2 Q0 x 1 1 t\nq1 Q0 é 9 2.5 t\nq1 Q0 z 1 2.5 t\nq1 Q0 😀 3 2.5 t\nq1 Q0 ﬁ 3 2.5 t\nq1 Q0 a 2 7 t\nother Q0 a 1 1 t\n"
    const { facts, rows, warnings } = await ofText(text, ["q1", "q2", "q3"])
    expect(rows.map(({ docid, qid, rank, score, system }) => [system, qid, docid, rank, score])).toEqual([
      ["other", "q1", "a", 1, 7],
      ["other", "q1", "😀", 2, 2.5],
      ["other", "q1", "ﬁ", 3, 2.5],
      ["other", "q1", "é", 4, 2.5],
      ["other", "q1", "z", 5, 2.5],
      ["other", "q2", "x", 1, 1],
    ])
    expect(facts).toEqual({ unknownQueries: 1, leftOutOwn: 0 })
    expect(warnings.join()).toMatch(/^1 query of the run is not the collection's \(/)
  })

  it("I150 a result whose docid is the query's qid is left out where that is asked for, and counted", async () => {
    writeFileSync(join(root, "own.trec"), "q Q0 q 1 9 t\nq Q0 r 2 8 t\nr Q0 q 1 7 t\nz Q0 z 1 7 t\n")
    const { facts, rows } = await importRun(root, "own.trec", ["q", "r"], true)
    expect(rows.map(({ docid, qid, rank }) => `${qid} ${docid} ${rank}`)).toEqual(["q r 1", "r q 1"])
    expect(facts).toEqual({ unknownQueries: 1, leftOutOwn: 1 })
  })

  it("I76 in MS MARCO's three columns the rank decides", async () => {
    const { rows } = await ofText("q\ta\t2\nq\tb\t1\nq\tc\t10\n")
    expect(rows.map(({ docid, rank }) => `${docid} ${rank}`)).toEqual(["b 1", "a 2", "c 3"])
  })

  it("I82 as JSON it is read as in columns, on one line or many, plain or gzip, however its bytes are cut", async () => {
    const scores = { q: { 'a"b': 1.5, é: 2, "😀": 1e-7, c: -3 }, r: {}, s: { x: 0 } }
    const expected = ["q é 1 2", 'q a"b 2 1.5', "q 😀 3 1e-7", "q c 4 -3"]
    for (const text of [JSON.stringify(scores), `\ufeff\n ${JSON.stringify(scores, undefined, 2)}\n`]) {
      const { rows, facts } = await ofText(text)
      expect(rows.map(({ qid, docid, rank, score }) => [qid, docid, rank, score].join(" "))).toEqual(expected)
      expect(facts).toEqual({ unknownQueries: 1, leftOutOwn: 0 })
      const bytes = Buffer.from(text)
      for (const size of [7, 11, 64]) {
        async function* pieces() {
          for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
        }
        const read: Array<string> = []
        for await (const batch of rankingRows("run.json", pieces())) {
          read.push(...batch.map(({ qid, docid }) => `${qid} ${docid}`))
        }
        expect(read).toEqual(['q a"b', "q é", "q 😀", "q c", "s x"])
      }
      writeFileSync(join(root, "run.json.gz"), gzipSync(text))
      expect((await importRun(root, "run.json.gz", ["q", "r"])).rows.length).toBe(4)
    }
  })

  it.each([
    ["NaN", "q Q0 a 1 NaN t\n", /run.trec, line 1, score: expected a finite number, found "NaN"/],
    ["infinity", "q Q0 a 1 2 t\nq Q0 b 2 inf t\n", /line 2, score: expected a finite number, found "inf"/],
    ["overflow", "q Q0 a 1 1e999 t\n", /line 1, score: expected a finite number/],
    ["hexadecimal", "q Q0 a 1 0x10 t\n", /line 1, score: expected a finite number/],
    [
      "a column too few",
      "q Q0 a 1 2 t\nq Q0 b 2 t\n",
      /line 2, the line: expected 6 columns: qid, Q0, docid, rank, score, tag, found "5"/,
    ],
    [
      "a repeated docid",
      "q Q0 a 1 2 t\nr Q0 a 1 2 t\nq Q0 a 2 1 t\n",
      /line 3, docid: expected each docid once for a query; line 1 has a for q/,
    ],
    ["JSON that ends early", '{"q": {"a": 1', /line 1, the JSON: expected the next result, found "the end"/],
    ["JSON of another shape", '{"q": ["a"]}', /line 1, the JSON: expected results, found "\["/],
    ["JSON with a comma too many", '{"q": {"a": 1,\n}}', /line 2, the JSON: expected a docid, found "}"/],
    ["JSON with a score that is none", '{"q": {"a": NaN}}', /line 1, the JSON: expected a score, found "N"/],
    ["JSON with a score too large", '{"q": {"a": 1e999}}', /line 1, score: expected a finite number/],
    ["JSON after the end", '{"q": {"a": 1}} {}', /line 1, the JSON: expected nothing more, found "{"/],
    ["JSON with a docid twice", '{"q": {"a": 1, "a": 2}}', /docid: expected each docid once for a query/],
    ["nothing", "\n", /run.trec: holds no result/],
    ["other queries", "zz Q0 a 1 2 t\n", /run.trec: none of its queries is one of the collection's 2/],
  ])("I77 %s is refused, and no run is written", async (_, text, message) => {
    await expect(ofText(text)).rejects.toThrow(message)
    expect(readdirSync(join(root, "run"))).toEqual([])
  })

  it("I77 a path that is not there is refused", async () => {
    await expect(importRun(root, "gone.trec", ["q"])).rejects.toThrow(/gone.trec: no such file/)
  })

  const published = "../shared/data/msmarco-passage-sub/runs"
  it.skipIf(!existsSync(published))("I76 a published run keeps its order but for ties (needs ../shared)", async () => {
    const { rows } = await importRun(resolve(published), "bm25.dl19.top100.trec", ["264014", "104861"])
    expect(rows.length).toBe(200)
    expect(rows.find(({ qid }) => qid === "264014")).toMatchObject({ docid: "5611210", score: 15.780599594116211 })
  })
})
