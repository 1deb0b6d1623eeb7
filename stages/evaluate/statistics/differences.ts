import { studentCritical } from "./specialFunctions.ts"

/** What is said of paired differences beside their tests. */
export interface DifferenceSummary {
  readonly mean: number
  /** Standard deviation of the differences, over n − 1; 0 for one query. */
  readonly deviation: number
  /** Cohen's d_z, mean over deviation; none where the deviation is 0. */
  readonly effect: number | null
  readonly wins: number
  readonly ties: number
  readonly losses: number
}

/** Differences `a − b`, query by query. */
export const differencesOf = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => value - b[i]!)

/** Their mean; 0 for none. */
export const meanOf = (values: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return values.length === 0 ? 0 : sum / values.length
}

/** Sum of the squared distances from the mean. */
export const squaresAround = (values: Float64Array, mean: number): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += (values[i]! - mean) ** 2
  return sum
}

/**
 * The rounding left in differences of scores: below this share of the largest difference, a spread is none. 0.7 − 0.4 and
 * 0.5 − 0.2 are not the same double.
 */
const ROUNDING = 1e-12

/** Whether all differences are one number, up to the rounding of a subtraction. */
export const isConstant = (differences: Float64Array): boolean => {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (const difference of differences) {
    if (difference < least) least = difference
    if (difference > most) most = difference
  }
  return most - least <= ROUNDING * Math.max(1, Math.abs(least), Math.abs(most))
}

/** Mean, spread, effect and counts of paired differences. */
export const summarizeDifferences = (differences: Float64Array): DifferenceSummary => {
  const n = differences.length
  const mean = meanOf(differences)
  let wins = 0
  let losses = 0
  for (const difference of differences) {
    if (difference > 0) wins++
    else if (difference < 0) losses++
  }
  const deviation = n < 2 || isConstant(differences) ? 0 : Math.sqrt(squaresAround(differences, mean) / (n - 1))
  return { mean, deviation, effect: deviation === 0 ? null : mean / deviation, wins, ties: n - wins - losses, losses }
}

/**
 * The difference of two means in units of the systems' own spread between queries, √((s_a² + s_b²) / 2): what Cohen's d is
 * for independent samples, comparable between pairs of systems whatever their correlation. None where neither system varies.
 */
export const standardizedDifference = (a: Float64Array, b: Float64Array): number | null => {
  if (a.length < 2) return null
  const [meanA, meanB] = [meanOf(a), meanOf(b)]
  const pooled = (squaresAround(a, meanA) + squaresAround(b, meanB)) / (2 * (a.length - 1))
  return pooled === 0 ? null : (meanA - meanB) / Math.sqrt(pooled)
}

/** An interval of the mean difference. */
export interface Interval {
  readonly lower: number
  readonly upper: number
}

/** Up to so many queries no interval is given: their spread says too little of the spread of queries. */
export const FEW_QUERIES = 5

/** What of an interval lies within a range; its coverage is the same, as the mean lies there. */
export const withinRange = (
  interval: Interval | null,
  [least, greatest]: readonly [number, number],
): Interval | null =>
  interval === null
    ? null
    : {
        lower: Math.min(greatest, Math.max(least, interval.lower)),
        upper: Math.min(greatest, Math.max(least, interval.upper)),
      }

/** Student's interval of the mean, of coverage `level`; none for few queries. */
export const studentInterval = (differences: Float64Array, level: number): Interval | null => {
  const n = differences.length
  if (n <= FEW_QUERIES) return null
  const { mean, deviation } = summarizeDifferences(differences)
  const half = (studentCritical(1 - level, n - 1) * deviation) / Math.sqrt(n)
  return { lower: mean - half, upper: mean + half }
}
