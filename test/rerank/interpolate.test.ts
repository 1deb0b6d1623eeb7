import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds, SystemName } from "../../schemas/index.ts"
import type { InterpolateConfig } from "../../stages/rerank/index.ts"
import { run } from "../../stages/rerank/interpolate.ts"
import { Executor, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

/** The first stage's and the reranker's scores of each candidate, by query. */
type Scores = Readonly<Record<string, Readonly<Record<string, readonly [first: number, model: number]>>>>

const interpolated = (
  scores: Scores,
  config: Partial<InterpolateConfig>,
  judged: Readonly<Record<string, { readonly split: string; readonly relevant?: string }>> = {},
  lacking: ReadonlyArray<string> = [],
) =>
  Effect.gen(function* () {
    const rows = Object.entries(scores).flatMap(([qid, docs]) =>
      Object.entries(docs).map(([docid, [first, model]], i) => {
        const grade = judged[qid]?.relevant === undefined ? null : judged[qid].relevant === docid ? 1 : 0
        return { system: "cross", qid, docid, rank: i + 1, score: first, grade, model }
      }),
    )
    const path = temporaryFolder("mixed")
    const result = yield* run({
      config: { system: SystemName.make("cross+bm25"), normalise: "min-max", measure: "RR@10", ...config },
      inputs: {
        candidates: yield* storedTable(Kinds.Candidates, rows),
        run: yield* storedTable(
          Kinds.Run,
          rows.filter(({ docid }) => !lacking.includes(docid)).map((row) => ({ ...row, score: row.model })),
        ),
        queries: yield* storedTable(
          Kinds.Queries,
          Object.keys(scores).map((qid) => ({ qid, text: qid, kind: "question", split: judged[qid]?.split ?? "test" })),
        ),
        qrels: yield* storedTable(
          Kinds.Qrels,
          rows.flatMap(({ docid, grade, qid }) => (grade === null ? [] : [{ qid, docid, grade }])),
        ),
      },
      outputs: { run: path },
      scratch: temporaryFolder("scratch"),
      progress: () => undefined,
      warn: () => undefined,
    })
    return { ...result, rows: yield* readRows(storedFolder(Kinds.Run, path)) }
  })

const shown = (rows: ReadonlyArray<{ readonly docid: string; readonly score: number }>): string =>
  rows.map(({ docid, score }) => `${docid} ${score.toFixed(4)}`).join(", ")

// Per query: min-max gives 1, ½, 0 and 0, 1, ½; z-scores are multiples of √1.5.
const one: Scores = { q1: { a: [3, 0], b: [2, 10], c: [1, 5] } }

describe("interpolation", () => {
  it.effect("N328 the scores of a query are normalised and mixed by the share", () =>
    live(
      Effect.gen(function* () {
        expect(shown((yield* interpolated(one, { weight: 0.5 })).rows)).toBe("b 0.7500, a 0.5000, c 0.2500")
        expect(shown((yield* interpolated(one, { weight: 0.25 })).rows)).toBe("a 0.7500, b 0.6250, c 0.1250")
        expect(shown((yield* interpolated(one, { weight: 0.5, normalise: "z-score" })).rows)).toBe(
          "b 0.6124, a 0.0000, c -0.6124",
        )
        expect(shown((yield* interpolated(one, { weight: 0 })).rows)).toBe("a 1.0000, b 0.5000, c 0.0000")
        expect(shown((yield* interpolated(one, { weight: 1 })).rows)).toBe("b 1.0000, c 0.5000, a 0.0000")
        // Equal scores say nothing; ties go by docid, descending.
        const flat: Scores = { q1: { a: [7, 1], b: [7, 1] } }
        expect(shown((yield* interpolated(flat, { weight: 0.3, normalise: "z-score" })).rows)).toBe(
          "b 0.0000, a 0.0000",
        )
      }),
    ),
  )

  it.effect("N328 a share that is not given is the best on the dev split, of equal ones the largest", () =>
    live(
      Effect.gen(function* () {
        // b leads d1 from a share of ⅓ on, a leads d2 up to ⅚: both do from 0.35 to 0.8.
        const scores: Scores = {
          d1: { a: [3, 0], b: [2, 10], c: [1, 5] },
          d2: { a: [3, 9], b: [2, 10], c: [1, 0] },
          q1: { a: [3, 0], b: [2, 10], c: [1, 5] },
        }
        const judged = { d1: { split: "dev", relevant: "b" }, d2: { split: "dev", relevant: "a" } }
        const { facts, rows } = yield* interpolated(scores, {}, judged)
        expect(facts).toEqual({ weight: 0.8, tunedBy: "RR@10", dev: 1 })
        expect(shown(rows.filter(({ qid }) => qid === "q1"))).toBe("b 0.9000, c 0.4000, a 0.2000")
        // Where every share is as good, the reranker alone is taken.
        const same = yield* interpolated(one, {}, { q1: { split: "dev", relevant: "c" } })
        expect(same.facts).toMatchObject({ weight: 1 })
      }),
    ),
  )

  it.effect(
    "N328 without judged dev queries, or with candidates that the reranker has not scored, it is an error",
    () =>
      live(
        Effect.gen(function* () {
          const untuned = yield* Effect.flip(interpolated(one, {}, { q1: { split: "test", relevant: "a" } }))
          expect(untuned).toMatchObject({ _tag: "NothingToTuneOn" })
          expect(untuned.message).toMatch(/cross\+bm25: .*Set rerank\.interpolate\.weight/)
          const lacking = yield* Effect.flip(interpolated(one, { weight: 0.5 }, {}, ["b"]))
          expect(lacking).toMatchObject({ _tag: "CandidatesUnscored", qid: "q1", docid: "b" })
        }),
      ),
  )

  it.effect("N328 the mix is a system of its own, named after both", () =>
    live(
      Effect.gen(function* () {
        const wired = yield* wireSmall(
          { passages: { d1: "harbour tower", d2: "bread" }, queries: { q1: "tower" } },
          [{ source: smallModel("bert-cross"), name: "cross" }],
          "rerank.interpolate.enabled=true",
          "rerank.interpolate.weight=0.5",
        )
        const executor = new Executor()
        const { outputs } = yield* executor.make(nodeNamed(wired, "interpolate.cross+given"))
        const rows = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
        expect(rows.map(({ system }) => system)).toEqual(["cross+given", "cross+given"])
      }),
    ),
  )
})
