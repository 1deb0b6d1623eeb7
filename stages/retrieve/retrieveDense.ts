import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openVectorTable } from "../../neural/index.ts"
import { type StageRun, shardRange } from "../../pipeline/index.ts"
import type { denseInputs, RetrieveDenseConfig, runOutputs } from "./contract.ts"
import { type NearestVectors, nearestRanking, openNearest } from "./nearest/nearestVectors.ts"
import { VectorsUnreadable, VectorsUnsuitable } from "./RetrieveError.ts"
import { batchQueries, queriesIn, queriesOf, searchDepth, writeRun } from "./runTable.ts"

/** How many queries are searched for in one reading of the passages: as many as keep a million results, 2,048 at most. */
const queriesAtOnce = (depth: number): number =>
  batchQueries * Math.max(1, Math.floor(Math.min(2048, 2 ** 20 / depth) / batchQueries))

/** The nearest passages of each query of the splits. */
export const run: StageRun<RetrieveDenseConfig, typeof denseInputs, typeof runOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
  shard,
}) =>
  Effect.gen(function* () {
    const { system = "dense", threads = availableParallelism() } = config
    const all = yield* queriesOf(inputs.queries, config.splits)
    const passages = yield* openVectorTable(inputs.passageVectors.path)
    const asked = yield* openVectorTable(inputs.queryVectors.path)
    const { dimensions } = passages
    const unsuitable = (problem: string) =>
      new VectorsUnsuitable({
        system,
        problem,
        remedy: "Encode passages and queries by one model, of this collection.",
      })
    if (asked.dimensions !== dimensions) {
      return yield* unsuitable(`queries' vectors have ${asked.dimensions} numbers and passages' ${dimensions}`)
    }
    const strange = all.find(({ qid }, at) => at >= asked.texts || asked.nameOf(at) !== qid)
    if (strange !== undefined) return yield* unsuitable(`query ${strange.qid} has no vector where it should be`)
    const { from: first } = shard === undefined ? { from: 0 } : shardRange(shard, all.length)
    const queries = queriesIn(all, shard)
    const depth = searchDepth(config)
    const atOnce = queriesAtOnce(depth)
    const search = yield* openNearest(passages, threads)
    let inFull = 0
    let again = 0
    /** Of the queries that were searched for last, from which on. */
    let found: { readonly from: number; readonly rankings: ReadonlyArray<NearestVectors> } = { from: 0, rankings: [] }
    const searched = (from: number) =>
      Effect.gen(function* () {
        const vectors = new Float32Array(Math.min(atOnce, queries.length - from) * dimensions)
        yield* Effect.try({
          try: () => asked.read(vectors, first + from),
          catch: (cause) => new VectorsUnreadable({ cause }),
        })
        const seen = (count: number): void =>
          progress({
            done: from,
            total: queries.length,
            unit: "queries",
            detail: `${((100 * count) / passages.texts).toFixed(0)} % of the passages for the next ${atOnce}`,
          })
        const found = yield* search({ queries: vectors, k: depth, seen })
        inFull += found.inFull
        again += found.again
        return found.nearest
      })
    const { leftOut, rows } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: config,
      progress,
      search: (batch, answered) =>
        Effect.gen(function* () {
          if (answered % atOnce === 0) found = { from: answered, rankings: yield* searched(answered) }
          return yield* Effect.try({
            try: () => batch.map((_, at) => nearestRanking(passages, found.rankings[answered - found.from + at]!)),
            catch: (cause) => new VectorsUnreadable({ cause }),
          })
        }),
    })
    return {
      rows: { run: rows },
      facts: { queries: queries.length, passages: passages.texts, dimensions, inFull, again, leftOutOwn: leftOut },
    }
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
