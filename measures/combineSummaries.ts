import type {
  CandidatesSummary,
  EvaluationSummary,
  KindSlice,
  Split,
  SystemSummary,
  Weighting,
} from "../schemas/index.ts"
import { GEOMETRIC_FLOOR } from "./aggregate.ts"
import { chooseOnDev } from "./chooseOnDev.ts"
import { type Aggregation, aggregation } from "./Measure.ts"
import { parseMeasure } from "./parseMeasure.ts"

/** A part of the whole: a collection's figure and how many queries it is over. */
interface Part {
  readonly value: number
  readonly queries: number
}

const aggregationOf = (measure: string): Aggregation => {
  const parsed = parseMeasure(measure)
  return parsed.ok ? aggregation(parsed.value) : "mean"
}

/** The mean of the parts, each weighing its queries or the same. */
const meanOf = (parts: ReadonlyArray<Part>, weighting: Weighting): number => {
  let sum = 0
  let weights = 0
  for (const { value, queries } of parts) {
    const weight = weighting === "queries" ? queries : 1
    sum += weight * value
    weights += weight
  }
  return sum / weights
}

/** A measure over several collections: sums add up, means and geometric means are weighted. */
const figureOf = (measure: string, parts: ReadonlyArray<Part>, weighting: Weighting): number => {
  switch (aggregationOf(measure)) {
    case "sum":
      return parts.reduce((sum, { value }) => sum + value, 0)
    case "mean":
      return meanOf(parts, weighting)
    case "geometric-mean": {
      const logs = parts.map(({ value, queries }) => ({ value: Math.log(Math.max(value, GEOMETRIC_FLOOR)), queries }))
      return Math.exp(meanOf(logs, weighting))
    }
  }
}

const figuresOf = (
  measures: ReadonlyArray<string>,
  parts: ReadonlyArray<{ readonly values: Readonly<Record<string, number>>; readonly queries: number }>,
  weighting: Weighting,
): Record<string, number> =>
  Object.fromEntries(
    measures.map((measure) => [
      measure,
      figureOf(
        measure,
        parts.map(({ values, queries }) => ({ value: values[measure] ?? 0, queries })),
        weighting,
      ),
    ]),
  )

interface Slice {
  readonly split: Split
  readonly kind: KindSlice
}

/** Each slice that any collection has, in the order of the splits, then the kinds of the first that has it. */
const slicesOf = (summaries: ReadonlyArray<EvaluationSummary>): ReadonlyArray<Slice> => {
  const slices = new Map<string, Slice>()
  for (const { systems } of summaries) {
    for (const { split, kind } of systems) slices.set(`${split}\t${kind}`, { split, kind })
  }
  return [...slices.values()]
}

/**
 * One table over several collections, from their summaries: each query weighs the same, or each collection. A system without
 * results for a collection counts as 0 there, and its queries as missing. Only the measures that all collections have are in it.
 */
export const combineSummaries = (
  summaries: ReadonlyArray<EvaluationSummary>,
  weighting: Weighting,
): EvaluationSummary => {
  const measures = (summaries[0]?.measures ?? []).filter((measure) =>
    summaries.every((summary) => summary.measures.includes(measure)),
  )
  const names = [...new Set(summaries.flatMap(({ systems }) => systems.map(({ system }) => system)))]
  const slices = slicesOf(summaries)
  const within = <A extends Slice>(rows: ReadonlyArray<A>, { split, kind }: Slice): ReadonlyArray<A> =>
    rows.filter((row) => row.split === split && row.kind === kind)

  const systems = names.flatMap((system) =>
    slices.flatMap((slice): ReadonlyArray<SystemSummary> => {
      const parts = summaries.flatMap((summary) => {
        const rows = within(summary.systems, slice)
        const [any] = rows
        return any === undefined ? [] : [{ queries: any.queries, row: rows.find((row) => row.system === system) }]
      })
      if (parts.every(({ row }) => row === undefined)) return []
      const answered = parts.flatMap(({ row }) =>
        row === undefined || row.queries === row.missing
          ? []
          : [{ value: row.unjudged, queries: row.queries - row.missing }],
      )
      return [
        {
          ...slice,
          system,
          queries: parts.reduce((sum, { queries }) => sum + queries, 0),
          missing: parts.reduce((sum, { queries, row }) => sum + (row?.missing ?? queries), 0),
          unjudged: answered.length === 0 ? 0 : meanOf(answered, weighting),
          measures: figuresOf(
            measures,
            parts.map(({ queries, row }) => ({ queries, values: row?.measures ?? {} })),
            weighting,
          ),
          intervals: {},
        },
      ]
    }),
  )
  const candidates = slices.flatMap((slice): ReadonlyArray<CandidatesSummary> => {
    const parts = summaries.flatMap((summary) => within(summary.candidates, slice))
    if (parts.length === 0) return []
    return [
      {
        ...slice,
        queries: parts.reduce((sum, { queries }) => sum + queries, 0),
        depth: Math.max(...parts.map(({ depth }) => depth)),
        recall: meanOf(
          parts.map(({ recall, queries }) => ({ value: recall, queries })),
          weighting,
        ),
        oracle: figuresOf(
          measures,
          parts.map(({ oracle, queries }) => ({ values: oracle, queries })),
          weighting,
        ),
      },
    ]
  })
  const repeats = new Map(summaries.flatMap((summary) => summary.repeats.map((each) => [each.system, each] as const)))
  // A note is of one collection, and stands below its own table.
  const sweeps = new Map(summaries.flatMap((summary) => summary.sweeps.map((each) => [each.system, each] as const)))
  return chooseOnDev({ measures, systems, candidates, repeats: [...repeats.values()], notes: [] }, [...sweeps.values()])
}
