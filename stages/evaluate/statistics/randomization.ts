import { drawFor } from "./drawFor.ts"

/** Two columns whose means are compared: positions among the columns. */
export interface ColumnPair {
  readonly a: number
  readonly b: number
}

/** How assignments of signs are drawn. */
export interface RandomizationOptions {
  readonly permutations: number
  readonly seed: number
}

/** A p-value and whether it comes from all assignments of signs rather than from a sample of them. */
export interface RandomizationTest {
  readonly p: number
  readonly exact: boolean
}

/**
 * Sums of the same numbers in another order differ in their last bits; so near to the observed sum, a permuted one counts as
 * equal. In units of the sum of all magnitudes.
 */
const ROUNDING = 1e-13

const pairScale = (a: Float64Array, b: Float64Array): number => {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]!) + Math.abs(b[i]!)
  return sum
}

/** All sums of the values with every assignment of signs, without the sign of the first as its mirror image adds nothing. */
const signedSums = (values: Float64Array): Float64Array => {
  const sums = new Float64Array(2 ** values.length)
  let filled = 1
  for (const value of values) {
    for (let at = 0; at < filled; at++) {
      sums[filled + at] = sums[at]! - value
      sums[at] = sums[at]! + value
    }
    filled *= 2
  }
  return sums
}

/** The share of all 2^n assignments of signs whose sum is at least as far from zero as the observed one. */
const exactShare = (nonZero: Float64Array, observed: number, slack: number): number => {
  const half = nonZero.length >> 1
  const left = signedSums(nonZero.subarray(0, half))
  const right = signedSums(nonZero.subarray(half)).sort()
  const least = Math.abs(observed) - slack
  // Sums at or above `least`: for each left one, those right ones that reach what it lacks. Below −least there are as many.
  let count = 0
  for (const sum of left) {
    let low = 0
    let high = right.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (right[middle]! + sum >= least) high = middle
      else low = middle + 1
    }
    count += right.length - low
  }
  return least <= 0 ? 1 : Math.min(1, (2 * count) / 2 ** nonZero.length)
}

/** Queries whose signs are looked up together, and the table of their 2^8 sums. */
const GROUP = 8
const PATTERNS = 1 << GROUP
/** Columns summed in one pass: their table of sums, 32 kB, stays in the nearest cache. */
const WIDTH = 16
/** Permutations summed in one pass: their sums of `WIDTH` columns, 256 kB, stay in the next. */
const BLOCK = 2048

/** Signs of a block of permutations: for each group of queries, a byte a permutation. */
const drawSigns = (bytes: Uint8Array, groups: number, first: number, count: number, seed: number): void => {
  for (let permutation = 0; permutation < count; permutation++) {
    const stream = drawFor(seed, "signs", first + permutation)
    let word = 0
    for (let group = 0; group < groups; group++) {
      word = (group & 3) === 0 ? stream.next() : word >>> 8
      bytes[group * BLOCK + permutation] = word
    }
  }
}

/** Σ ±value of a group of queries, for every pattern of signs and each of `width` columns from `from` on. */
const fillTable = (table: Float64Array, columns: ReadonlyArray<Float64Array>, from: number, query: number): void => {
  const width = Math.min(WIDTH, columns.length - from)
  for (let column = 0; column < width; column++) {
    const values = columns[from + column]!
    const members = Math.min(GROUP, values.length - query)
    let sum = 0
    for (let member = 0; member < members; member++) sum -= values[query + member]!
    table[column] = sum
    for (let pattern = 1; pattern < PATTERNS; pattern++) {
      const bit = 31 - Math.clz32(pattern & -pattern)
      const value = bit < members ? values[query + bit]! : 0
      table[pattern * WIDTH + column] = table[(pattern & (pattern - 1)) * WIDTH + column]! + 2 * value
    }
  }
}

/**
 * How many of the random sign assignments move the means of each pair at least as far apart as they are. One stream of
 * signs serves all pairs, because a signed sum of differences is the difference of two signed sums: columns are summed, not
 * pairs.
 */
const countExtreme = (
  columns: ReadonlyArray<Float64Array>,
  pairs: ReadonlyArray<ColumnPair>,
  least: Float64Array,
  { permutations, seed }: RandomizationOptions,
): Int32Array => {
  const queries = columns[0]?.length ?? 0
  const groups = Math.ceil(queries / GROUP)
  const bytes = new Uint8Array(groups * BLOCK)
  const table = new Float64Array(PATTERNS * WIDTH)
  const passes = Math.ceil(columns.length / WIDTH)
  const sums = Array.from({ length: passes }, () => new Float64Array(BLOCK * WIDTH))
  const extreme = new Int32Array(pairs.length)
  for (let first = 0; first < permutations; first += BLOCK) {
    const count = Math.min(BLOCK, permutations - first)
    drawSigns(bytes, groups, first, count, seed)
    for (let pass = 0; pass < passes; pass++) {
      const into = sums[pass]!.fill(0)
      for (let group = 0; group < groups; group++) {
        fillTable(table, columns, pass * WIDTH, group * GROUP)
        const row = group * BLOCK
        for (let permutation = 0; permutation < count; permutation++) {
          const from = bytes[row + permutation]! * WIDTH
          const to = permutation * WIDTH
          for (let column = 0; column < WIDTH; column++) into[to + column] = into[to + column]! + table[from + column]!
        }
      }
    }
    for (let pair = 0; pair < pairs.length; pair++) {
      const { a, b } = pairs[pair]!
      const [ofA, ofB] = [sums[Math.floor(a / WIDTH)]!, sums[Math.floor(b / WIDTH)]!]
      const bound = least[pair]!
      for (let permutation = 0; permutation < count; permutation++) {
        const moved = ofA[permutation * WIDTH + (a % WIDTH)]! - ofB[permutation * WIDTH + (b % WIDTH)]!
        if (moved >= bound || moved <= -bound) extreme[pair] = extreme[pair]! + 1
      }
    }
  }
  return extreme
}

/**
 * Fisher's randomisation test of paired columns, two-sided: under the null hypothesis either system could have produced either of
 * a query's two values, so every assignment of signs to the differences is equally likely. Where there are no more
 * assignments than `permutations`, all are counted and p is exact; otherwise p = (b + 1) / (permutations + 1) with b of the
 * random ones at least as extreme, which is never 0 (Phipson and Smyth, 2010). The same seed gives the same p on any
 * machine, and a pair's p does not depend on which other pairs are asked for.
 *
 * @param columns one value a query, all of one length and in the same order of queries.
 */
export const randomizationTests = (
  columns: ReadonlyArray<Float64Array>,
  pairs: ReadonlyArray<ColumnPair>,
  options: RandomizationOptions,
): ReadonlyArray<RandomizationTest> => {
  const results: Array<RandomizationTest> = []
  const sampled: Array<{ readonly pair: number; readonly least: number }> = []
  pairs.forEach(({ a, b }, pair) => {
    const [ofA, ofB] = [columns[a]!, columns[b]!]
    const slack = ROUNDING * pairScale(ofA, ofB)
    let observed = 0
    let nonZero = 0
    for (let i = 0; i < ofA.length; i++) {
      const difference = ofA[i]! - ofB[i]!
      observed += difference
      if (difference !== 0) nonZero++
    }
    results.push({ p: 1, exact: true })
    if (nonZero < 1023 && 2 ** nonZero <= options.permutations) {
      const differences = ofA.map((value, i) => value - ofB[i]!).filter((difference) => difference !== 0)
      results[pair] = { p: exactShare(differences, observed, slack), exact: true }
    } else sampled.push({ pair, least: Math.abs(observed) - slack })
  })
  if (sampled.length === 0) return results
  const used = [...new Set(sampled.flatMap(({ pair }) => [pairs[pair]!.a, pairs[pair]!.b]))]
  const placeOf = new Map(used.map((column, place) => [column, place]))
  const extreme = countExtreme(
    used.map((column) => columns[column]!),
    sampled.map(({ pair }) => ({ a: placeOf.get(pairs[pair]!.a) ?? 0, b: placeOf.get(pairs[pair]!.b) ?? 0 })),
    Float64Array.from(sampled, ({ least }) => least),
    options,
  )
  sampled.forEach(({ pair }, i) => {
    results[pair] = { p: (extreme[i]! + 1) / (options.permutations + 1), exact: false }
  })
  return results
}
