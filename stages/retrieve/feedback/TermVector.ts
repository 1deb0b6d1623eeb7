/** Weights of terms, 32-bit floats. */
export type TermVector = ReadonlyMap<string, number>

const f32 = Math.fround

/** The `k` greatest weights; of equal ones those whose terms come first by UTF-16 units. */
export const pruned = (vector: TermVector, k: number): TermVector =>
  vector.size <= k
    ? vector
    : new Map([...vector].sort(([s, a], [t, b]) => b - a || (s < t ? -1 : s > t ? 1 : 0)).slice(0, k))

/** Sum of the weights' sizes. */
export const l1Norm = (vector: TermVector): number => {
  let norm = 0
  for (const weight of vector.values()) norm += Math.abs(weight)
  return norm
}

export const l2Norm = (vector: TermVector): number => {
  let square = 0
  for (const weight of vector.values()) square += weight * weight
  return Math.sqrt(square)
}

/** The weights over a number; as they are where it is 0. */
export const dividedBy = (vector: TermVector, norm: number): TermVector =>
  norm === 0 ? vector : new Map([...vector].map(([term, weight]) => [term, f32(weight / norm)]))
