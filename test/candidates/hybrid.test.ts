import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, layerDuckDb, readRows, tableSource } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { Executor, inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { storedFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const small: SmallCollection = {
  passages: { d1: "tower harbour", d2: "harbour bread", d3: "tower tower bread", d4: "roses", d5: "garden roses" },
  queries: { q1: "tower bread", q2: "roses" },
  candidates: { q1: ["d5", "d1", "d3"], q2: ["d1", "d5"] },
  test: [
    ["q1", "d3", 2],
    ["q2", "d1", 0],
  ],
}
const hybrid = 'fuse=[{"name":"hybrid","systems":["bm25","given"]},{"name":"twice","systems":["hybrid","bm25"]}]'

const candidatesOf = (wired: Effect.Effect.Success<ReturnType<typeof wireSmall>>) => {
  const found = wired.tables.find(({ kind }) => kind.name === "candidates")
  if (found === undefined) throw new Error("no candidates")
  return found
}

const refusal = (...sets: Array<string>) =>
  Effect.map(
    Effect.flip(wireSmall(small, [{ source: smallModel("bert"), name: "model" }], ...sets)),
    (error) => `${error._tag}: ${error.message}`,
  )

describe("hybrid candidates", () => {
  it.effect("M8 candidates come from a fusion of first stages and runs, and from fusions of such", () =>
    live(
      Effect.gen(function* () {
        for (const from of ["hybrid", "twice"]) {
          const wired = yield* wireSmall(small, [], hybrid, `candidates.from=${from}`, "candidates.depth=2")
          const executor = new Executor()
          const { outputs } = yield* executor.make(nodeNamed(wired, `fuse.${from}`))
          const fused = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
          const { path } = yield* executor.artifact(candidatesOf(wired))
          const rows = yield* readRows(storedFolder(Kinds.Candidates, path))
          expect(rows.map(({ qid, docid, rank, score }) => ({ qid, docid, rank, score }))).toEqual(
            fused.filter(({ rank }) => rank <= 2).map(({ qid, docid, rank, score }) => ({ qid, docid, rank, score })),
          )
        }
      }),
    ),
  )

  it.effect("M8 a fusion of what reranks the candidates is none to take them from; nor is one of itself", () =>
    live(
      Effect.gen(function* () {
        const late = 'fuse=[{"name":"late","systems":["bm25","model"]}]'
        expect(yield* refusal(late, "candidates.from=late")).toContain(
          "FusionUnsuitable: candidates.from: the fusion late is made of model, which is not there before",
        )
        expect(yield* refusal(late, 'candidates.union=["bm25","late"]')).toContain("FusionUnsuitable: candidates.union")
        const own = 'fuse=[{"name":"own","systems":["bm25","own"]}]'
        expect(yield* refusal(own, "candidates.from=own")).toContain("the fusion own is made of own")
        expect(yield* refusal('candidates.union=["bm25","hybird"]', hybrid)).toContain(
          "UnknownRun: candidates.union: no run is called «hybird»",
        )
      }),
    ),
  )

  it.effect("M9 the union has each system's first results once, by their reciprocal ranks, with each one's rank", () =>
    live(
      Effect.gen(function* () {
        const sets = ['candidates.union=["bm25","given"]', "candidates.depth=2"]
        const model = { source: smallModel("bert"), name: "model" }
        const wired = yield* wireSmall(
          small,
          [model],
          ...sets,
          "rerank.interpolate.enabled=true",
          "rerank.interpolate.weight=0.5",
        )
        const executor = new Executor()
        const { path } = yield* executor.artifact(candidatesOf(wired))
        const connection = yield* (yield* DuckDb).connect
        const sql = `SELECT qid, docid, rank, score, grade, rank_bm25, rank_given FROM ${tableSource({ path })}`
        const rows = yield* duckDbPromise(connection, sql, async () =>
          (await connection.runAndReadAll(sql)).getRowsJS(),
        )
        const both = (a: number, b: number) => 1 / (60 + a) + 1 / (60 + b)
        // BM25: q1 d3, then d2 before d1 (equal, by docid); q2 d4, then d5.
        expect(rows).toEqual(
          [
            ["q1", "d5", 1, 1 / 61, null, null, 1],
            ["q1", "d3", 2, 1 / 61, 2, 1, null],
            ["q1", "d2", 3, 1 / 62, null, 2, null],
            ["q1", "d1", 4, 1 / 62, null, null, 2],
            ["q2", "d5", 1, both(2, 2), null, 2, 2],
            ["q2", "d4", 2, 1 / 61, null, 1, null],
            ["q2", "d1", 3, 1 / 61, 0, null, 1],
          ].sort((a, b) => String(a[0]).localeCompare(String(b[0])) || Number(a[2]) - Number(b[2])),
        )
        const node = nodeNamed(wired, "rerank.model")
        const { outputs } = yield* executor.make(node)
        const reranked = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
        expect(reranked.length).toBe(rows.length)
        expect(inputNamed(node, "candidates").node.name).toBe("candidates.union")
        const mixed = yield* executor.make(nodeNamed(wired, "interpolate.model+union"))
        expect(mixed.outputs["run"]).toBeDefined()
      }).pipe(Effect.scoped),
    ),
  )

  it.effect(
    "M10 negatives come from a dense first stage or a hybrid of the train queries, where train.lists.from names one",
    () =>
      live(
        Effect.gen(function* () {
          const collection = { ...small, train: [["q1", "d3", 1]] as const, test: [["q2", "d5", 1]] as const }
          const sets = [
            `retrieve.dense=${JSON.stringify([smallModel("bert")])}`,
            'fuse=[{"name":"both","systems":["bm25","dense"]},{"name":"tuned","systems":["bm25","dense"],"method":"weighted"}]',
            'train.models=[{"scratch":"t5"}]',
          ]
          const candidatesFrom = (from: string) =>
            Effect.gen(function* () {
              const wired = yield* wireSmall(collection, [], ...sets, `train.lists.from=${from}`)
              const [trained] = wired.trained
              const { node } = inputNamed(trained?.log.node ?? nodeNamed(wired, ""), "candidates")
              const run = inputNamed(node, "run")
              const { outputs } = yield* new Executor().make(node)
              const rows = yield* readRows(storedFolder(Kinds.Candidates, outputs["candidates"]?.path ?? ""))
              return { from: run.node.name, rows }
            })
          const { from, rows } = yield* candidatesFrom("dense")
          expect(from).toBe("retrieve.dense.train")
          expect(new Set(rows.map(({ qid }) => qid))).toEqual(new Set(["q1"]))
          // A dense first stage ranks every passage, BM25 three.
          expect(rows.length).toBe(5)
          const hybrid = yield* candidatesFrom("both")
          expect(hybrid.from).toBe("fuse.both-train")
          expect(hybrid.rows.length).toBe(5)
          expect(hybrid.rows[0]?.score).toBeLessThan(1 / 30)
          const wired = yield* wireSmall(collection, [], ...sets)
          const usual = inputNamed(wired.trained[0]?.log.node ?? nodeNamed(wired, ""), "candidates").node
          expect(inputNamed(usual, "run").node.name).toBe("retrieve.bm25.train")
          for (const [name, problem] of [
            ["tuned", "FusionUnsuitable: train.lists.from: the fusion tuned is made of weights that are tuned"],
            ["given", "UnknownRun: train.lists.from: no run is called «given»"],
          ] as const) {
            const refused = yield* Effect.flip(wireSmall(collection, [], ...sets, `train.lists.from=${name}`))
            expect(`${refused._tag}: ${refused.message}`).toContain(problem)
          }
        }),
      ),
  )
})
