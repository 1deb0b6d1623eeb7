import { countRelevant, type Judgements } from "./Judgements.ts"
import { discountsFor } from "./ndcg.ts"

/** Measures that a depth profile follows, with their default parameters; their cutoff is the depth. */
export const PROFILED = ["nDCG", "P", "R", "RR", "AP"] as const
export type Profiled = (typeof PROFILED)[number]

/** Sums over queries of a measure's values and of their squares, by depth − 1. */
export interface DepthSums {
  readonly values: Float64Array
  readonly squares: Float64Array
}

export type DepthProfile = Readonly<Record<Profiled, DepthSums>>

const emptySums = (depth: number): DepthSums => ({
  values: new Float64Array(depth),
  squares: new Float64Array(depth),
})

/** A profile of no query yet, from depth 1 to `depth`. */
export const emptyProfile = (depth: number): DepthProfile => ({
  nDCG: emptySums(depth),
  P: emptySums(depth),
  R: emptySums(depth),
  RR: emptySums(depth),
  AP: emptySums(depth),
})

const add = ({ values, squares }: DepthSums, at: number, value: number): void => {
  values[at] = values[at]! + value
  squares[at] = squares[at]! + value * value
}

/**
 * Adds one query's values at every depth to a profile, in one pass over the ranking: what `nDCG@k`, `P@k`, `R@k`, `RR@k` and `AP@k`
 * are for k from 1 to the profile's depth.
 *
 * @param grades the ranked documents' grades, best first.
 */
export const addToProfile = (profile: DepthProfile, grades: Int32Array, judged: Judgements): void => {
  const depth = profile.nDCG.values.length
  const discounts = discountsFor(depth)
  const relevant = countRelevant(judged, 1)
  let gained = 0
  let ideal = 0
  let found = 0
  let first = 0
  let precisions = 0
  for (let i = 0; i < depth; i++) {
    const grade = i < grades.length ? grades[i]! : 0
    if (grade > 0) {
      gained += grade / discounts[i]!
      precisions += ++found / (i + 1)
      if (first === 0) first = 1 / (i + 1)
    }
    const best = i < judged.grades.length ? judged.grades[i]! : 0
    if (best > 0) ideal += best / discounts[i]!
    if (ideal > 0) add(profile.nDCG, i, gained / ideal)
    add(profile.P, i, found / (i + 1))
    add(profile.RR, i, first)
    if (relevant === 0) continue
    add(profile.R, i, found / relevant)
    add(profile.AP, i, precisions / relevant)
  }
}
