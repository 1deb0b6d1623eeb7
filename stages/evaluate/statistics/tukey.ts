import type { Random } from "../../../schemas/index.ts"
import { meanOf } from "./differences.ts"
import { drawFor } from "./drawFor.ts"
import type { RandomizationOptions } from "./randomization.ts"

/** As in the randomisation test: equal up to the order of summation, in units of the largest sum of magnitudes. */
const ROUNDING = 1e-13

/**
 * Choices that one random word serves: the whole part of word · n / 2³² is one below n, what is left over the next word. With up to
 * a hundred systems a choice is even to 1 in 4,000, with twenty to 1 in 500,000.
 */
const DRAWS = 3

/** Deals each query's values, which lie at `query * systems` and after, to the systems in random order: Fisher and Yates. */
const dealSystems = (dealt: Int32Array, systems: number, stream: Random): void => {
  let word = 0
  let draws = 0
  for (let row = 0; row < dealt.length; row += systems) {
    for (let system = 0; system < systems; system++) {
      if (draws === 0) {
        word = stream.next()
        draws = DRAWS
      }
      const chosen = (word * (system + 1) * 2 ** -32) | 0
      word = Math.imul(word, system + 1) >>> 0
      draws--
      // The newcomer takes the chosen place, whose holder moves to the end.
      dealt[row + system] = dealt[row + chosen]!
      dealt[row + chosen] = row + system
    }
  }
}

/** What the test says of all pairs of systems by one measure. */
export interface PairwiseTests {
  /** `ps[a * systems + b]`: symmetric, 1 on the diagonal. */
  readonly ps: Float64Array
  /**
   * Half the width of every pair's interval: they hold all differences at once with the chance 1 − alpha, and one leaves out 0
   * exactly where its p is at most alpha. None where there are too few permutations for such a p.
   */
  readonly margin: number | null
}

/** How deals of the scores among the systems are drawn, and the level of the margin. */
export interface TukeyOptions extends RandomizationOptions {
  readonly alpha: number
}

/**
 * Tukey's honestly significant differences, randomised: under the null hypothesis all systems are one, so a query's values
 * can be dealt to the systems in any order. A pair's p is the share of deals whose best and worst mean lie at least as far
 * apart as the pair's, (b + 1) / (permutations + 1); taken over all pairs the chance of a single false rejection is bounded, and no
 * further correction is due. Carterette, TOIS 30(1), 2012. The margin is the (1 − alpha) quantile of the same distances: what differs
 * between systems is dealt among them too, so that it is wide, never narrow, where they differ much.
 *
 * @param scores `scores[measure][system]`: one value a query. All measures see the same deals.
 */
export const randomizedTukey = (
  scores: ReadonlyArray<ReadonlyArray<Float64Array>>,
  { permutations, seed, alpha }: TukeyOptions,
): ReadonlyArray<PairwiseTests> => {
  const measures = scores.length
  const systems = scores[0]?.length ?? 0
  const queries = scores[0]?.[0]?.length ?? 0
  // A query's values lie together, as a deal reads them.
  const values = scores.map((bySystem) => {
    const byQuery = new Float64Array(queries * systems)
    bySystem.forEach((column, system) =>
      column.forEach((value, query) => {
        byQuery[query * systems + system] = value
      }),
    )
    return byQuery
  })
  const ranges = scores.map(() => new Float64Array(permutations))
  const sums = new Float64Array(systems)
  // Where the value lies that a system is dealt for a query.
  const dealt = new Int32Array(queries * systems)
  for (let permutation = 0; permutation < permutations; permutation++) {
    dealSystems(dealt, systems, drawFor(seed, "systems", permutation))
    for (let measure = 0; measure < measures; measure++) {
      const ofMeasure = values[measure]!
      sums.fill(0)
      for (let row = 0; row < dealt.length; row += systems) {
        for (let system = 0; system < systems; system++) {
          sums[system] = sums[system]! + ofMeasure[dealt[row + system]!]!
        }
      }
      let least = Number.POSITIVE_INFINITY
      let most = Number.NEGATIVE_INFINITY
      for (const sum of sums) {
        if (sum < least) least = sum
        if (sum > most) most = sum
      }
      ranges[measure]![permutation] = most - least
    }
  }
  // Distances that may be larger than a pair's whose p is alpha.
  const larger = Math.floor(alpha * (permutations + 1) * (1 + ROUNDING)) - 1
  return scores.map((bySystem, measure) => {
    const sorted = ranges[measure]!.sort()
    const means = bySystem.map(meanOf)
    const magnitude = Math.max(...bySystem.map((column) => column.reduce((sum, value) => sum + Math.abs(value), 0)))
    const ps = new Float64Array(systems * systems).fill(1)
    for (let a = 0; a < systems; a++) {
      for (let b = 0; b < a; b++) {
        const least = Math.abs(means[a]! - means[b]!) * queries - ROUNDING * magnitude
        let low = 0
        let high = permutations
        while (low < high) {
          const middle = (low + high) >> 1
          if (sorted[middle]! >= least) high = middle
          else low = middle + 1
        }
        const p = (permutations - low + 1) / (permutations + 1)
        ps[a * systems + b] = p
        ps[b * systems + a] = p
      }
    }
    const margin =
      larger < 0 || queries === 0 ? null : (sorted[permutations - 1 - larger]! + ROUNDING * magnitude) / queries
    return { ps, margin }
  })
}
