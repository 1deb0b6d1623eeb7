import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { judgements, measureName, measuresOf, scoreQuery, trecRanking, UNJUDGED } from "../../measures/index.ts"
import {
  DuckDb,
  duckDbPromise,
  rowStream,
  rowsOf,
  type StageContext,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { InterpolateConfig, interpolateInputs, interpolateOutputs } from "./contract.ts"
import { mixScores, normalised } from "./mixScores.ts"
import { CandidatesUnscored, NothingToTuneOn } from "./RerankError.ts"

type Context = StageContext<InterpolateConfig, typeof interpolateInputs, typeof interpolateOutputs>

/** A query's candidates with both scores, normalised. */
interface ScoredQuery {
  readonly qid: string
  readonly docids: ReadonlyArray<string>
  /** `UNJUDGED` where the qrels do not name the document. */
  readonly grades: Int32Array
  readonly first: Float64Array
  readonly model: Float64Array
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** The candidates query by query, in the order of their qids, of one split or of all. Memory holds a batch and a query. */
const scoredQueries = (context: Context, split: string | undefined) => {
  const { config, inputs } = context
  const only =
    split === undefined ? "" : `WHERE qid IN (SELECT qid FROM ${tableSource(inputs.queries)} WHERE split = '${split}')`
  const sql = `SELECT c.qid, c.docid, c.grade, c.score AS first, r.score AS model FROM ${tableSource(inputs.candidates)} c
    LEFT JOIN ${tableSource(inputs.run)} r USING (qid, docid) ${only} ORDER BY c.qid, c.rank`
  return rowStream(sql).pipe(
    Stream.map(rowsOf),
    Stream.flattenIterables,
    Stream.groupAdjacentBy(([qid]) => text(qid)),
    Stream.mapEffect(([qid, rows]) => {
      const all = Chunk.toReadonlyArray(rows)
      const missing = all.find((row) => row[4] === null)
      if (missing !== undefined) {
        return Effect.fail(new CandidatesUnscored({ system: config.system, qid, docid: text(missing[1]) }))
      }
      const column = (at: number): Float64Array => Float64Array.from(all, (row) => Number(row[at]))
      return Effect.succeed<ScoredQuery>({
        qid,
        docids: all.map((row) => text(row[1])),
        grades: Int32Array.from(all, (row) => (row[2] === null ? UNJUDGED : Number(row[2]))),
        first: normalised(column(3), config.normalise),
        model: normalised(column(4), config.normalise),
      })
    }),
  )
}

/** The places of a query's candidates in the order of the mixed scores. */
const rankedBy = ({ docids }: ScoredQuery, scores: Float64Array): ReadonlyArray<number> =>
  trecRanking(
    docids.length,
    (place) => scores[place]!,
    (place) => docids[place]!,
  )

/** Shares that are tried. */
const steps = 20

/** The reranker's share that is best on the dev split; of equal ones the largest. */
const tuned = (context: Context) =>
  Effect.gen(function* () {
    const { config, inputs } = context
    const [measure] = measuresOf([config.measure])
    const connection = yield* (yield* DuckDb).connect
    const sql = `SELECT qid, grade FROM ${tableSource(inputs.qrels)}`
    const [qids = [], grades = []] = yield* duckDbPromise(connection, sql, async () =>
      (await connection.runAndReadAll(sql)).getColumns(),
    )
    const gradesOf = new Map<string, Array<number>>()
    qids.forEach((value, row) => {
      const qid = text(value)
      const of = gradesOf.get(qid)
      if (of === undefined) gradesOf.set(qid, [Number(grades[row])])
      else of.push(Number(grades[row]))
    })
    const judgedOf = new Map(Array.from(gradesOf, ([qid, of]) => [qid, judgements(of)]))
    const totals = new Float64Array(steps + 1)
    let queries = 0
    yield* Stream.runForEach(scoredQueries(context, "dev"), (query) =>
      Effect.sync(() => {
        const known = judgedOf.get(query.qid)
        if (known === undefined || measure === undefined) return
        queries++
        for (let step = 0; step <= steps; step++) {
          const order = rankedBy(query, mixScores(query.first, query.model, step / steps))
          totals[step]! += scoreQuery(
            measure,
            Int32Array.from(order, (at) => query.grades[at]!),
            known,
          )
        }
      }),
    )
    if (queries === 0 || measure === undefined) return yield* new NothingToTuneOn({ system: config.system })
    let best = steps
    for (let step = steps; step >= 0; step--) if (totals[step]! > totals[best]!) best = step
    return { weight: best / steps, measure: measureName(measure), value: totals[best]! / queries, queries }
  }).pipe(Effect.scoped)

/** Writes the candidates in the order of the mixed scores. */
export const run = (context: Context) =>
  Effect.gen(function* () {
    const { config, outputs } = context
    const found = config.weight === undefined ? yield* tuned(context) : undefined
    const weight = config.weight ?? found?.weight ?? 1
    const writer = yield* tableWriter(Kinds.Run, outputs.run)
    yield* Stream.runForEach(scoredQueries(context, undefined), (query) => {
      const scores = mixScores(query.first, query.model, weight)
      const order = rankedBy(query, scores)
      return writer.writeColumns({
        system: order.map(() => config.system),
        qid: order.map(() => query.qid),
        docid: order.map((at) => query.docids[at]!),
        rank: order.map((_, position) => position + 1),
        score: order.map((at) => scores[at]!),
      })
    })
    const rows = yield* writer.finish
    const facts = { weight, ...(found === undefined ? {} : { tunedBy: found.measure, dev: found.value }) }
    return { rows: { run: rows }, facts }
  }).pipe(Effect.scoped)
