import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { TrainCandidatesConfig, TrainQueriesConfig } from "../../stages/candidates/index.ts"
import { run as candidatesOf } from "../../stages/candidates/trainCandidates.ts"
import { run as queriesOf } from "../../stages/candidates/trainQueries.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const silent = () => ({ scratch: temporaryFolder("scratch"), progress: () => undefined, warn: () => undefined })

const query = (qid: string, split: string) => ({ qid, text: `text of ${qid}`, kind: "question", split })
const queries = [query("a", "train"), query("b", "train"), query("c", "train"), query("d", "test"), query("é", "train")]
const qrels = [
  { qid: "a", docid: "d1", grade: 1 },
  { qid: "a", docid: "d2", grade: 0 },
  { qid: "a", docid: "d9", grade: 2 },
  { qid: "b", docid: "d1", grade: 0 },
  { qid: "c", docid: "d8", grade: 1 },
  { qid: "d", docid: "d1", grade: 1 },
  { qid: "é", docid: "d3", grade: 1 },
]
const hit = (qid: string, docid: string, rank: number) => ({ system: "bm25", qid, docid, rank, score: 10 - rank })
const results = [
  ...["d2", "d1", "d3", "d4"].map((docid, i) => hit("a", docid, i + 1)),
  hit("d", "d1", 1),
  ...["d3", "d5"].map((docid, i) => hit("é", docid, i + 1)),
]

const chosen = (config: TrainQueriesConfig, rows = queries, judged = qrels) =>
  Effect.gen(function* () {
    const outputs = { queries: temporaryFolder("queries") }
    const inputs = { queries: yield* storedTable(Kinds.Queries, rows), qrels: yield* storedTable(Kinds.Qrels, judged) }
    const result = yield* queriesOf({ config, inputs, outputs, ...silent() })
    return { result, queries: storedFolder(Kinds.Queries, outputs.queries) }
  })

const sampledFrom = (config: TrainCandidatesConfig, run = results, judged = qrels) =>
  Effect.gen(function* () {
    const outputs = { candidates: temporaryFolder("candidates") }
    const inputs = {
      run: yield* storedTable(Kinds.Run, run),
      qrels: yield* storedTable(Kinds.Qrels, judged),
      queries: (yield* chosen({ seed: 1, leaveOutOwn: config.leaveOutOwn }, undefined, judged)).queries,
    }
    const result = yield* candidatesOf({ config, inputs, outputs, ...silent() })
    return { result, rows: yield* readRows(storedFolder(Kinds.Candidates, outputs.candidates)) }
  })

describe("what a training reads", () => {
  it.effect("T45 queries of the train split that have a relevant passage, all or a number drawn by the seed", () =>
    live(
      Effect.gen(function* () {
        const all = yield* chosen({ seed: 1, leaveOutOwn: false })
        expect((yield* readRows(all.queries)).map(({ qid }) => qid)).toEqual(["a", "c", "é"])
        expect(all.result.facts).toEqual({ train: 4, withRelevant: 3 })
        const drawn = new Set<string>()
        for (let seed = 0; seed < 12; seed++) {
          const rows = yield* readRows((yield* chosen({ seed, leaveOutOwn: false, most: 2 })).queries)
          expect(rows).toHaveLength(2)
          drawn.add(rows.map(({ qid }) => qid).join())
        }
        expect([...drawn].sort()).toEqual(["a,c", "a,é", "c,é"])
      }),
    ),
  )

  it.effect("T45 the first results with their grades and, behind them, the relevant passages that are not there", () =>
    live(
      Effect.gen(function* () {
        const { result, rows } = yield* sampledFrom({ depth: 3, leaveOutOwn: false })
        expect(rows.map(({ qid, docid, rank, score, grade }) => [qid, docid, rank, score, grade])).toEqual([
          ["a", "d2", 1, 9, 0],
          ["a", "d1", 2, 8, 1],
          ["a", "d3", 3, 7, null],
          ["a", "d9", 4, 7, 2],
          ["c", "d8", 4, 0, 1],
          ["é", "d3", 1, 9, 1],
          ["é", "d5", 2, 8, null],
        ])
        expect(result.facts).toEqual({ queries: 3, usable: 2, notRetrieved: 2 })
      }),
    ),
  )

  it.effect(
    "M6 where queries' own passages are left out they are no positives, and alone make no query to train on",
    () =>
      live(
        Effect.gen(function* () {
          const own = [
            { qid: "a", docid: "a", grade: 2 },
            { qid: "a", docid: "d1", grade: 1 },
            { qid: "b", docid: "b", grade: 1 },
            { qid: "é", docid: "d3", grade: 1 },
          ]
          const { rows } = yield* sampledFrom({ depth: 2, leaveOutOwn: true }, results, own)
          expect(rows.map(({ qid, docid, rank }) => [qid, docid, rank])).toEqual([
            ["a", "d2", 1],
            ["a", "d1", 2],
            ["é", "d3", 1],
            ["é", "d5", 2],
          ])
          const as = yield* sampledFrom({ depth: 2, leaveOutOwn: false }, results, own)
          expect(as.rows.map(({ qid, docid }) => `${qid} ${docid}`)).toEqual(expect.arrayContaining(["a a", "b b"]))
        }),
      ),
  )

  it.effect("T46 a split with nothing to learn from is an error that says what is missing and what to do", () =>
    live(
      Effect.gen(function* () {
        const none = yield* Effect.flip(chosen({ seed: 1, leaveOutOwn: false }, [query("d", "test")]))
        expect(none.message).toContain("no train queries")
        const unjudgedOnly = yield* Effect.flip(chosen({ seed: 1, leaveOutOwn: false }, [query("x", "train")]))
        expect(unjudgedOnly.message).toContain("none of the 1 train queries has a passage judged relevant")
        const relevantOnly = yield* Effect.flip(sampledFrom({ depth: 1, leaveOutOwn: false }, [hit("é", "d3", 1)]))
        expect(relevantOnly.message).toContain("raise train.lists.depth")
      }),
    ),
  )
})
