import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  addToProfile,
  aggregate,
  aggregation,
  chooseOnDev,
  type DepthSums,
  emptyProfile,
  figureRange,
  GEOMETRIC_FLOOR,
  judgedShare,
  type Measure,
  measureName,
  measuresOf,
  oracleScore,
  PROFILED,
  recallAt,
  scoreQuery,
} from "../../measures/index.ts"
import {
  DuckDb,
  type DuckDbError,
  type StageContext,
  type StageResult,
  type StoredArtifact,
  sqlString,
  type TableWriter,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import {
  type CandidatesSummary,
  compareBytes,
  EvaluationSummary,
  type KindSlice,
  Kinds,
  QueryKind,
  Split,
  SystemName,
  type SystemSummary,
} from "../../schemas/index.ts"
import { agreementNotes } from "./agreementNotes.ts"
import type { EvaluateConfig, evaluateInputs, evaluateOutputs } from "./contract.ts"
import { type EvaluateError, GradeTooLarge, SummaryNotWritten, SystemsConfused } from "./EvaluateError.ts"
import { type JudgedQueries, judgedQueries } from "./JudgedQueries.ts"
import { type RankedGrades, rankedGrades } from "./RankedGrades.ts"
import { type Connection, columns, text } from "./sqlColumns.ts"
import { type Interval, meanInterval, studentInterval, withinRange } from "./statistics/index.ts"
import { summaryNotes } from "./summaryNotes.ts"

type Context = StageContext<EvaluateConfig, typeof evaluateInputs, typeof evaluateOutputs>

/** Refuses a measure whose scale of grades the qrels leave: its probabilities or gains would pass 1. */
const checkGrades = (measures: ReadonlyArray<Measure>, grade: number): Effect.Effect<void, GradeTooLarge> => {
  for (const measure of measures) {
    const { largestGrade } = measure
    if (largestGrade !== null && grade > largestGrade) {
      return new GradeTooLarge({ measure: measureName(measure), maxRel: largestGrade, grade })
    }
  }
  return Effect.void
}

/** A slice of the judged queries that the tables have a row for. */
interface Slice {
  readonly split: Split
  readonly kind: KindSlice
  readonly ordinals: ReadonlyArray<number>
}

/** All queries and each kind, of each split that the ranking has any result in. */
const slicesOf = (queries: JudgedQueries, ranking: RankedGrades): ReadonlyArray<Slice> => {
  const all = queries.qids.map((_, ordinal) => ordinal)
  return Split.literals.flatMap((split) => {
    const ordinals = all.filter((ordinal) => queries.splits[ordinal] === split)
    if (!ordinals.some((ordinal) => ranking.retrieved[ordinal]! > 0)) return []
    const kinds = QueryKind.literals.map((kind) => ({
      split,
      kind,
      ordinals: ordinals.filter((ordinal) => queries.kinds[ordinal] === kind),
    }))
    return [{ split, kind: "all", ordinals } as const, ...kinds.filter((slice) => slice.ordinals.length > 0)]
  })
}

interface ScoredSystem {
  readonly system: SystemName
  readonly rows: ReadonlyArray<Omit<SystemSummary, "measures">>
}

const systemOf = (connection: Connection, run: StoredArtifact<Kinds.Run>) =>
  Effect.gen(function* () {
    const [names = []] = yield* columns(connection, `SELECT DISTINCT system FROM ${tableSource(run)} ORDER BY system`)
    if (names.length > 1) {
      return yield* new SystemsConfused({
        system: text(names[0]),
        problem: `its run also has rows of ${text(names[1])}; a run is of one system`,
      })
    }
    return names[0] === undefined ? null : SystemName.make(text(names[0]))
  })

/** Ranks whose judgements are counted for the share that nobody judged. */
const JUDGED_RANKS = 10

/** What the intervals of means hold, as often as a twentieth of them does not. */
const LEVEL = 0.95

const profileColumns = ({ values, squares }: DepthSums, queries: number) => {
  const intervals = Array.from(values, (sum, i) => meanInterval(sum / queries, squares[i]!, queries, LEVEL))
  return {
    value: Array.from(values, (sum) => sum / queries),
    lower: intervals.map((interval) => interval?.lower ?? null),
    upper: intervals.map((interval) => interval?.upper ?? null),
  }
}

/** The interval of a mean: that of a share where the values go from 0 to 1, Student's within the measure's range where they do not. */
const intervalOf = (measure: Measure, values: Float64Array): Interval | null => {
  const range = figureRange(measure)
  if (range[0] !== 0 || range[1] !== 1) return withinRange(studentInterval(values, LEVEL), range)
  let sum = 0
  let squares = 0
  for (const value of values) {
    sum += value
    squares += value * value
  }
  return meanInterval(sum / values.length, squares, values.length, LEVEL)
}

/** Intervals of the measures that are means, of one slice of the queries. */
const meanIntervals = (
  measures: ReadonlyArray<Measure>,
  values: ReadonlyArray<Float64Array>,
  places: ReadonlyArray<number>,
): SystemSummary["intervals"] =>
  Object.fromEntries(
    measures.flatMap((measure, m) => {
      if (aggregation(measure) !== "mean") return []
      const interval = intervalOf(
        measure,
        Float64Array.from(places, (place) => values[m]![place]!),
      )
      return interval === null ? [] : [[measureName(measure), [interval.lower, interval.upper] as const]]
    }),
  )

/** Appends the means at every depth, for each slice. */
const writeProfile = (
  writer: TableWriter<Kinds.DepthProfile>,
  queries: JudgedQueries,
  system: SystemName,
  ranking: RankedGrades,
  slices: ReadonlyArray<Slice>,
  depth: number,
) =>
  Effect.forEach(slices, ({ split, kind, ordinals }) => {
    const profile = emptyProfile(depth)
    for (const ordinal of ordinals) addToProfile(profile, ranking.grades(ordinal), queries.judgements[ordinal]!)
    const depths = Array.from({ length: depth }, (_, i) => i + 1)
    const same = { system: depths.map(() => system), split: depths.map(() => split), kind: depths.map(() => kind) }
    return Effect.forEach(PROFILED, (measure) =>
      writer.writeColumns({
        ...same,
        measure: depths.map(() => measure),
        depth: depths,
        ...profileColumns(profile[measure], ordinals.length),
      }),
    )
  })

/** Mean share of unjudged documents among the first ranks, of the queries with results. */
const unjudgedShare = (ranking: RankedGrades, ordinals: ReadonlyArray<number>): number => {
  const answered = ordinals.filter((ordinal) => ranking.retrieved[ordinal]! > 0)
  const judged = answered.reduce((sum, ordinal) => sum + judgedShare(ranking.grades(ordinal), JUDGED_RANKS), 0)
  return answered.length === 0 ? 0 : 1 - judged / answered.length
}

interface Writers {
  readonly scores: TableWriter<Kinds.Scores>
  readonly profile: TableWriter<Kinds.DepthProfile>
}

/** Scores one run and appends its rows, sorted by split (bytes), measure (as asked), qid. */
const scoreSystem = (
  context: Context,
  connection: Connection,
  writers: Writers,
  queries: JudgedQueries,
  measures: ReadonlyArray<Measure>,
  system: SystemName,
  run: StoredArtifact<Kinds.Run>,
): Effect.Effect<ScoredSystem, DuckDbError | EvaluateError> =>
  Effect.gen(function* () {
    const ranking = yield* rankedGrades(connection, tableSource(run), system, queries.qids.length)
    if (ranking.reranked) context.warn(`${system}: its run was not stored in trec_eval's order and was ranked anew`)
    const slices = slicesOf(queries, ranking)
    const whole = slices.filter(({ kind }) => kind === "all").sort((a, b) => compareBytes(a.split, b.split))
    const intervals = new Map<Slice, SystemSummary["intervals"]>()
    for (const { split, ordinals } of whole) {
      const values = measures.map(() => new Float64Array(ordinals.length))
      ordinals.forEach((ordinal, i) => {
        const grades = ranking.grades(ordinal)
        const judged = queries.judgements[ordinal]!
        for (let m = 0; m < measures.length; m++) values[m]![i] = scoreQuery(measures[m]!, grades, judged)
      })
      const placeOf = new Map(ordinals.map((ordinal, place) => [ordinal, place]))
      for (const slice of slices) {
        if (slice.split !== split) continue
        const places = slice.ordinals.map((ordinal) => placeOf.get(ordinal) ?? 0)
        intervals.set(slice, meanIntervals(measures, values, places))
      }
      const same = {
        system: ordinals.map(() => system),
        split: ordinals.map(() => split),
        qid: ordinals.map((ordinal) => queries.qids[ordinal]!),
        kind: ordinals.map((ordinal) => queries.kinds[ordinal]!),
      }
      for (let m = 0; m < measures.length; m++) {
        const name = measureName(measures[m]!)
        yield* writers.scores.writeColumns({
          ...same,
          measure: ordinals.map(() => name),
          value: Array.from(values[m]!),
        })
      }
    }
    yield* writeProfile(writers.profile, queries, system, ranking, slices, context.config.profileDepth)
    return {
      system,
      rows: slices.map((slice) => ({
        system,
        split: slice.split,
        kind: slice.kind,
        queries: slice.ordinals.length,
        missing: slice.ordinals.filter((ordinal) => ranking.retrieved[ordinal] === 0).length,
        unjudged: unjudgedShare(ranking, slice.ordinals),
        intervals: intervals.get(slice) ?? {},
      })),
    }
  })

/**
 * The figures of all systems, from the table of scores. Values are added in the order of the qids, so that the last bits
 * do not depend on threads.
 */
const figures = (connection: Connection, scores: string, measures: ReadonlyArray<Measure>) => {
  const asked = measures
    .map((measure, position) => `(${sqlString(measureName(measure))}, ${position}, '${aggregation(measure)}')`)
    .join(", ")
  return Effect.map(
    columns(
      connection,
      `WITH asked (measure, position, aggregation) AS (VALUES ${asked}),
            valued AS (SELECT system, split, kind, qid, position, aggregation,
                CASE aggregation WHEN 'geometric-mean' THEN ln(greatest(value, ${GEOMETRIC_FLOOR})) ELSE value END AS value
              FROM ${scores} JOIN asked USING (measure)),
            summed AS (SELECT system, split, CASE grouping(kind) WHEN 1 THEN 'all' ELSE kind END AS slice, position,
                any_value(aggregation) AS aggregation, list_sum(list(value ORDER BY qid)) AS total, count(*) AS n
              FROM valued GROUP BY GROUPING SETS ((system, split, position), (system, split, position, kind)))
       SELECT system, split, slice, position,
              CASE aggregation WHEN 'sum' THEN total WHEN 'mean' THEN total / n ELSE exp(total / n) END AS figure
       FROM summed ORDER BY position`,
    ),
    ([systems = [], splits = [], slices = [], positions = [], values = []]) => {
      const bySlice = new Map<string, Record<string, number>>()
      for (let i = 0; i < systems.length; i++) {
        const key = `${text(systems[i])}\t${text(splits[i])}\t${text(slices[i])}`
        const row = bySlice.get(key) ?? {}
        row[measureName(measures[Number(positions[i])]!)] = Number(values[i])
        bySlice.set(key, row)
      }
      return (row: Omit<SystemSummary, "measures">): Record<string, number> =>
        bySlice.get(`${row.system}\t${row.split}\t${row.kind}`) ?? {}
    },
  )
}

/** What the candidates allow: recall and the oracle, over the judged queries of the splits that have candidates. */
const candidatesSummary = (
  queries: JudgedQueries,
  measures: ReadonlyArray<Measure>,
  ranking: RankedGrades,
): ReadonlyArray<CandidatesSummary> => {
  const count = queries.qids.length
  const recall = new Float64Array(count)
  const oracle = measures.map(() => new Float64Array(count))
  for (let ordinal = 0; ordinal < count; ordinal++) {
    const grades = ranking.grades(ordinal)
    const judged = queries.judgements[ordinal]!
    recall[ordinal] = recallAt(grades, judged, Number.POSITIVE_INFINITY, 1, false)
    for (let m = 0; m < measures.length; m++) oracle[m]![ordinal] = oracleScore(measures[m]!, grades, judged)
  }
  const depth = ranking.retrieved.reduce((most, n) => Math.max(most, n), 0)
  return slicesOf(queries, ranking).map(({ split, kind, ordinals }) => ({
    split,
    kind,
    queries: ordinals.length,
    depth,
    recall: ordinals.reduce((sum, ordinal) => sum + recall[ordinal]!, 0) / ordinals.length,
    oracle: Object.fromEntries(
      measures.map((measure, m) => [
        measureName(measure),
        aggregate(
          measure,
          ordinals.map((ordinal) => oracle[m]![ordinal]!),
        ),
      ]),
    ),
  }))
}

const encodeSummary = Schema.encodeSync(EvaluationSummary)

const scored = (
  context: Context,
): Effect.Effect<StageResult<typeof evaluateOutputs>, DuckDbError | EvaluateError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    const { inputs, outputs } = context
    const connection = yield* (yield* DuckDb).connect
    const measures = measuresOf(context.config.measures, context.config.judgedOnly)
    const queries = yield* judgedQueries(connection, inputs.queries, inputs.qrels)
    yield* checkGrades(measures, queries.maxGrade)
    if (queries.danglingQrels > 0) {
      context.warn(`${queries.danglingQrels} qrels belong to no query of the collection and were left out`)
    }

    const systems: Array<{ readonly system: SystemName; readonly run: StoredArtifact<Kinds.Run> }> = []
    for (const run of inputs.runs) {
      const system = yield* systemOf(connection, run)
      if (system === null) context.warn(`the run of ${run.from} is empty and has no row in the table`)
      else if (systems.some((other) => other.system === system)) {
        return yield* new SystemsConfused({ system, problem: "two runs have this name; give one of them another" })
      } else systems.push({ system, run })
    }

    const writers: Writers = {
      scores: yield* tableWriter(Kinds.Scores, outputs.scores),
      profile: yield* tableWriter(Kinds.DepthProfile, outputs.profile),
    }
    const rows = new Map<SystemName, ScoredSystem["rows"]>()
    const byName = [...systems].sort((a, b) => compareBytes(a.system, b.system))
    for (const [done, { system, run }] of byName.entries()) {
      context.progress({ done, total: byName.length, unit: "systems", detail: system })
      const result = yield* scoreSystem(context, connection, writers, queries, measures, system, run)
      rows.set(system, result.rows)
    }
    const written = { scores: yield* writers.scores.finish, profile: yield* writers.profile.finish }
    context.progress({ done: byName.length, total: byName.length, unit: "systems" })

    const figure = yield* figures(connection, tableSource({ path: outputs.scores }), measures)
    const candidates = yield* rankedGrades(
      connection,
      tableSource(inputs.candidates),
      "candidates",
      queries.qids.length,
    )
    const names = measures.map(measureName)
    const headline = names.find((name) => name === "nDCG@10") ?? names[0]!
    const unordered = {
      measures: measures.map(measureName),
      systems: systems.flatMap(({ system }) =>
        (rows.get(system) ?? []).map((row) => ({ ...row, measures: figure(row) })),
      ),
      candidates: candidatesSummary(queries, measures, candidates),
      repeats: context.config.repeats,
      notes: [
        ...(yield* summaryNotes(connection, queries, inputs.leftOut, context.config.note)),
        ...(yield* agreementNotes(
          connection,
          tableSource({ path: outputs.scores }),
          inputs.agreements,
          headline,
          new Set(queries.splits),
        )),
      ],
    }
    const summary = chooseOnDev(unordered, context.config.sweeps ?? [])
    const file = join(outputs.summary, "summary.json")
    yield* Effect.tryPromise({
      try: () => writeFile(file, `${JSON.stringify(encodeSummary(summary), null, 1)}\n`),
      catch: (cause) => new SummaryNotWritten({ file, cause }),
    })
    return {
      rows: written,
      facts: { judgedQueries: queries.qids.length, danglingQrels: queries.danglingQrels },
    }
  })

/** Scores every run against the qrels; see `docs/SPEC.md`, E. */
export const run = (context: Context) => Effect.scoped(scored(context))
