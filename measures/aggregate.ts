import { aggregation, type Measure, type MeasureRange } from "./Measure.ts"

/** trec_eval's floor under a value of which the geometric mean is taken. */
export const GEOMETRIC_FLOOR = 0.00001

/**
 * One figure from the values of all judged queries, those that the run misses among them: their mean, sum or geometric
 * mean. `NaN` for no query, but 0 for a sum.
 */
export const aggregate = (measure: Measure, values: ArrayLike<number>): number => {
  const kind = aggregation(measure)
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    sum += kind === "geometric-mean" ? Math.log(Math.max(values[i]!, GEOMETRIC_FLOOR)) : values[i]!
  }
  if (kind === "sum") return sum
  return kind === "mean" ? sum / values.length : Math.exp(sum / values.length)
}

/** The least and the greatest figure that a measure can come to: of a mean those of the queries' values; a sum passes either. */
export const figureRange = (measure: Measure): MeasureRange => {
  if (aggregation(measure) !== "sum") return measure.range
  const [least, greatest] = measure.range
  return [least < 0 ? Number.NEGATIVE_INFINITY : 0, greatest > 0 ? Number.POSITIVE_INFINITY : 0]
}
