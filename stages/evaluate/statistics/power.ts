import { noncentralStudent, normalQuantile, studentCritical } from "./specialFunctions.ts"

/** The chance that the two-sided paired t test of `queries` queries sees an effect (d_z) at level `alpha`. */
export const pairedTPower = (effect: number, queries: number, alpha: number): number => {
  const critical = studentCritical(alpha, queries - 1)
  const delta = Math.abs(effect) * Math.sqrt(queries)
  const missed = noncentralStudent(critical, queries - 1, delta) - noncentralStudent(-critical, queries - 1, delta)
  return Math.min(1, Math.max(0, 1 - missed))
}

/** Above this many queries nobody judges them: the answer is that there is none. */
const MOST_QUERIES = 10_000_000
/** From this effect on, two queries are enough; the distribution needs no series. */
const LARGE_EFFECT = 100

/**
 * The fewest queries with which the two-sided paired t test sees an effect (Cohen's d_z) of this size with the chance `power`.
 * None for no effect, and where it would be more than ten million.
 */
export const queriesNeeded = (effect: number, alpha: number, power: number): number | null => {
  const size = Math.abs(effect)
  if (size >= LARGE_EFFECT) return 2
  const z = normalQuantile(1 - alpha / 2)
  // The normal approximation with its first correction is a query or two from the answer, but for very large effects.
  const guess = ((z + normalQuantile(power)) / size) ** 2 + (z * z) / 2
  if (!(guess <= MOST_QUERIES)) return null
  let queries = Math.max(2, Math.round(guess))
  if (pairedTPower(size, queries, alpha) >= power) {
    while (queries > 2 && pairedTPower(size, queries - 1, alpha) >= power) queries--
  } else {
    do queries++
    while (pairedTPower(size, queries, alpha) < power)
  }
  return queries
}
