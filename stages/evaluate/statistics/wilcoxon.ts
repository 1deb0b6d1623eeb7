import { NO_DIFFERENCE, type PairedTest } from "./PairedTest.ts"
import { normalTail } from "./specialFunctions.ts"

/** Up to this many queries the distribution is exact where no difference is zero and no two are tied. */
const EXACT_PLAIN = 50
/** And up to this many, whatever zeros and ties there are. */
const EXACT_TIED = 13

interface SignedRanks {
  /** Twice the ranks, smallest first; tied values share the mean of their ranks, so that all are whole numbers. */
  readonly doubled: Int32Array
  /** Sum of the doubled ranks of the positive values. */
  readonly plus: number
  /** Σ (t³ − t) over groups of t tied values. */
  readonly ties: number
}

/** Ranks by absolute value. Typed arrays sort numbers without a comparison function, so signs are counted by a merge. */
const signedRanks = (nonZero: Float64Array): SignedRanks => {
  const all = nonZero.map(Math.abs).sort()
  const positive = nonZero.filter((value) => value > 0).sort()
  const doubled = new Int32Array(all.length)
  let plus = 0
  let ties = 0
  let seen = 0
  for (let start = 0; start < all.length; ) {
    let end = start + 1
    while (end < all.length && all[end] === all[start]) end++
    doubled.fill(start + end + 1, start, end)
    for (; seen < positive.length && positive[seen] === all[start]; seen++) plus += start + end + 1
    ties += (end - start) ** 3 - (end - start)
    start = end
  }
  return { doubled, plus, ties }
}

/** The share of sign assignments whose sum of doubled ranks with a plus is at most `sum`. */
const shareAtMost = (ranks: Int32Array, sum: number): number => {
  const total = ranks.reduce((all, rank) => all + rank, 0)
  // Up to 2^50 assignments: every count is a whole number that a double holds.
  const counts = new Float64Array(total + 1)
  counts[0] = 1
  let reached = 0
  for (const rank of ranks) {
    for (let at = reached; at >= 0; at--) counts[at + rank] = counts[at + rank]! + counts[at]!
    reached += rank
  }
  let below = 0
  for (let at = 0; at <= sum; at++) below += counts[at]!
  return below / 2 ** ranks.length
}

/**
 * Wilcoxon's signed-rank test, two-sided, as scipy decides (1.17, `method="auto"`): queries without a difference are dropped; the
 * distribution is exact for up to 50 queries without zeros and ties, and for up to 13 with them; otherwise it is the normal
 * approximation with the correction for ties and without one for continuity. The statistic is the smaller sum of ranks.
 */
export const wilcoxon = (differences: Float64Array): PairedTest => {
  const nonZero = differences.filter((difference) => difference !== 0)
  const n = nonZero.length
  if (n === 0) return NO_DIFFERENCE
  const { doubled, plus, ties } = signedRanks(nonZero)
  const total = n * (n + 1)
  const smaller = Math.min(plus, total - plus)
  const plain = ties === 0 && n === differences.length
  if (differences.length <= (plain ? EXACT_PLAIN : EXACT_TIED)) {
    return { statistic: smaller / 2, p: Math.min(1, 2 * shareAtMost(doubled, smaller)), note: "exact" }
  }
  const variance = (n * (n + 1) * (2 * n + 1) - ties / 2) / 24
  const z = (smaller / 2 - total / 4) / Math.sqrt(variance)
  return { statistic: smaller / 2, p: Math.min(1, 2 * normalTail(Math.abs(z))), note: null }
}
