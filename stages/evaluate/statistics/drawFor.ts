import { Random } from "../../../schemas/index.ts"

/** What lots are drawn for; each purpose has streams of its own. */
export type Purpose = "signs" | "systems" | "resamples"

const purposes: Readonly<Record<Purpose, number>> = { signs: 1, systems: 2, resamples: 3 }

/**
 * The stream of one replicate (a permutation, a resample): keyed by seed, purpose and number, so that replicate 7 is the same
 * whatever was drawn before it.
 */
export const drawFor = (seed: number, purpose: Purpose, replicate: number): Random =>
  new Random(seed, purposes[purpose], replicate)
