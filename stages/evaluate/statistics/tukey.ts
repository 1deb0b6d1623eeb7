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

/** p-values of all pairs of systems, for each measure: `ps[measure][a * systems + b]`, symmetric, 1 on the diagonal. */
export type PairwisePValues = ReadonlyArray<Float64Array>

/**
 * Tukey's honestly significant differences, randomised: under the null hypothesis all systems are one, so a query's values
 * can be dealt to the systems in any order. A pair's p is the share of deals whose best and worst mean lie at least as far
 * apart as the pair's, (b + 1) / (permutations + 1); taken over all pairs the chance of a single false rejection is bounded, and no
 * further correction is due. Carterette, TOIS 30(1), 2012.
 *
 * @param scores `scores[measure][system]`: one value a query. All measures see the same deals.
 */
export const randomizedTukey = (
  scores: ReadonlyArray<ReadonlyArray<Float64Array>>,
  { permutations, seed }: RandomizationOptions,
): PairwisePValues => {
  const measures = scores.length
  const systems = scores[0]?.length ?? 0
  const queries = scores[0]?.[0]?.length ?? 0
  // A query's values lie together, measure after measure within a system, as a deal reads them.
  const values = new Float64Array(queries * systems * measures)
  scores.forEach((bySystem, measure) =>
    bySystem.forEach((column, system) =>
      column.forEach((value, query) => {
        values[(query * systems + system) * measures + measure] = value
      }),
    ),
  )
  const ranges = scores.map(() => new Float64Array(permutations))
  const sums = new Float64Array(systems * measures)
  const deal = new Int32Array(systems)
  for (let permutation = 0; permutation < permutations; permutation++) {
    const stream = drawFor(seed, "systems", permutation)
    sums.fill(0)
    for (let system = 0; system < systems; system++) deal[system] = system * measures
    let word = 0
    let draws = 0
    for (let query = 0; query < queries; query++) {
      const row = query * systems * measures
      // A shuffled deal shuffled again is as random as one shuffled from the start.
      for (let last = systems - 1; last >= 0; last--) {
        if (draws === 0) {
          word = stream.next()
          draws = DRAWS
        }
        const chosen = (word * (last + 1) * 2 ** -32) | 0
        word = Math.imul(word, last + 1) >>> 0
        draws--
        const from = deal[chosen]!
        deal[chosen] = deal[last]!
        deal[last] = from
        const to = last * measures
        for (let measure = 0; measure < measures; measure++) {
          sums[to + measure] = sums[to + measure]! + values[row + from + measure]!
        }
      }
    }
    for (let measure = 0; measure < measures; measure++) {
      let least = Number.POSITIVE_INFINITY
      let most = Number.NEGATIVE_INFINITY
      for (let system = 0; system < systems; system++) {
        const sum = sums[system * measures + measure]!
        if (sum < least) least = sum
        if (sum > most) most = sum
      }
      ranges[measure]![permutation] = most - least
    }
  }
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
    return ps
  })
}
