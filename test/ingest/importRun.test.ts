import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { DuckDb, layerDuckDb, readRows, type StoredArtifact, tableWriter } from "../../pipeline/index.ts"
import { Kinds, SystemName } from "../../schemas/index.ts"
import { isIngestError } from "../../stages/ingest/IngestError.ts"
import { run } from "../../stages/ingest/importRun.ts"
import { rankingRows } from "../../stages/ingest/read/RunFile.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "rankdag-run-"))
  for (const folder of ["queries", "passages", "run", "scratch"]) mkdirSync(join(root, folder))
})
afterEach(() => rmSync(root, { recursive: true }))

const stored = <K extends typeof Kinds.Queries | typeof Kinds.Passages | typeof Kinds.Run | typeof Kinds.SourceFiles>(
  kind: K,
  path: string,
): StoredArtifact<K> => ({ kind, hash: "", path, from: "test" })

const someDocids = ["a", "b", "c", "x", "z", "é", "ﬁ", "😀", 'a"b', "d1", "d2", "d3", "q1", "q2"]

/** Imports a file as a run of these queries over these passages. */
const importRun = (
  folder: string,
  file: string,
  qids: ReadonlyArray<string>,
  { docids = someDocids, leaveOutOwn = false } = {},
) => {
  const warnings: Array<string> = []
  return Effect.runPromise(
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const queries = yield* tableWriter(Kinds.Queries, join(root, "queries"))
          yield* queries.writeRows(qids.map((qid) => ({ qid, text: "t", kind: "question", split: "test" })))
          yield* queries.finish
          const passages = yield* tableWriter(Kinds.Passages, join(root, "passages"))
          yield* passages.writeRows(docids.map((docid) => ({ docid, title: null, text: "t" })))
          yield* passages.finish
        }),
      )
      const { facts } = yield* run({
        config: { system: SystemName.make("other"), file, leaveOutOwn },
        inputs: {
          file: stored(Kinds.SourceFiles, folder),
          queries: stored(Kinds.Queries, join(root, "queries")),
          passages: stored(Kinds.Passages, join(root, "passages")),
        },
        outputs: { run: join(root, "run") },
        scratch: join(root, "scratch"),
        progress: () => {},
        warn: (message) => warnings.push(message),
      })
      return { facts, warnings, rows: yield* readRows(stored(Kinds.Run, join(root, "run"))) }
    }).pipe(Effect.provide(layerDuckDb())),
  )
}

const ofText = (text: string, qids: ReadonlyArray<string> = ["q", "r"], docids = someDocids) => {
  writeFileSync(join(root, "run.trec"), text)
  return importRun(root, "run.trec", qids, { docids })
}

/** The docids of a query's results, best first. */
const order = (rows: ReadonlyArray<{ readonly qid: string; readonly docid: string }>, qid = "q"): string =>
  rows.flatMap((row) => (row.qid === qid ? [row.docid] : [])).join(" ")

const reference = resolve(import.meta.dirname, "../reference/runs")

describe("an imported run", () => {
  it("I190 a carriage return within a line is no end of a row: the file is refused, and no row is lost in a tag", async () => {
    const text = "q Q0 a 1 9 t\rq Q0 b 2 8 t\r"
    await expect(ofText(text)).rejects.toThrow(/line 1.*no carriage return.*tr/)
    expect(order((await ofText(text.replaceAll("\r", "\r\n"))).rows)).toBe("a b")
  })

  it("I191 a first line of names that are not known, and four columns that are not two numbers, are told as what they are", async () => {
    await expect(ofText("Query Document Score\nq a 2\n")).rejects.toThrow(/line 1.*names of its columns.*call them qid/)
    await expect(ofText("q a 9.5 tag\n")).rejects.toThrow(/four columns.*qid docid score tag/)
    await expect(ofText("q Q0 a 9.5\n")).rejects.toThrow(/four columns.*qid Q0 docid score/)
  })

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
    expect(facts).toMatchObject({ unknownQueries: 1, leftOutOwn: 0 })
    expect(warnings.join()).toMatch(/^1 query of the run is not the collection's \(/)
  })

  it("I150 a result whose docid is the query's qid is left out where that is asked for, and counted", async () => {
    writeFileSync(join(root, "own.trec"), "q Q0 q 1 9 t\nq Q0 r 2 8 t\nr Q0 q 1 7 t\nz Q0 z 1 7 t\n")
    const { facts, rows } = await importRun(root, "own.trec", ["q", "r"], { docids: ["q", "r"], leaveOutOwn: true })
    expect(rows.map(({ docid, qid, rank }) => `${qid} ${docid} ${rank}`)).toEqual(["q r 1", "r q 1"])
    expect(facts).toMatchObject({ unknownQueries: 1, leftOutOwn: 1 })
  })

  it.each([
    ["MS MARCO's ranks from 1", "q\ta\t1\nr\ta\t1\nq\tb\t2\nq\tc\t3\n", "a b c", /^read as qid docid rank: the third/],
    ["ranks from 0, as floats", "q a 0.0\nq b 1.0\nq c 2e0\n", "a b c", /^read as qid docid rank: the third/],
    ["Tevatron's scores", "q a 0.5\nq b 2.25\nq c -1\n", "b a c", /^read as qid docid score$/],
    ["negative whole scores", "q a -1\nq b -2\nq c -3\n", "a b c", /^read as qid docid score$/],
    ["tiny scores", "q a 1e-05\nq b 3e-05\nq c 1e-06\n", "b a c", /^read as qid docid score$/],
    ["whole scores", "q a 98\nq b 90\nr a 3\nq c 12\n", "a b c", /^read as qid docid score: the third column falls/],
    ["whole scores, some equal", "q a 3\nq b 3\nq c 0\n", "b a c", /^read as qid docid score: the third column falls/],
    ["one result a query", "q a 1\nr b 1\n", "a", /^read as qid docid rank/],
    ["distances, as scores", "q a 0.5\nq b 0.7\nr a 1\n", "b a", /rise from row to row in every query/],
    ["ColBERT's four columns", "q a 1 22.5\nq b 2 22.5\nr c 1 3\n", "b a", /^read as qid docid rank score$/],
    ["a score before the rank", "q a 98 1\nq b 90 2\n", "a b", /^read as qid docid score rank$/],
    [
      "TREC without a tag",
      "q Q0 a 1 2\nq Q0 b 2 3\n",
      "b a",
      /^read as qid Q0 docid rank score: TREC's columns without/,
    ],
    [
      "a line of names",
      "qid\tdocid\tscore\nq\ta\t1\nq\tb\t2\n",
      "b a",
      /^line 1 names the columns: read as qid docid score$/,
    ],
    [
      "names of ranks",
      "query_id doc_id rank\nq a 7\nq b 3\n",
      "b a",
      /^line 1 names the columns: read as query_id doc_id rank$/,
    ],
    ["names twice", "docno qid score tag\na q 1 x y\ndocno qid score tag\nb q 2 x\n", "b a", /^line 1 names/],
    [
      "comments",
      "# made by hand\n#q\nq Q0 a 1 2 t\n## 6 columns in this line too\n",
      "a",
      /^3 lines begin with # and are no/,
    ],
    ["tags of several words", "q Q0 a 1 2 my best run\nq Q0 b 2 1 bm25\n", "a b", /^$/],
  ])("I103 %s", async (_, text, expected, said) => {
    const { rows, warnings } = await ofText(text)
    expect(order(rows)).toBe(expected)
    expect(warnings.join()).toMatch(said)
  })

  it.each([
    ["ranks with a gap", "q a 1\nq b 2\nq c 4\n", /line 3, the third column: .*found "4 after 2 for q"/],
    ["ranks that do not begin", "q a 2\nq b 3\n", /line 1, the third column: .*found "2 as the first of q"/],
    [
      "counts from n down to 1, as votes are",
      "q a 3\nq b 2\nq c 1\n",
      /the third column: .*first line that names the columns/,
    ],
    ["ranks in another order of rows", "q a 2\nq b 1\nq c 3\n", /qid docid rank, or qid docid score/],
    ["whole numbers in no order", "q a 12\nq b 98\nq c 90\n", /run.trec, line 1, the third column: expected ranks/],
    [
      "four columns that contradict one another",
      "q a 1 2.5\nq b 2 3.5\n",
      /line 2, the third and the fourth column: .*3.5 after 2.5/,
    ],
    ["judgements", "q 0 a 1\nq 0 b 0\n", /line 1, the line: expected numbers .* four columns, found "q 0 a 1"/],
    ["commas", "q,Q0,a,1,2,t\n", /separated by tabs or spaces, not by commas/],
    [
      "names without a score",
      "qid docid text\nq a t\n",
      /line 1, the columns' names: expected a score or a rank among them/,
    ],
  ])("I103 %s: refused, for a rank and a score would order them otherwise", async (_, text, message) => {
    await expect(ofText(text)).rejects.toThrow(message)
    expect(readdirSync(join(root, "run"))).toEqual([])
  })

  it("I103 property: a third column orders as the scores or as the ranks that it was made of, or is refused", async () => {
    const queries = fc.array(fc.array(fc.integer({ min: -2, max: 6 }), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 3,
    })
    const scoresOf = async (values: ReadonlyArray<ReadonlyArray<number>>) => {
      const text = values.flatMap((each, q) => each.map((value, d) => `q${q} d${d} ${value}\n`)).join("")
      async function* pieces() {
        yield Buffer.from(text)
      }
      const reading = rankingRows("run", pieces())
      try {
        for (;;) {
          const next = await reading.next()
          if (next.done === true) return next.value.scores
        }
      } catch (error) {
        if (isIngestError(error)) return "refused"
        throw error
      }
    }
    await fc.assert(
      fc.asyncProperty(queries, async (values) => {
        const ranks = values.every(
          (each) => each.every((value, i) => value === each[0]! + i) && (each[0] === 0 || each[0] === 1),
        )
        const signs = values.some((each) => each.some((value) => value < 0))
        const falls = values.every((each) => each.every((value, i) => i === 0 || value <= each[i - 1]!))
        const down = values.every(
          (each) => each.every((value, i) => value === each[0]! - i) && (each.at(-1) === 0 || each.at(-1) === 1),
        )
        const expected = ranks ? "minus rank" : signs || (falls && !down) ? "score" : "refused"
        expect(await scoresOf(values)).toBe(expected)
      }),
      { numRuns: 400 },
    )
  })

  it("I104 ranx's files are one run: JSON, Parquet and TREC with a name of several words; its LZ4 is refused with what to do", async () => {
    const expected = ["q1 d3 2.5", "q1 d1 0.1", "q1 d2 -1", "q2 d2 7", "q2 d1 7"]
    for (const kind of ["json", "parquet", "trec"]) {
      const { rows } = await importRun(reference, `ranx.${kind}`, ["q1", "q2"])
      expect(rows.map(({ docid, qid, score }) => `${qid} ${docid} ${score}`)).toEqual(expected)
    }
    await expect(importRun(reference, "ranx.lz4", ["q1"])).rejects.toThrow(
      /ranx.lz4: this is LZ4 data\. .*Run\.from_file\("run\.lz4"\)\.save\("run\.json"\)/,
    )
    writeFileSync(join(root, "ranx.json.gz"), gzipSync(readFileSync(join(reference, "ranx.json"))))
    expect((await importRun(root, "ranx.json.gz", ["q1", "q2"])).rows.length).toBe(5)
  })

  it("I104 Parquet is read by its columns' names: docno before docid, whole numbers as identifiers", async () => {
    const { rows, warnings } = await importRun(reference, "terrier.parquet", ["1", "2"])
    expect(rows.map(({ docid, qid, score }) => `${qid} ${docid} ${score}`)).toEqual([
      "1 d1 3.5",
      "1 d2 1.25",
      "2 d1 -2",
    ])
    expect(warnings).toEqual(["read as Parquet: qid, docno, score"])
    const write = (sql: string) =>
      Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const connection = yield* (yield* DuckDb).connect
            const path = join(root, "a [1].parquet")
            yield* Effect.promise(() => connection.run(`COPY (${sql}) TO '${path}' (FORMAT parquet)`))
          }),
        ).pipe(Effect.provide(layerDuckDb())),
      )
    const reading = async (sql: string) => {
      await write(sql)
      return importRun(root, "a [1].parquet", ["1"])
    }
    await expect(reading("SELECT 1 AS a, 2 AS b")).rejects.toThrow(
      /its columns are a, b: a run has qid, docid, and score/,
    )
    await expect(reading("SELECT 1.5::DOUBLE AS qid, 'a' AS docid, 1 AS score")).rejects.toThrow(
      /column qid is of type DOUBLE/,
    )
    await expect(reading("SELECT 1 AS qid, 'a' AS docid, 'x' AS score")).rejects.toThrow(
      /score is of type VARCHAR: numbers/,
    )
    await expect(reading("SELECT 1 AS qid, 'a' AS docid, 'nan'::DOUBLE AS score")).rejects.toThrow(
      /row 1, score: expected a/,
    )
    await expect(reading("SELECT NULL::VARCHAR AS qid, 'a' AS docid, 1 AS score")).rejects.toThrow(
      /row 1, qid: expected an/,
    )
    expect(
      order((await reading("SELECT 1 AS qid, unnest(['a', 'b']) AS docid, unnest([2, 1]) AS rank")).rows, "1"),
    ).toBe("b a")
    writeFileSync(join(root, "cut.parquet"), readFileSync(join(reference, "ranx.parquet")).subarray(0, 900))
    await expect(importRun(root, "cut.parquet", ["q1"])).rejects.toThrow(
      /cut.parquet: .*Fetch it again, or write it anew/,
    )
  })

  it("I105 docids that the collection lacks are counted with an example; where all are, the run is refused", async () => {
    const { facts, rows, warnings } = await ofText("q Q0 a 1 3 t\nq Q0 gone 2 2 t\nr Q0 lost 1 2 t\n")
    expect(rows.length).toBe(3)
    expect(facts).toMatchObject({ unknownDocids: 2, unknownQueries: 0 })
    expect(warnings).toEqual([
      "2 of the run's 3 docids are not the collection's (gone and others): kept, they count as any other result.",
    ])
    await expect(ofText("q Q0 0001 1 3 t\nq Q0 0002 2 2 t\n", ["q"], ["1", "2", "3"])).rejects.toThrow(
      /none of its 2 docids is one of the collection's 3 \(0001, and there 1\)\. .* 2 of these 2 would be known but for leading zeros/,
    )
    await expect(ofText("q Q0 gone 1 3 t\n")).rejects.toThrow(/none of its 1 docids is one of the collection's 14/)
    await expect(ofText("007 Q0 a 1 3 t\n", ["7"])).rejects.toThrow(/\(007, and there 7\)\. .* but for leading zeros/)
    const some = await ofText("q Q0 1 1 3 t\nq Q0 2.0 2 2 t\n", ["q"], ["1", "2"])
    expect(some.warnings.join()).toMatch(/1 of the run's 2 docids is not .*final \.0/)
  })

  it("I106 pairs of scores that are one number in 32 bits are counted, and are two scores here", async () => {
    const golden: unknown = JSON.parse(readFileSync(join(reference, "golden.json"), "utf8"))
    // pytrec_eval puts b before the relevant a: a tie to it.
    expect(golden).toMatchObject({ pytrec_eval: { q1: 0.5 }, rounded: { q1: 0.5 } })
    const { facts, rows, warnings } = await importRun(reference, "float.trec", ["q1", "q2"])
    expect(order(rows, "q1")).toBe("a b c")
    expect(facts).toMatchObject({ pairsWithinFloat: 1 })
    expect(warnings.join()).toMatch(/^1 pair of neighbouring results differ in score only beyond 32 bits/)
    const far = await ofText("q Q0 a 1 1e300 t\nq Q0 b 2 1e200 t\nq Q0 c 3 -1e300 t\nq Q0 x 4 -1e300 t\n")
    expect(far.facts).toMatchObject({ pairsWithinFloat: 1 })
  })

  it("I106 property: the pairs are those that Math.fround makes equal", async () => {
    const score = fc.oneof(
      fc.constantFrom(1, 1 + 2 ** -24, 1 + 2 ** -23, 1 + 2 ** -52, 0, 5e-324, -5e-324),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(score, { minLength: 2, maxLength: 9 }), async (scores) => {
        const docids = scores.map((_, i) => `d${i}`)
        const sorted = scores.toSorted((a, b) => b - a)
        const pairs = sorted.filter(
          (each, i) => i > 0 && each !== sorted[i - 1] && Math.fround(each) === Math.fround(sorted[i - 1]!),
        )
        for (const folder of ["queries", "passages", "run", "scratch"]) {
          rmSync(join(root, folder), { recursive: true })
          mkdirSync(join(root, folder))
        }
        const { facts } = await ofText(scores.map((each, i) => `q Q0 d${i} 1 ${each} t\n`).join(""), ["q"], docids)
        expect(facts).toMatchObject({ pairsWithinFloat: pairs.length })
      }),
      { numRuns: 12 },
    )
  })

  it("I107 ranks that the scores contradict are told, and not followed", async () => {
    const { rows, warnings } = await ofText("q Q0 a 1 0.1 t\nq Q0 b 2 0.9 t\nr Q0 a 1 2 t\nr Q0 b 2 2 t\n")
    expect(order(rows)).toBe("b a")
    expect(warnings).toEqual([
      "in 1 of 2 queries a result has a higher score than one of better rank: ordered by score, as trec_eval does",
    ])
    expect((await ofText("q Q0 a 0 0.1 t\nq Q0 b 0 0.9 t\n")).warnings).toEqual([])
  })

  it("I82 as JSON it is read as in columns, on one line or many, plain or gzip, however its bytes are cut", async () => {
    const scores = { q: { 'a"b': 1.5, é: 2, "😀": 1e-7, c: -3 }, r: {}, s: { x: 0 } }
    const expected = ["q é 1 2", 'q a"b 2 1.5', "q 😀 3 1e-7", "q c 4 -3"]
    for (const text of [JSON.stringify(scores), `\ufeff\n ${JSON.stringify(scores, undefined, 2)}\n`]) {
      const { rows, facts } = await ofText(text)
      expect(rows.map(({ qid, docid, rank, score }) => [qid, docid, rank, score].join(" "))).toEqual(expected)
      expect(facts).toMatchObject({ unknownQueries: 1, leftOutOwn: 0 })
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
    const lines = readFileSync(join(published, "bm25.dl19.top100.trec"), "utf8").trim().split("\n")
    const docids = [...new Set(lines.map((line) => line.split(" ")[2] ?? ""))]
    const { rows } = await importRun(resolve(published), "bm25.dl19.top100.trec", ["264014", "104861"], { docids })
    expect(rows.length).toBe(200)
    expect(rows.find(({ qid }) => qid === "264014")).toMatchObject({ docid: "5611210", score: 15.780599594116211 })
  })
})
