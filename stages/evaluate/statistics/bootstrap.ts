import { FEW_QUERIES, type Interval, isConstant, meanOf } from "./differences.ts"
import { drawFor } from "./drawFor.ts"
import { normalQuantile, normalTail } from "./specialFunctions.ts"

/** How a bootstrap interval is made. */
export interface BootstrapOptions {
  readonly resamples: number
  readonly seed: number
  /** Coverage of the interval: 0.95. */
  readonly level: number
  /** The percentiles of the resampled means, or those corrected for bias and skew. */
  readonly method: "percentile" | "bca"
}

/** The value below which a share of the sorted values lies, interpolated between neighbours (numpy's default). */
const quantile = (sorted: Float64Array, share: number): number => {
  const at = share * (sorted.length - 1)
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!)
}

/** Means of resamples with replacement, sorted. */
export const resampledMeans = (differences: Float64Array, resamples: number, seed: number): Float64Array => {
  const n = differences.length
  const means = new Float64Array(resamples)
  for (let resample = 0; resample < resamples; resample++) {
    const stream = drawFor(seed, "resamples", resample)
    let sum = 0
    for (let i = 0; i < n; i++) sum += differences[stream.below(n)]!
    means[resample] = sum / n
  }
  return means.sort()
}

/**
 * The bounds that BCa takes instead of the plain percentiles, from the share of resampled means below the observed one and
 * the skewness of the differences. Efron, JASA 82(397), 1987; for a mean the jackknife's acceleration has this closed form.
 */
const bcaShares = (sorted: Float64Array, differences: Float64Array, tail: number): readonly [number, number] | null => {
  const mean = meanOf(differences)
  let below = 0
  while (below < sorted.length && sorted[below]! < mean) below++
  if (below === 0 || below === sorted.length) return null
  const bias = normalQuantile(below / sorted.length)
  let squares = 0
  let cubes = 0
  for (const difference of differences) {
    const deviation = difference - mean
    squares += deviation ** 2
    cubes += deviation ** 3
  }
  const acceleration = cubes / (6 * squares ** 1.5)
  const share = (z: number): number => normalTail(-(bias + (bias + z) / (1 - acceleration * (bias + z))))
  const z = normalQuantile(1 - tail)
  return [share(-z), share(z)]
}

/** A bootstrap interval of the mean difference; none for few queries. */
export const bootstrapInterval = (differences: Float64Array, options: BootstrapOptions): Interval | null => {
  if (differences.length <= FEW_QUERIES) return null
  const mean = meanOf(differences)
  if (isConstant(differences)) return { lower: mean, upper: mean }
  const sorted = resampledMeans(differences, options.resamples, options.seed)
  const tail = (1 - options.level) / 2
  const plain = [tail, 1 - tail] as const
  const [lower, upper] = options.method === "bca" ? (bcaShares(sorted, differences, tail) ?? plain) : plain
  return { lower: quantile(sorted, lower), upper: quantile(sorted, upper) }
}
