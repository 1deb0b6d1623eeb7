import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { judgements, type Measure, measureName, measuresOf, scoreQuery, UNJUDGED } from "../../measures/index.ts"
import {
  DuckDb,
  duckDbPromise,
  type StageContext,
  type StoredArtifact,
  sqlString,
  tableWriter,
} from "../../pipeline/index.ts"
import { Kinds, tableFiles } from "../../schemas/index.ts"
import { NothingToTuneOn } from "./FuseError.ts"
import { type FusedQuery, fusedScores, fuseQuery, orderOf, type Ranking } from "./fuseQuery.ts"
import type { FuseConfig, fuseInputs, fuseOutputs } from "./index.ts"
import { weightGrid } from "./weightGrid.ts"

type Context = StageContext<FuseConfig, typeof fuseInputs, typeof fuseOutputs>

/** A query of the runs, with the grades of its documents in the order of `fused.docids`. */
interface Query {
  readonly qid: string
  readonly fused: FusedQuery
  readonly grades: Int32Array
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const source = (artifact: StoredArtifact): string => `read_parquet(${sqlString(tableFiles(artifact.path))})`

/** The queries of any run, in the order of their qids; of the dev split or all. Memory holds a batch and a query. */
const fusedQueries = (context: Context, split: "dev" | "every") => {
  const { config, inputs } = context
  const only = split === "dev" ? `WHERE qid IN (SELECT qid FROM ${source(inputs.queries)} WHERE split = 'dev')` : ""
  const parts = inputs.runs.map(
    (run, position) => `SELECT ${position} AS position, qid, docid, rank, score FROM ${source(run)} ${only}`,
  )
  const sql = `SELECT qid, position, docid, score, grade FROM (${parts.join(" UNION ALL ")})
    LEFT JOIN ${source(inputs.qrels)} USING (qid, docid) ORDER BY qid, position, rank`
  return Stream.unwrapScoped(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      const result = yield* duckDbPromise(sql, () => connection.stream(sql))
      const batches = Stream.repeatEffectOption(
        Effect.flatMap(
          Effect.mapError(
            duckDbPromise(sql, () => result.fetchChunk()),
            Option.some,
          ),
          (chunk) =>
            chunk === null || chunk.rowCount === 0 ? Effect.fail(Option.none()) : Effect.succeed(chunk.getRows()),
        ),
      )
      return batches.pipe(
        Stream.flattenIterables,
        Stream.groupAdjacentBy(([qid]) => text(qid)),
        Stream.map(([qid, rows]): Query => {
          const all = Chunk.toReadonlyArray(rows)
          const rankings = inputs.runs.map((_, position): Ranking => {
            const mine = all.filter((row) => Number(row[1]) === position)
            return { docids: mine.map((row) => text(row[2])), scores: Float64Array.from(mine, (row) => Number(row[3])) }
          })
          const gradeOf = new Map(all.map((row) => [text(row[2]), row[4] === null ? UNJUDGED : Number(row[4])]))
          const fused = fuseQuery(rankings, config)
          return { qid, fused, grades: Int32Array.from(fused.docids, (docid) => gradeOf.get(docid) ?? UNJUDGED) }
        }),
      )
    }),
  )
}

/** All grades of each query's qrels. */
const judgedQueries = (qrels: StoredArtifact) =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const sql = `SELECT qid, list(grade) FROM ${source(qrels)} GROUP BY qid`
    const [qids = [], grades = []] = yield* duckDbPromise(sql, async () =>
      (await connection.runAndReadAll(sql)).getColumnsJson(),
    )
    return new Map(
      qids.map((qid, row) => {
        const list = grades[row]
        return [text(qid), judgements(Array.isArray(list) ? list.map(Number) : [])]
      }),
    )
  })

/** The weights that are best on the dev split by a measure. */
const tuned = (context: Context, measure: Measure) =>
  Effect.gen(function* () {
    const { config, inputs } = context
    const judged = yield* judgedQueries(inputs.qrels)
    const grid = weightGrid(inputs.runs.length)
    const totals = new Float64Array(grid.length)
    let queries = 0
    yield* Stream.runForEach(fusedQueries(context, "dev"), ({ qid, fused, grades }) =>
      Effect.sync(() => {
        const known = judged.get(qid)
        if (known === undefined) return
        queries++
        context.progress({ done: queries, unit: "queries", detail: `${grid.length} weightings each` })
        grid.forEach((weights, at) => {
          const order = orderOf(fusedScores(fused, config.method, weights))
          const ranked = Int32Array.from(order.subarray(0, config.depth), (place) => grades[place]!)
          totals[at] = totals[at]! + scoreQuery(measure, ranked, known)
        })
      }),
    )
    if (queries === 0) return yield* new NothingToTuneOn({ system: config.system })
    let best = 0
    for (let at = 1; at < grid.length; at++) if (totals[at]! > totals[best]!) best = at
    return { weights: grid[best]!, value: totals[best]! / queries, queries }
  })

const fused = (context: Context) =>
  Effect.gen(function* () {
    const { config, inputs, outputs } = context
    const [measure] = measuresOf([config.measure])
    const search =
      config.method === "weighted" && config.weights === undefined && measure !== undefined
        ? yield* tuned(context, measure)
        : undefined
    const weights = search?.weights ?? config.weights ?? inputs.runs.map(() => 1)
    const writer = yield* tableWriter(Kinds.Run, outputs.run)
    let done = 0
    yield* Stream.runForEach(fusedQueries(context, "every"), ({ qid, fused }) => {
      const scores = fusedScores(fused, config.method, weights)
      const kept = Array.from(orderOf(scores).subarray(0, config.depth))
      context.progress({ done: ++done, unit: "queries" })
      return writer.writeColumns({
        system: kept.map(() => config.system),
        qid: kept.map(() => qid),
        docid: kept.map((place) => fused.docids[place]!),
        rank: kept.map((_, position) => position + 1),
        score: kept.map((place) => scores[place]!),
      })
    })
    const rows = yield* writer.finish
    const found =
      search === undefined || measure === undefined
        ? {}
        : { tunedBy: measureName(measure), dev: search.value, devQueries: search.queries }
    return { rows: { run: rows }, facts: config.method === "weighted" ? { weights: [...weights], ...found } : {} }
  })

/** Fuses the runs; see `docs/SPEC.md`, E120 to E122. */
export const run = (context: Context) => Effect.scoped(fused(context))
