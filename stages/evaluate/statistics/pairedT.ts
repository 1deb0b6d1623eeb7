import { isConstant, summarizeDifferences } from "./differences.ts"
import { NO_DIFFERENCE, ONE_QUERY, type PairedTest } from "./PairedTest.ts"
import { studentTwoSided } from "./specialFunctions.ts"

/**
 * Student's paired t test, two-sided. Where every query differs by the same amount, t is infinite and p its limit, 0; where
 * none differs, or there is one query, p is 1.
 */
export const pairedT = (differences: Float64Array): PairedTest => {
  const n = differences.length
  if (differences.every((difference) => difference === 0)) return NO_DIFFERENCE
  if (n < 2) return ONE_QUERY
  if (isConstant(differences)) {
    return { statistic: null, p: 0, note: "every query differs by the same amount: t is infinite" }
  }
  const { mean, deviation } = summarizeDifferences(differences)
  const statistic = mean / (deviation / Math.sqrt(n))
  return { statistic, p: studentTwoSided(statistic, n - 1), note: null }
}
