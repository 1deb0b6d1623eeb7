import { countRelevant, type Judgements } from "./Judgements.ts"
import { discountsFor } from "./ndcg.ts"

/** Measures that a depth profile follows, with their default parameters; their cutoff is the depth. */
export const PROFILED = ["nDCG", "P", "R", "RR", "AP"] as const
export type Profiled = (typeof PROFILED)[number]

/** Sums of a measure's values over queries, by depth − 1. */
export type DepthProfile = Readonly<Record<Profiled, Float64Array>>

/** A profile of no query yet, from depth 1 to `depth`. */
export const emptyProfile = (depth: number): DepthProfile => ({
  nDCG: new Float64Array(depth),
  P: new Float64Array(depth),
  R: new Float64Array(depth),
  RR: new Float64Array(depth),
  AP: new Float64Array(depth),
})

/**
 * Adds one query's values at every depth to a profile, in one pass over the ranking: what `nDCG@k`, `P@k`, `R@k`, `RR@k` and `AP@k`
 * are for k from 1 to the profile's depth.
 *
 * @param grades the ranked documents' grades, best first.
 */
export const addToProfile = (profile: DepthProfile, grades: Int32Array, judged: Judgements): void => {
  const depth = profile.nDCG.length
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
    if (ideal > 0) profile.nDCG[i] = profile.nDCG[i]! + gained / ideal
    profile.P[i] = profile.P[i]! + found / (i + 1)
    profile.RR[i] = profile.RR[i]! + first
    if (relevant === 0) continue
    profile.R[i] = profile.R[i]! + found / relevant
    profile.AP[i] = profile.AP[i]! + precisions / relevant
  }
}
