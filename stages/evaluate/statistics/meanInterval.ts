import { FEW_QUERIES, type Interval } from "./differences.ts"
import { studentCritical } from "./specialFunctions.ts"

const logit = (share: number): number => Math.log(share / (1 - share))
const share = (logit: number): number => 1 / (1 + Math.exp(-logit))

/**
 * The interval of a mean of values from 0 to 1, of coverage `level`: Student's, of the mean's logit, whose standard error is the
 * mean's divided by m (1 − m). It lies within 0 and 1, and near them holds the mean more often than Student's own does, which
 * measures with many zeros or ones keep far below its level. None for few queries, and where all values are 0 or all are 1.
 *
 * @param mean of `queries` values, and the sum of their squares.
 */
export const meanInterval = (mean: number, squares: number, queries: number, level: number): Interval | null => {
  if (queries <= FEW_QUERIES || !(mean > 0 && mean < 1)) return null
  const variance = Math.max(0, squares - queries * mean * mean) / (queries - 1)
  const error = Math.sqrt(variance / queries)
  const half = (studentCritical(1 - level, queries - 1) * error) / (mean * (1 - mean))
  return { lower: share(logit(mean) - half), upper: share(logit(mean) + half) }
}
