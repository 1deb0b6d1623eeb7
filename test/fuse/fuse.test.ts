import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { compareTrecOrder } from "../../measures/index.ts"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import {
  compareBytes,
  FusionMethod,
  FusionNormalise,
  FusionSettings,
  Kinds,
  type RowOf,
  type Split,
} from "../../schemas/index.ts"
import { run as runStage } from "../../stages/fuse/fuseRuns.ts"
import { FuseConfig } from "../../stages/fuse/index.ts"
import { weightGrid } from "../../stages/fuse/weightGrid.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

const RunOf = Schema.Record({ key: Schema.String, value: Schema.Record({ key: Schema.String, value: Schema.Number }) })
type RunOf = typeof RunOf.Type
const golden = Schema.decodeSync(
  Schema.parseJson(
    Schema.Struct({
      runs: Schema.Array(RunOf),
      weights: Schema.Array(Schema.Number),
      cases: Schema.Array(Schema.Struct({ method: FusionMethod, normalise: FusionNormalise, fused: RunOf })),
    }),
  ),
)(readFileSync(join(import.meta.dirname, "../reference/fusion/golden.json"), "utf8"))

const rowsOf = (system: string, run: RunOf): ReadonlyArray<RowOf<Kinds.Run["columns"]>> =>
  Object.entries(run)
    .sort(([a], [b]) => compareBytes(a, b))
    .flatMap(([qid, found]) =>
      Object.entries(found)
        .map(([docid, score]) => ({ docid, score }))
        .sort(compareTrecOrder)
        .map(({ docid, score }, i) => ({ system, qid, docid, rank: i + 1, score })),
    )

const fused = (
  runs: ReadonlyArray<RunOf>,
  config: Partial<typeof FuseConfig.Encoded>,
  judged: { readonly grades?: RunOf; readonly splits?: Readonly<Record<string, Split>> } = {},
) =>
  Effect.gen(function* () {
    const outputs = { run: temporaryFolder("run") }
    const qids = [...new Set(runs.flatMap((run) => Object.keys(run)))].sort(compareBytes)
    const result = yield* runStage({
      config: Schema.decodeUnknownSync(FuseConfig)({
        system: "mix",
        method: "rrf",
        normalise: "min-max",
        k: 60,
        measure: "nDCG@10",
        depth: 1000,
        ...config,
      }),
      inputs: {
        runs: yield* Effect.forEach(runs, (run, i) => storedTable(Kinds.Run, rowsOf(`s${i}`, run))),
        queries: yield* storedTable(
          Kinds.Queries,
          qids.map((qid) => ({ qid, text: qid, kind: "question", split: judged.splits?.[qid] ?? "test" })),
        ),
        qrels: yield* storedTable(
          Kinds.Qrels,
          Object.entries(judged.grades ?? {}).flatMap(([qid, grades]) =>
            Object.entries(grades).map(([docid, grade]) => ({ qid, docid, grade })),
          ),
        ),
      },
      outputs,
      scratch: temporaryFolder("scratch"),
      progress: () => undefined,
      warn: () => undefined,
    })
    return { result, rows: yield* readRows(storedFolder(Kinds.Run, outputs.run)) }
  }).pipe(Effect.provide(layerDuckDb()))

describe("fusion", () => {
  it.effect("E120 reciprocal ranks, sums and weighted sums are ranx's", () =>
    Effect.gen(function* () {
      for (const { method, normalise, fused: expected } of golden.cases) {
        const { rows } = yield* fused(golden.runs, { method, normalise, weights: golden.weights })
        expect(rows.length).toBe(Object.values(expected).reduce((sum, found) => sum + Object.keys(found).length, 0))
        for (const { qid, docid, score } of rows) {
          expect(score, `${method} ${normalise} ${qid} ${docid}`).toBeCloseTo(expected[qid]?.[docid] ?? Number.NaN, 10)
        }
      }
    }),
  )

  it.effect("E121 results stand in trec_eval's order, queries by bytes, no more than asked for", () =>
    Effect.gen(function* () {
      const runs: ReadonlyArray<RunOf> = [
        { b: { x: 2, é: 1, z: 0 }, a: { x: 1 } },
        { b: { é: 2, x: 1, z: 0 }, c: { y: 1 } },
      ]
      const { rows } = yield* fused(runs, { depth: 2 })
      expect(rows.map(({ qid, docid, rank }) => [qid, docid, rank])).toEqual([
        ["a", "x", 1],
        ["b", "é", 1],
        ["b", "x", 2],
        ["c", "y", 1],
      ])
      expect(new Set(rows.map(({ system }) => system))).toEqual(new Set(["mix"]))
    }),
  )

  it.effect("E122 weights left out are those that are best on the dev split, the most even of equal ones", () =>
    Effect.gen(function* () {
      // The first system is right on dev, the second on test; only dev may count. Even weights tie, and ties go to the wrong one.
      const queries = ["d1", "d2", "t1"]
      const right = (qid: string): Record<string, number> => ({ [`${qid}-a`]: 1, [`${qid}-b`]: 0 })
      const wrong = (qid: string): Record<string, number> => ({ [`${qid}-a`]: 0, [`${qid}-b`]: 1 })
      const first = Object.fromEntries(queries.map((qid) => [qid, qid === "t1" ? wrong(qid) : right(qid)]))
      const second = Object.fromEntries(queries.map((qid) => [qid, qid === "t1" ? right(qid) : wrong(qid)]))
      const grades = Object.fromEntries(queries.map((qid) => [qid, { [`${qid}-a`]: 1 }]))
      const splits = { d1: "dev", d2: "dev", t1: "test" } as const
      const { result, rows } = yield* fused([first, second], { method: "weighted" }, { grades, splits })
      expect(result.facts).toEqual({ weights: [0.55, 0.45], tunedBy: "nDCG@10", dev: 1, devQueries: 2 })
      expect(rows.filter(({ rank }) => rank === 1).map(({ docid }) => docid)).toEqual(["d1-a", "d2-a", "t1-b"])
      const exit = yield* Effect.exit(fused([first, second], { method: "weighted" }, { grades }))
      if (Exit.isSuccess(exit)) throw new Error("should fail")
      expect(Cause.squash(exit.cause)).toMatchObject({ _tag: "NothingToTuneOn", system: "mix" })
    }),
  )

  it("E122 weightings are sums of one, the most even first, never too many", () => {
    for (let systems = 2; systems <= 12; systems++) {
      const grid = weightGrid(systems)
      expect(grid.length).toBeGreaterThanOrEqual(systems)
      expect(grid.length).toBeLessThanOrEqual(300)
      for (const weights of grid) {
        expect(weights.length).toBe(systems)
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12)
      }
    }
    expect(weightGrid(2)[0]).toEqual([0.5, 0.5])
    expect(weightGrid(2).length).toBe(21)
  })

  it("E120 weights that do not fit the systems are refused", () => {
    const decode = Schema.decodeUnknownSync(FusionSettings)
    expect(decode({ name: "m", systems: ["a", "b"] })).toMatchObject({ method: "rrf", k: 60, measure: "nDCG@10" })
    expect(() => decode({ name: "m", systems: ["a", "b"], weights: [1] })).toThrow(/2 weights, one for each system/)
    expect(() => decode({ name: "m", systems: ["a"] })).toThrow()
  })
})
