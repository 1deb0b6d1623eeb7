import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { type ExperimentSettings, queryResults, runExperiment } from "../../library/index.ts"
import { evaluateRun, readQrels, readRun } from "../../library/measures.ts"
import { openModel, scorePairs } from "../../library/neural.ts"
import { bm25Index } from "../../library/retrieval.ts"
import { compare } from "../../library/statistics.ts"
import { DuckDb, duckDbPromise, layerDuckDb } from "../../pipeline/index.ts"
import { StatisticsConfig } from "../../schemas/index.ts"
import { compareSystems, type ScoreTable } from "../../stages/evaluate/index.ts"
import { keepHints, lendHints } from "../support/sharedHints.ts"
import { amendJson, smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const passages = [
  { docid: "p1", title: "", text: "the harbour tower" },
  { docid: "p2", title: "market", text: "bread and roses at the harbour market" },
  { docid: "p3", title: "", text: "quiet garden roses" },
  { docid: "p4", title: "", text: "bread bread bread" },
]
const queries = [
  { qid: "q1", text: "harbour roses" },
  { qid: "q2", text: "bread garden" },
]

/** A BEIR folder. */
const collection = (): string => {
  const folder = join(temporaryFolder("library"), "small")
  mkdirSync(join(folder, "qrels"), { recursive: true })
  const lines = (rows: ReadonlyArray<unknown>): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("")
  writeFileSync(
    join(folder, "corpus.jsonl"),
    lines(passages.map(({ docid, title, text }) => ({ _id: docid, title, text }))),
  )
  writeFileSync(join(folder, "queries.jsonl"), lines(queries.map(({ qid, text }) => ({ _id: qid, text }))))
  writeFileSync(join(folder, "qrels/test.tsv"), "query-id\tcorpus-id\tscore\nq1\tp1\t1\nq1\tp2\t0\nq2\tp3\t2\n")
  return folder
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "fulfilled",
    (error: unknown) => error,
  )

describe("rankdag/measures", () => {
  const qrels = { q1: { a: 1, b: 0 }, q2: { c: 2, d: -1 } }

  it("L104 all queries of the qrels count; what one side lacks is named", () => {
    const run = { q1: { b: 2, a: 1, x: 1 }, q9: { a: 1 } }
    const { byQuery, means, measures, missing, qids, unjudged } = evaluateRun(run, qrels, [
      "ndcg_cut_10",
      "RR",
      "RR@10",
    ])
    expect({ measures, qids, missing, unjudged }).toEqual({
      measures: ["nDCG@10", "RR", "RR@10"],
      qids: ["q1", "q2"],
      missing: ["q2"],
      unjudged: ["q9"],
    })
    // Equal scores are in the order of docids descending: b, x, a.
    expect(byQuery).toEqual({ "nDCG@10": { q1: 0.5, q2: 0 }, RR: { q1: 1 / 3, q2: 0 }, "RR@10": { q1: 1 / 3, q2: 0 } })
    expect(means).toEqual({ "nDCG@10": 0.25, RR: 1 / 6, "RR@10": 1 / 6 })
  })

  it("L104 names that objects have of their own are qids and docids like others", () => {
    const named: Record<string, Record<string, number>> = JSON.parse(
      '{"__proto__": {"constructor": 1}, "toString": {"a": 1}}',
    )
    const { means, missing } = evaluateRun(named, named, ["P@1"])
    expect({ means, missing }).toEqual({ means: { "P@1": 1 }, missing: [] })
    expect(evaluateRun({}, { toString: { a: 1 } }, ["P@1"]).missing).toEqual(["toString"])
  })

  it("L104 what is no grade, score or measure is an error that says where", () => {
    expect(() => evaluateRun({}, { q1: { a: 0.5 } }, ["AP"])).toThrow("The grade of a for query q1 is 0.5")
    expect(() => evaluateRun({ q1: { a: Number.NaN } }, { q1: { a: 1 } }, ["AP"])).toThrow(
      "The score of a for query q1",
    )
    expect(() => evaluateRun({}, qrels, ["nDGC@10"])).toThrow("nDCG")
    expect(() => evaluateRun({}, { q1: { a: 9 } }, ["ERR@10"])).toThrow("above 4, the highest that ERR@10 allows")
  })

  it("L104 runs and qrels are read as stages read them", async () => {
    const folder = temporaryFolder("runs")
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text)
      return join(folder, name)
    }
    expect(await readQrels(file("qrels", "q1 0 a 1\nq1 0 b -1\n"))).toEqual({ q1: { a: 1, b: -1 } })
    expect(await readRun(file("run", "q1 Q0 a 1 2.5 x\n"))).toEqual({ q1: { a: 2.5 } })
    expect(await readRun(file("run.json", '{"q1": {"a": 2.5}}'))).toEqual({ q1: { a: 2.5 } })
    expect(await rejection(readRun(file("twice", "q1 Q0 a 1 2 x\nq1 Q0 a 2 1 x\n")))).toMatchObject({
      _tag: "MalformedRow",
      line: 2,
    })
    expect(await rejection(readRun(join(folder, "none")))).toMatchObject({ _tag: "UnreadableFile", reason: "missing" })
  })
})

describe("files of runs and judgements", () => {
  const folder = temporaryFolder("judged")
  const at = (name: string) => join(folder, name)
  const grades = { q1: { a: 2, b: 0 }, q2: { c: 1 } }
  const scores = { q1: { a: 2.5, b: 1.25 }, q2: { c: -3 } }
  const rowsOf = (table: Readonly<Record<string, Readonly<Record<string, number>>>>) =>
    Object.entries(table).flatMap(([qid, of]) =>
      Object.entries(of).map(([docid, value]) => [qid, docid, value] as const),
    )
  const lines = (texts: ReadonlyArray<string>): string => texts.map((text) => `${text}\n`).join("")

  it("L170 readRun and readQrels read every form that a collection's files may have, told by what they hold", async () => {
    const values = (rows: ReadonlyArray<ReadonlyArray<string | number>>): string =>
      rows
        .map(
          (row) =>
            `(${row.map((value) => (typeof value === "string" ? `'${value}'` : `${value}::DOUBLE`)).join(", ")})`,
        )
        .join(", ")
    await Effect.runPromise(
      Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        // ranx's names of columns.
        for (const [file, table, name] of [
          ["run", scores, "score"],
          ["qrels", grades, "score"],
        ] as const) {
          const sql = `COPY (SELECT * FROM (VALUES ${values(rowsOf(table))}) t(q_id, doc_id, ${name})) TO '${at(file)}.parquet' (FORMAT parquet)`
          yield* duckDbPromise(connection, sql, () => connection.run(sql))
        }
      }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
    )
    const runs = {
      "run.trec": lines(rowsOf(scores).map(([qid, docid, score], i) => `${qid} Q0 ${docid} ${i + 1} ${score} x`)),
      "run.json": JSON.stringify(scores),
      "run.tsv": lines(["qid\tdocid\tscore", ...rowsOf(scores).map((row) => row.join("\t"))]),
    }
    const qrels = {
      "qrels.txt": lines(rowsOf(grades).map(([qid, docid, grade]) => `${qid} 0 ${docid} ${grade}`)),
      "qrels.json": JSON.stringify(grades, undefined, 2),
      "qrels.tsv": lines(["query-id\tcorpus-id\tscore", ...rowsOf(grades).map((row) => row.join("\t"))]),
      "qrels.csv": lines(["query_id,product_id,rating", ...rowsOf(grades).map((row) => row.join(","))]),
      "qrels.jsonl": lines(rowsOf(grades).map(([qid, docid, grade]) => JSON.stringify({ qid, docid, grade }))),
    }
    for (const [name, text] of Object.entries({ ...runs, ...qrels })) {
      writeFileSync(at(name), text)
      writeFileSync(at(`${name}.gz`), gzipSync(text))
    }
    const packed = (names: ReadonlyArray<string>) => names.flatMap((name) => [name, `${name}.gz`])
    for (const name of [...packed(Object.keys(runs)), "run.parquet"]) {
      expect([name, await readRun(at(name))]).toEqual([name, scores])
    }
    for (const name of [...packed(Object.keys(qrels)), "qrels.parquet"]) {
      expect([name, await readQrels(at(name))]).toEqual([name, grades])
    }
    const notes: Array<string> = []
    await readRun(at("run.parquet"), (note) => notes.push(note))
    expect(notes).toEqual(["read as Parquet: q_id, doc_id, score"])
  })

  it("L170 a grade that is none, and a file that is no longer whole, are errors that say where", async () => {
    writeFileSync(at("half.json"), '{ "q1": {\n "a": 0.5 } }')
    expect(await rejection(readQrels(at("half.json")))).toMatchObject({ _tag: "MalformedRow", line: 2, field: "grade" })
    writeFileSync(at("cut.parquet"), readFileSync(at("run.parquet")).subarray(0, 60))
    expect(await rejection(readRun(at("cut.parquet")))).toMatchObject({ _tag: "UnreadableFile" })
    expect(await rejection(readQrels(at("cut.parquet")))).toMatchObject({ _tag: "UnreadableFile" })
  })
})

describe("rankdag/statistics", () => {
  const random = (seed: number): number => (Math.sin(seed * 12.9898) * 43758.5453) % 1
  const qids = Array.from({ length: 23 }, (_, i) => `q${String(i).padStart(2, "0")}`)
  const [a, b] = [1, 2].map((system) => qids.map((_, i) => Math.abs(random(i * 3 + system))))

  it("L105 the figures are those of the table of comparisons, for each test and interval", () => {
    const table: ScoreTable = {
      split: "test",
      systems: ["bm25", "other"],
      measures: ["nDCG@10"],
      queries: qids.map((qid) => ({ dataset: "d", qid, kind: "question" })),
      scores: [[Float64Array.from(a ?? [])], [Float64Array.from(b ?? [])]],
      missing: new Int32Array(2),
    }
    const byQid = (values: ReadonlyArray<number> = []) =>
      Object.fromEntries(qids.map((qid, i) => [qid, values[i] ?? 0]))
    const tests = ["t", "wilcoxon", "randomization"] as const
    for (const interval of ["student", "bca"] as const) {
      const config = Schema.decodeSync(StatisticsConfig)({ correction: "none", interval })
      const rows = compareSystems(table, { ...config, pairs: "baselines" })
      expect(rows.length).toBe(tests.length)
      for (const [at, row] of rows.entries()) {
        const { interval: bounds, ...found } = compare(byQid(a), byQid(b), { test: tests[at] ?? "t", interval })
        expect(found).toMatchObject({
          difference: row.difference,
          queries: row.queries,
          needed: row.needed,
          wins: row.wins,
        })
        expect(found.p).toBeCloseTo(row.p, 12)
        expect(bounds?.lower).toBeCloseTo(row.lower ?? Number.NaN, 12)
        expect(bounds?.upper).toBeCloseTo(row.upper ?? Number.NaN, 12)
      }
    }
  })

  it("L105 systems that were measured over different queries are not compared", () => {
    expect(() => compare({ q1: 1, q2: 0 }, { q1: 1 })).toThrow("query q2")
    expect(() => compare({ q1: 1 }, { q1: 1, q3: 0 })).toThrow("query q3")
    expect(() => compare({ q1: Number.NaN }, { q1: 1 })).toThrow("query q1")
  })
})

describe("rankdag/retrieval", () => {
  it("L106 a docid that comes twice, and parameters out of their range, are errors", () => {
    expect(() => bm25Index([passages[0]!, passages[0]!])).toThrow("Two passages have the docid p1")
    expect(() => bm25Index([], { b: 2 })).toThrow("b is a number from 0 to 1")
    expect(() => bm25Index(passages).search("bread", 0)).toThrow("k is a whole number from 1")
    expect(bm25Index([]).search("bread", 3)).toEqual([])
    expect(bm25Index(passages).search("the and of", 3)).toEqual([])
  })
})

describe("rankdag and rankdag/neural", () => {
  const settings = (...models: ReadonlyArray<string>): ExperimentSettings => ({
    retrieve: { systems: ["bm25"], splits: ["test"] },
    rerank: {
      models: [
        { source: models[0] ?? "", name: "cross" },
        { source: models[1] ?? "", name: "vectors", head: "embedding", queryPrefix: "garden" },
      ],
    },
  })

  it("L107 scores of pairs are those of the stage, of cross-encoders and of bi-encoders; L106, L108 so are the other rows", async () => {
    const [cross, vectors] = [smallModel("bert-cross"), smallModel("bert")]
    const artifacts = join(temporaryFolder("store"), "artifacts")
    const told: Array<string> = []
    const options = { dataset: collection(), settings: settings(cross, vectors), artifacts }
    lendHints(artifacts)
    const result = await runExperiment({ ...options, onStage: ({ name, status }) => told.push(`${name} ${status}`) })
    keepHints(artifacts)
    expect(told).toContain("rerank.cross ran")
    expect(result.systems.map(({ system, split, kind }) => [system, split, kind])).toContainEqual([
      "cross",
      "test",
      "all",
    ])
    expect(result.table).toContain("vectors")
    expect((await runExperiment(options)).stages.every(({ status }) => status === "hit")).toBe(true)

    const rows = await result.query(
      `SELECT r.system, r.qid, r.docid, r.score, q.text AS query, concat_ws(' ', nullif(p.title, ''), p.text) AS passage
       FROM runs r JOIN queries q USING (dataset, qid) JOIN passages p USING (dataset, docid) ORDER BY r.system, r.qid, r.rank`,
    )
    const of = (system: string) => rows.filter((row) => row["system"] === system)
    const text = (value: unknown): string => (typeof value === "string" ? value : "")
    const texts = (system: string) =>
      of(system).map(({ query, passage }) => ({ query: text(query), passage: text(passage) }))
    const stored = (system: string) => of(system).map(({ score }) => Number(score))
    const near = (found: ReadonlyArray<number>, system: string) => {
      expect(found.length).toBeGreaterThan(3)
      found.forEach((score, at) => expect(score).toBeCloseTo(stored(system)[at] ?? Number.NaN, 5))
    }
    near((await scorePairs(cross, texts("cross"))).scores, "cross")
    const bi = { head: "embedding", queryPrefix: "garden" } as const
    near((await scorePairs(vectors, texts("vectors"), bi)).scores, "vectors")

    const index = bm25Index(passages)
    const hits = queries.flatMap(({ qid, text }) => index.search(text, 10).map((hit) => [qid, hit.docid, hit.score]))
    expect(hits).toEqual(of("bm25").map(({ qid, docid, score }) => [qid, docid, score]))
  })

  it("L107 shortened texts are counted, and closing leaves nothing behind", async () => {
    const model = await openModel(smallModel("bert-cross"), { maximumTokens: 8 })
    const long = { query: "bread", passage: "roses ".repeat(20) }
    const { scores, truncated } = await model.score([long, { query: "bread", passage: "market" }])
    expect([scores.length, truncated, model.maximumTokens]).toEqual([2, 1, 8])
    expect(await model.score([{ query: "roses ".repeat(20), passage: "bread" }])).toMatchObject({ truncatedQueries: 1 })
    expect((await model.score([])).scores).toEqual([])
    await model.close()
    expect(await rejection(openModel(join(temporaryFolder("none"), "model")))).toMatchObject({ _tag: "UnknownModel" })
  })

  it("L107 T87 an adapter is put into the weights of the model beside it, or of the one that its configuration names", async () => {
    const [model, adapter] = [smallModel("bert-cross"), join(temporaryFolder("adapters"), "lora")]
    cpSync(join(import.meta.dirname, "../reference/adapters/bert-cross-classifier"), adapter, { recursive: true })
    const pairs = [
      { query: "bread", passage: "market" },
      { query: "roses", passage: "harbour" },
    ]
    const before = (await scorePairs(model, pairs)).scores
    const { scores } = await scorePairs(model, pairs, { adapter })
    expect(Math.abs(scores[0]! - before[0]!)).toBeGreaterThan(1e-4)
    amendJson(join(adapter, "adapter_config.json"), { base_model_name_or_path: model })
    expect((await scorePairs(adapter, pairs)).scores).toEqual(scores)
    amendJson(join(adapter, "adapter_config.json"), { base_model_name_or_path: "" })
    expect(await rejection(openModel(adapter))).toMatchObject({ _tag: "ModelUnsuitable" })
    expect(await rejection(openModel(model, { adapter: join(adapter, "none") }))).toMatchObject({
      _tag: "UnknownModel",
    })
  })

  it("L108 what is wrong is told by the command line's errors, and nothing is made", async () => {
    const artifacts = join(temporaryFolder("store"), "artifacts")
    const wrong: Readonly<Record<string, unknown>> = { retrieve: { depht: 3 } }
    expect(await rejection(runExperiment({ artifacts, settings: wrong }))).toMatchObject({
      _tag: "ConfigurationError",
      where: "settings",
      path: "retrieve.depht",
    })
    expect(await rejection(runExperiment({ artifacts, dataset: "no/such" }))).toMatchObject({ _tag: "UnknownDataset" })
    expect(await rejection(queryResults("SELECT 1", { artifacts }))).toMatchObject({ _tag: "NoCatalog" })
    expect(existsSync(artifacts)).toBe(false)
  })
})
