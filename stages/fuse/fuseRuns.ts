import * as Effect from "effect/Effect"
import { judgements, type Measure, measureName, measuresOf, scoreQuery, UNJUDGED } from "../../measures/index.ts"
import {
  DuckDb,
  duckDbPromise,
  type StageContext,
  type StoredArtifact,
  streamRows,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { FuseConfig, fuseInputs, fuseOutputs } from "./contract.ts"
import { NothingToTuneOn } from "./FuseError.ts"
import { type FusedQuery, fusedScores, fuseQuery, orderOf } from "./fuseQuery.ts"
import { weightGrid } from "./weightGrid.ts"

type Context = StageContext<FuseConfig, typeof fuseInputs, typeof fuseOutputs>

/** A query of the runs, its documents by place: docid descending (bytes). */
interface Query {
  readonly qid: string
  readonly docids: ReadonlyArray<string>
  readonly fused: FusedQuery
  readonly grades: Int32Array
}

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** Rows of one query as they come: system by system, best first. */
class Gathering {
  readonly qid: string
  private readonly docids: Array<string> = []
  private readonly grades: Array<number> = []
  private readonly systems: ReadonlyArray<{ readonly places: Array<number>; readonly scores: Array<number> }>

  constructor(qid: string, systems: number) {
    this.qid = qid
    this.systems = Array.from({ length: systems }, () => ({ places: [], scores: [] }))
  }

  add(system: number, place: number, docid: string, score: number, grade: number): void {
    this.docids[place] = docid
    this.grades[place] = grade
    const of = this.systems[system]!
    of.places.push(place)
    of.scores.push(score)
  }

  query(config: FuseConfig): Query {
    const rankings = this.systems.map(({ places, scores }) => ({
      places: Int32Array.from(places),
      scores: Float64Array.from(scores),
    }))
    return {
      qid: this.qid,
      docids: this.docids,
      fused: fuseQuery(rankings, this.docids.length, config),
      grades: Int32Array.from(this.grades),
    }
  }
}

/** Does something with each query of any run, in the order of their qids; of the dev split or all. Memory holds a batch and a query. */
const forEachQuery = <E>(context: Context, split: "dev" | "every", use: (query: Query) => Effect.Effect<void, E>) =>
  Effect.gen(function* () {
    const { config, inputs } = context
    const only =
      split === "dev" ? `WHERE qid IN (SELECT qid FROM ${tableSource(inputs.queries)} WHERE split = 'dev')` : ""
    const parts = inputs.runs.map(
      (run, position) => `SELECT ${position} AS position, qid, docid, rank, score FROM ${tableSource(run)} ${only}`,
    )
    const sql = `
      SELECT qid, position, (dense_rank() OVER (PARTITION BY qid ORDER BY docid DESC) - 1)::INTEGER AS place, docid, score, grade
      FROM (${parts.join(" UNION ALL ")}) LEFT JOIN ${tableSource(inputs.qrels)} USING (qid, docid)
      ORDER BY qid, position, rank`
    const connection = yield* (yield* DuckDb).connect
    const next = yield* streamRows(connection, sql)
    let gathering: Gathering | undefined
    for (;;) {
      const batch = yield* next
      if (batch === undefined) break
      const [qids = [], systems = [], places = [], docids = [], scores = [], grades = []] = batch
      for (let row = 0; row < qids.length; row++) {
        const qid = text(qids[row])
        if (gathering?.qid !== qid) {
          if (gathering !== undefined) yield* use(gathering.query(config))
          gathering = new Gathering(qid, inputs.runs.length)
        }
        const grade = grades[row] === null ? UNJUDGED : Number(grades[row])
        gathering.add(Number(systems[row]), Number(places[row]), text(docids[row]), Number(scores[row]), grade)
      }
    }
    if (gathering !== undefined) yield* use(gathering.query(config))
  })

/** All grades of each query's qrels. */
const judgedQueries = (qrels: StoredArtifact) =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const sql = `SELECT qid, list(grade) FROM ${tableSource(qrels)} GROUP BY qid`
    const [qids = [], grades = []] = yield* duckDbPromise(connection, sql, async () =>
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
    yield* forEachQuery(context, "dev", ({ qid, fused, grades }) =>
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
    yield* forEachQuery(context, "every", ({ qid, docids, fused }) => {
      const scores = fusedScores(fused, config.method, weights)
      const kept = Array.from(orderOf(scores).subarray(0, config.depth))
      context.progress({ done: ++done, unit: "queries" })
      return writer.writeColumns({
        system: kept.map(() => config.system),
        qid: kept.map(() => qid),
        docid: kept.map((place) => docids[place]!),
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
