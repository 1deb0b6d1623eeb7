import { existsSync, readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DuckDb, layerDuckDb, type PlanNode, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { Rm3Settings, RocchioSettings } from "../../stages/retrieve/contract.ts"
import { rm3 } from "../../stages/retrieve/feedback/rm3.ts"
import { rocchio } from "../../stages/retrieve/feedback/rocchio.ts"
import { Executor, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())
const vector = (weights: Readonly<Record<string, number>>) => new Map(Object.entries(weights))
const near = (weights: Readonly<Record<string, number>>) =>
  new Map(Object.entries(weights).map(([term, weight]) => [term, expect.closeTo(weight, 6)]))

const rowsOf = (executor: Executor, node: PlanNode) =>
  Effect.gen(function* () {
    const { outputs } = yield* executor.make(node)
    return yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
  })

const runOf = (collection: SmallCollection, node: string, ...sets: Array<string>) =>
  Effect.flatMap(wireSmall(collection, [], 'retrieve.splits=["test"]', ...sets), (wired) =>
    rowsOf(new Executor(), nodeNamed(wired, node)),
  )

describe("feedback", () => {
  it("R70 RM3 mixes the query with each document's best terms over their sum, times its score", () => {
    const settings = Schema.decodeSync(Rm3Settings)({ fbTerms: 2, fbDocs: 2, originalQueryWeight: 0.25 })
    const { documents, expand, isFeedbackTerm } = rm3(settings)
    expect(documents(5)).toEqual([0, 1])
    expect(documents(1)).toEqual([0])
    const found = [
      // Of b and c, which are equal, the first by its name.
      { score: 3, vector: vector({ c: 1, b: 1, a: 2 }) },
      { score: 1, vector: vector({ d: 4 }) },
      { score: 9, vector: vector({}) },
    ]
    // a 2/3 · 3 = 2, b 1/3 · 3 = 1, d 1: of b and d the first by its name; over their sum, 3.
    expect(expand(vector({ a: 1, q: 3 }), found, 2)).toEqual(
      near({ a: 0.25 / 4 + (0.75 * 2) / 3, q: (0.25 * 3) / 4, b: 0.75 / 3 }),
    )
    expect(expand(vector({ q: 2 }), [], 0)).toEqual(near({ q: 0.25 }))
    expect(["tower", "c3", "é", "x-y"].map(isFeedbackTerm)).toEqual([true, true, false, false])
  })

  it("R71 Rocchio adds the mean of the first documents, of length 1, and takes that of the last away where it is asked", () => {
    const few = { topFbTerms: 2, topFbDocs: 2, bottomFbDocs: 1, beta: 0.5, gamma: 0.25 }
    const found = [
      { score: 1, vector: vector({ a: 3, b: 4 }) },
      { score: 1, vector: vector({ a: 1 }) },
    ]
    const last = { score: 1, vector: vector({ z: 2, q: 0 }) }
    // The mean is a (0.6 + 1) / 2, b 0.4; over its length √0.8.
    const [a, b] = [0.8 / Math.sqrt(0.8), 0.4 / Math.sqrt(0.8)]
    const positive = rocchio(Schema.decodeSync(RocchioSettings)(few))
    expect(positive.documents(7)).toEqual([0, 1])
    expect(positive.expand(vector({ q: 2, z: 2 }), found, 7)).toEqual(
      near({ q: Math.SQRT1_2, z: Math.SQRT1_2, a: a / 2, b: b / 2 }),
    )
    const both = rocchio(Schema.decodeSync(RocchioSettings)({ ...few, useNegative: true, alpha: 0.25 }))
    expect(both.documents(7)).toEqual([0, 1, 6])
    // z falls below 0 and is gone.
    expect(both.expand(vector({ q: 2, z: 2 }), [...found, last], 7)).toEqual(
      near({ q: Math.SQRT1_2 / 4, a: a / 2, b: b / 2 }),
    )
  })

  const small: SmallCollection = {
    passages: Object.fromEntries(
      Array.from({ length: 60 }, (_, at) => [
        `d${at}`,
        at < 3 ? "harbour tower rust" : at < 5 ? "rust mud" : `fog${at}`,
      ]),
    ),
    queries: { q1: "harbour", d0: "tower", none: "nothing" },
  }

  it.effect(
    "R72 what is found by feedback terms alone is found too; a query's own passage is no feedback where it is left out",
    () =>
      live(
        Effect.gen(function* () {
          const sets = ["retrieve.rm3.enabled=true", "retrieve.rocchio.enabled=true"]
          for (const [system, stage] of [
            ["bm25+rm3", "retrieve.rm3"],
            ["bm25+rocchio", "retrieve.rocchio"],
          ] as const) {
            const rows = yield* runOf(small, stage, ...sets)
            expect(rows.filter(({ qid }) => qid === "q1").map(({ docid }) => docid)).toEqual([
              "d2",
              "d1",
              "d0",
              "d4",
              "d3",
            ])
            expect(new Set(rows.map((row) => row.system))).toEqual(new Set([system]))
            expect(rows.map(({ qid }) => qid)).not.toContain("none")
            const others = yield* runOf(small, stage, ...sets, "retrieve.leaveOutOwn=true")
            expect(others.filter(({ qid }) => qid === "d0").map(({ docid }) => docid)).toEqual(["d2", "d1", "d4", "d3"])
          }
        }),
      ),
  )

  it.effect("R72 of equal results those whose docids come first are feedback", () =>
    live(
      Effect.gen(function* () {
        const fillers = Array.from({ length: 20 }, (_, at) => [`x${at}`, `filler${at} other${at}`] as const)
        const passages = { d1: "fog tower", d2: "fog mud", ...Object.fromEntries(fillers) }
        const wired = yield* wireSmall(
          { passages, queries: { q1: "fog" } },
          [],
          "retrieve.rm3.enabled=true",
          "retrieve.rm3.fbDocs=1",
        )
        const executor = new Executor()
        const found = (rows: ReadonlyArray<{ readonly docid: string }>) => rows.map(({ docid }) => docid)
        expect(found(yield* rowsOf(executor, nodeNamed(wired, "retrieve.bm25")))).toEqual(["d2", "d1"])
        expect(found(yield* rowsOf(executor, nodeNamed(wired, "retrieve.rm3")))).toEqual(["d1", "d2"])
      }),
    ),
  )

  const cacm = new URL("../../../shared/data/cacm/", import.meta.url)
  const decode = Schema.decodeUnknownSync(
    Schema.parseJson(
      Schema.Struct({
        _id: Schema.String,
        title: Schema.optional(Schema.String),
        text: Schema.String,
        metadata: Schema.optional(Schema.Struct({ rest: Schema.String })),
      }),
    ),
  )
  const linesOf = (file: string) => readFileSync(new URL(file, cacm), "utf8").trimEnd().split("\n")

  it.effect.skipIf(!existsSync(cacm))(
    "R73 on CACM, whole documents and the published judgements: BM25 AP 0.3123 and P@30 0.1942, RM3 0.3648 and 0.2224 (Anserini's)",
    () =>
      live(
        Effect.gen(function* () {
          const passages = linesOf("corpus.jsonl")
            .map((line) => decode(line))
            .map(({ _id, metadata, text, title = "" }) => [_id, `${title}\n${text}\n${metadata?.rest ?? ""}`] as const)
          const queries = linesOf("queries.jsonl").map((line) => decode(line))
          const qrels = linesOf("original/qrels.cacm.txt").map((line) => line.split(/\s+/))
          const relevant = new Map<string, Set<string>>()
          for (const [qid = "", , docid = "", grade] of qrels) {
            if (Number(grade) > 0) relevant.set(qid, (relevant.get(qid) ?? new Set()).add(docid))
          }
          const collection = {
            passages: Object.fromEntries(passages),
            queries: Object.fromEntries(queries.map(({ _id, text }) => [_id, text])),
            candidates: {},
            // Each query is of the test split; what it is judged by is above.
            test: queries.map(({ _id }) => [_id, passages[0]?.[0] ?? "", 0] as const),
          }
          const wired = yield* wireSmall(collection, [], "retrieve.rm3.enabled=true", "candidates.from=bm25")
          const executor = new Executor()
          const means = (system: string) =>
            Effect.map(rowsOf(executor, nodeNamed(wired, system)), (rows) => {
              const found = new Map<string, Array<string>>()
              for (const { docid, qid } of rows) found.set(qid, [...(found.get(qid) ?? []), docid])
              let [ap, p30] = [0, 0]
              for (const [qid, docids] of relevant) {
                let hits = 0
                for (const [at, docid] of (found.get(qid) ?? []).entries()) {
                  if (!docids.has(docid)) continue
                  ap += ++hits / (at + 1) / docids.size
                  if (at < 30) p30 += 1 / 30
                }
              }
              return [ap / relevant.size, p30 / relevant.size]
            })
          const within = (value: number): unknown => expect.closeTo(value, 3)
          expect(yield* means("retrieve.bm25")).toEqual([within(0.3123), within(0.1942)])
          expect(yield* means("retrieve.rm3")).toEqual([within(0.3648), within(0.2224)])
        }),
      ),
  )
})
