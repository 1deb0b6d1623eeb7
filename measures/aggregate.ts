import { aggregation, type Measure } from "./Measure.ts"
import { measureDigest } from "./registry.ts"

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

/** The least and the greatest figure that a measure can come to; sums have no greatest, and of a measure from outside nothing is known. */
export const figureRange = (measure: Measure): readonly [least: number, greatest: number] => {
  if (measureDigest(measure.name) !== undefined) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  return aggregation(measure) === "sum" ? [0, Number.POSITIVE_INFINITY] : [0, 1]
}
