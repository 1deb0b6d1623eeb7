import { aggregation, figureRange, parseMeasure } from "../../measures/index.ts"
import {
  type KindSlice,
  type Kinds,
  QueryKind,
  type RowOf,
  type StatisticalTest,
  type StatisticsConfig,
  weightingNames,
} from "../../schemas/index.ts"
import type { ScoreTable } from "./ScoreTable.ts"
import {
  adjustPValues,
  bootstrapInterval,
  type ColumnPair,
  differencesOf,
  FEW_QUERIES,
  type Interval,
  meanOf,
  type PairedTest,
  pairedT,
  queriesNeeded,
  randomizationTests,
  randomizedTukey,
  standardizedDifference,
  studentInterval,
  summarizeDifferences,
  wilcoxon,
  withinRange,
} from "./statistics/index.ts"

export type Comparison = RowOf<Kinds.Comparisons["columns"]>

/** What is compared with what, beside the settings of the statistics. */
export interface ComparisonOptions extends StatisticsConfig {
  /** With the baselines, each other system once; or all pairs of systems, each once. */
  readonly pairs: "baselines" | "all"
  /** Measures by their names in the table; all of them where none is named. */
  readonly measures?: ReadonlyArray<string>
  /** Kinds of query; where they are not named, all together and, where there are several, each. */
  readonly kinds?: ReadonlyArray<KindSlice>
}

interface Pair {
  readonly baseline: number
  readonly system: number
}

/** Sums of counts are no means of anything; there is no difference to test. */
const hasMean = (measure: string): boolean => {
  const parsed = parseMeasure(measure)
  return !parsed.ok || aggregation(parsed.value) === "mean"
}

/** Pairs of systems, each once, the baseline in the order given. */
const pairsOf = (table: ScoreTable, options: ComparisonOptions): ReadonlyArray<Pair> => {
  const names = table.systems
  if (options.pairs === "all") {
    return names.flatMap((_, baseline) =>
      names.slice(baseline + 1).map((_, after) => ({ baseline, system: baseline + 1 + after })),
    )
  }
  const baselines = options.baselines.map((name) => names.indexOf(name)).filter((position) => position >= 0)
  return baselines.flatMap((baseline, nth) =>
    names.flatMap((_, system) =>
      system === baseline || baselines.slice(0, nth).includes(system) ? [] : [{ baseline, system }],
    ),
  )
}

/** The slices of a table that comparisons are made on: all queries and, where there are several kinds, each. */
const slicesOf = (table: ScoreTable): ReadonlyArray<KindSlice> => {
  const kinds = QueryKind.literals.filter((kind) => table.queries.some((query) => query.kind === kind))
  return kinds.length < 2 ? ["all"] : ["all", ...kinds]
}

/**
 * What a query's scores are multiplied by so that their mean is the mean over collections of each collection's mean: N / (D · n)
 * for N queries of D collections of which this one has n.
 */
const macroWeights = (table: ScoreTable, ordinals: ReadonlyArray<number>): Float64Array => {
  const sizes = new Map<string, number>()
  for (const ordinal of ordinals) {
    const { dataset } = table.queries[ordinal]!
    sizes.set(dataset, (sizes.get(dataset) ?? 0) + 1)
  }
  return Float64Array.from(ordinals, (ordinal) => {
    const size = sizes.get(table.queries[ordinal]!.dataset) ?? 1
    return ordinals.length / (sizes.size * size)
  })
}

/** How far apart two figures of a measure can be, to either side. */
const differenceRange = (measure: string): readonly [number, number] => {
  const parsed = parseMeasure(measure)
  if (!parsed.ok) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const [least, greatest] = figureRange(parsed.value)
  return [least - greatest, greatest - least]
}

const intervalOf = (differences: Float64Array, options: ComparisonOptions): Interval | null => {
  const level = 1 - options.alpha
  if (options.interval === "student") return studentInterval(differences, level)
  return bootstrapInterval(differences, { ...options, level, method: options.interval })
}

/** A column of one system for one measure in a slice, and where each pair's columns stand. */
interface SliceColumns {
  /** `columns[measure][system]`. */
  readonly columns: ReadonlyArray<ReadonlyArray<Float64Array>>
  readonly queries: number
}

const columnsOf = (
  table: ScoreTable,
  measures: ReadonlyArray<number>,
  ordinals: ReadonlyArray<number>,
  weights: Float64Array | null,
): SliceColumns => ({
  queries: ordinals.length,
  columns: measures.map((measure) =>
    table.systems.map((_, system) => {
      const scores = table.scores[system]![measure]!
      const column = Float64Array.from(ordinals, (ordinal) => scores[ordinal]!)
      return weights === null ? column : column.map((score, i) => score * weights[i]!)
    }),
  ),
})

/** A test of a pair, and half the width of its interval where the test has one that holds for all pairs at once. */
interface PairTest extends PairedTest {
  readonly margin?: number | null
}

/** The results of one test for every measure and pair: `tests[measure][pair]`. */
const runTest = (
  test: StatisticalTest,
  { columns }: SliceColumns,
  pairs: ReadonlyArray<Pair>,
  options: ComparisonOptions,
): ReadonlyArray<ReadonlyArray<PairTest>> => {
  switch (test) {
    case "t":
    case "wilcoxon": {
      const apply = test === "t" ? pairedT : wilcoxon
      return columns.map((bySystem) =>
        pairs.map(({ baseline, system }) => apply(differencesOf(bySystem[system]!, bySystem[baseline]!))),
      )
    }
    case "randomization": {
      const systems = columns[0]?.length ?? 0
      const asked = columns.flatMap((_, measure) =>
        pairs.map(
          ({ baseline, system }): ColumnPair => ({ a: measure * systems + system, b: measure * systems + baseline }),
        ),
      )
      const results = randomizationTests(columns.flat(), asked, options)
      return columns.map((_, measure) =>
        pairs.map((_, pair) => {
          const { p, exact } = results[measure * pairs.length + pair]!
          return { statistic: null, p, note: exact ? "exact" : null }
        }),
      )
    }
    case "tukey": {
      const systems = columns[0]?.length ?? 0
      const results = randomizedTukey(columns, options)
      return columns.map((_, measure) =>
        pairs.map(({ baseline, system }) => ({
          statistic: null,
          p: results[measure]!.ps[baseline * systems + system]!,
          note: null,
          margin: results[measure]!.margin,
        })),
      )
    }
  }
}

const missingNotes = (table: ScoreTable, { baseline, system }: Pair): ReadonlyArray<string> =>
  [baseline, system].flatMap((position) => {
    const missing = table.missing[position]!
    return missing === 0 ? [] : [`${missing} queries without ${table.systems[position]!} count as 0`]
  })

/** Comparisons of one kind of query, not yet corrected, in the order measure, pair, test. */
const compareSlice = (
  table: ScoreTable,
  kind: KindSlice,
  measures: ReadonlyArray<number>,
  pairs: ReadonlyArray<Pair>,
  options: ComparisonOptions,
): ReadonlyArray<Comparison> => {
  const ordinals = table.queries.flatMap((query, ordinal) => (kind === "all" || query.kind === kind ? [ordinal] : []))
  if (ordinals.length === 0) return []
  const severalDatasets = new Set(ordinals.map((ordinal) => table.queries[ordinal]!.dataset)).size > 1
  const weights = options.weighting === "datasets" && severalDatasets ? macroWeights(table, ordinals) : null
  const slice = columnsOf(table, measures, ordinals, weights)
  const tested = options.tests.map((test) => runTest(test, slice, pairs, options))
  return measures.flatMap((measure, m) =>
    pairs.flatMap((pair, at) => {
      const ofSystem = slice.columns[m]![pair.system]!
      const ofBaseline = slice.columns[m]![pair.baseline]!
      const differences = differencesOf(ofSystem, ofBaseline)
      const { mean, effect, wins, ties, losses } = summarizeDifferences(differences)
      const range = differenceRange(table.measures[measure]!)
      const alone = withinRange(intervalOf(differences, options), range)
      const said = [...missingNotes(table, pair), ...(weights === null ? [] : [weightingNames.datasets])]
      const same = {
        split: table.split,
        kind,
        measure: table.measures[measure]!,
        baseline: table.systems[pair.baseline]!,
        system: table.systems[pair.system]!,
        queries: ordinals.length,
        mean_baseline: meanOf(ofBaseline),
        mean_system: meanOf(ofSystem),
        difference: mean,
        effect,
        standardized: standardizedDifference(ofSystem, ofBaseline),
        wins,
        ties,
        losses,
        needed: effect === null ? null : queriesNeeded(effect, options.alpha, options.power),
      }
      return options.tests.map((test, nth): Comparison => {
        const { statistic, p, note, margin } = tested[nth]![m]![at]!
        const interval =
          margin === undefined
            ? alone
            : margin === null || ordinals.length <= FEW_QUERIES
              ? null
              : withinRange({ lower: mean - margin, upper: mean + margin }, range)
        const notes = [...(note === null ? [] : [note]), ...said]
        const bounds = { lower: interval?.lower ?? null, upper: interval?.upper ?? null }
        return {
          ...same,
          ...bounds,
          test,
          statistic,
          p,
          adjusted: p,
          note: notes.length === 0 ? null : notes.join("; "),
        }
      })
    }),
  )
}

/** Adjusts each family: the rows of one test, of the whole table or of one measure and kind. Tukey's p is adjusted by itself. */
const corrected = (rows: ReadonlyArray<Comparison>, options: ComparisonOptions): ReadonlyArray<Comparison> => {
  const families = new Map<string, Array<number>>()
  rows.forEach(({ test, kind, measure }, row) => {
    if (test === "tukey") return
    const family = options.family === "table" ? test : `${test}\t${kind}\t${measure}`
    families.set(family, [...(families.get(family) ?? []), row])
  })
  const adjusted = Float64Array.from(rows, ({ p }) => p)
  for (const members of families.values()) {
    const ps = adjustPValues(
      Float64Array.from(members, (row) => rows[row]!.p),
      options.correction,
    )
    members.forEach((row, i) => {
      adjusted[row] = ps[i]!
    })
  }
  return rows.map((row, i) => ({ ...row, adjusted: adjusted[i]! }))
}

/**
 * Compares systems on the union of their queries, paired query by query; a query that a system has no score for counts as 0
 * for it, and the note says so. Measures that are sums or geometric means are left out. Rows are in the order kind, measure,
 * pair, test; adjusted p-values are over the families that the options name.
 */
export const compareSystems = (table: ScoreTable, options: ComparisonOptions): ReadonlyArray<Comparison> => {
  const pairs = pairsOf(table, options)
  const measures = table.measures.flatMap((name, measure) =>
    hasMean(name) && (options.measures?.includes(name) ?? true) ? [measure] : [],
  )
  if (pairs.length === 0 || measures.length === 0) return []
  const kinds = options.kinds ?? slicesOf(table)
  return corrected(
    kinds.flatMap((kind) => compareSlice(table, kind, measures, pairs, options)),
    options,
  )
}
