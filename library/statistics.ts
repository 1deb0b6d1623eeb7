/**
 * Is a difference real: tests, intervals and effects of two systems' values, query by query.
 *
 * @packageDocumentation
 */
import { compareBytes } from "../schemas/index.ts"
import {
  bootstrapInterval,
  differencesOf,
  type Interval,
  meanOf,
  pairedT,
  queriesNeeded,
  randomizationTests,
  studentInterval,
  summarizeDifferences,
  wilcoxon,
} from "../stages/evaluate/index.ts"

export {
  adjustPValues,
  type BootstrapOptions,
  bootstrapInterval,
  type ColumnPair,
  type Correction,
  type DifferenceSummary,
  differencesOf,
  type Interval,
  meanInterval,
  type PairedTest,
  type PairwiseTests,
  pairedT,
  pairedTPower,
  queriesNeeded,
  type RandomizationOptions,
  type RandomizationTest,
  randomizationTests,
  randomizedTukey,
  standardizedDifference,
  studentInterval,
  summarizeDifferences,
  type TukeyOptions,
  wilcoxon,
} from "../stages/evaluate/index.ts"

/** One measure's values by qid: a member of `byQuery` of `rankdag/measures`. */
export type Values = Readonly<Record<string, number>>

/** How two systems are compared. */
export interface CompareOptions {
  /** Student's paired t (the default), Wilcoxon's signed ranks, or Fisher's randomization of signs. */
  readonly test?: "t" | "wilcoxon" | "randomization"
  /** From which p on a difference is none; the interval covers 1 − alpha. Default 0.05. */
  readonly alpha?: number
  /** The interval of the mean difference: Student's (the default), or a bootstrap's percentiles, plain or corrected. */
  readonly interval?: "student" | "percentile" | "bca"
  /** The chance to see a difference, for the number of queries needed. Default 0.8. */
  readonly power?: number
  /** Random permutations; where there are fewer in all, each is counted. Default 10,000. */
  readonly permutations?: number
  /** Of a bootstrap. Default 2,000. */
  readonly resamples?: number
  /** Of permutations and resamples. Default 1. */
  readonly seed?: number
}

/** Two systems side by side. */
export interface PairComparison {
  readonly queries: number
  readonly meanBaseline: number
  readonly meanSystem: number
  /** Mean of the system less mean of the baseline. */
  readonly difference: number
  /** Of the mean difference; none for five queries or fewer. */
  readonly interval: Interval | null
  /** Cohen's d_z; none where all queries differ by the same. */
  readonly effect: number | null
  /** Queries where the system is better, equal, worse. */
  readonly wins: number
  readonly ties: number
  readonly losses: number
  /** Two-sided, of this one comparison: `adjustPValues` corrects several. */
  readonly p: number
  /** What a reader has to know of this p; none where nothing. */
  readonly note: string | null
  /** Queries with which the difference would be seen; none for no difference, or above ten million. */
  readonly needed: number | null
}

/** The values of two systems over the same queries, side by side. */
const paired = (baseline: Values, system: Values): readonly [Float64Array, Float64Array] => {
  const qids = Object.keys(baseline).sort(compareBytes)
  const others = Object.keys(system)
  const lacking = qids.find((qid) => !Object.hasOwn(system, qid)) ?? others.find((qid) => !Object.hasOwn(baseline, qid))
  if (lacking !== undefined) {
    throw new RangeError(
      `Only one of the systems has a value for query ${lacking}; give a query without a result 0, or leave it out of both`,
    )
  }
  const column = (values: Values) =>
    Float64Array.from(qids, (qid) => {
      const value = values[qid] ?? Number.NaN
      if (!Number.isFinite(value))
        throw new RangeError(`The value of query ${qid} is ${value}; values are finite numbers`)
      return value
    })
  return [column(baseline), column(system)]
}

/**
 * Compares a system with a baseline, paired by query.
 *
 * @throws RangeError where one has a query that the other lacks, or a value is no finite number
 */
export const compare = (baseline: Values, system: Values, options: CompareOptions = {}): PairComparison => {
  const {
    alpha = 0.05,
    interval = "student",
    permutations = 10_000,
    power = 0.8,
    resamples = 2_000,
    seed = 1,
  } = options
  if (!(alpha > 0 && alpha < 1)) throw new RangeError(`alpha lies between 0 and 1, not at ${alpha}`)
  const [before, after] = paired(baseline, system)
  const differences = differencesOf(after, before)
  const { effect, losses, mean, ties, wins } = summarizeDifferences(differences)
  const test = (): { readonly p: number; readonly note: string | null } => {
    switch (options.test ?? "t") {
      case "t":
        return pairedT(differences)
      case "wilcoxon":
        return wilcoxon(differences)
      case "randomization": {
        const [result] = randomizationTests([after, before], [{ a: 0, b: 1 }], { permutations, seed })
        return { p: result?.p ?? 1, note: result?.exact === true ? "exact" : null }
      }
    }
  }
  const { note, p } = test()
  const level = 1 - alpha
  return {
    queries: differences.length,
    meanBaseline: meanOf(before),
    meanSystem: meanOf(after),
    difference: mean,
    interval:
      interval === "student"
        ? studentInterval(differences, level)
        : bootstrapInterval(differences, { resamples, seed, level, method: interval }),
    effect,
    wins,
    ties,
    losses,
    p,
    note,
    needed: effect === null ? null : queriesNeeded(effect, alpha, power),
  }
}
