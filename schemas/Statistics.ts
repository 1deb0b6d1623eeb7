import * as Schema from "effect/Schema"
import { QueryKind, Split, SystemName } from "./Ids.ts"
import { count, setting } from "./Setting.ts"

const level = Schema.Number.pipe(Schema.greaterThan(0), Schema.lessThan(1))

/**
 * Tests of paired scores: Student's t, Wilcoxon's signed ranks, Fisher's randomisation, and Tukey's honestly significant
 * differences, randomised, which looks at all systems at once and needs no correction.
 */
export const StatisticalTest = Schema.Literal("t", "wilcoxon", "randomization", "tukey").annotations({
  identifier: "StatisticalTest",
})
export type StatisticalTest = typeof StatisticalTest.Type

export const Correction = Schema.Literal("holm", "bonferroni", "benjamini-hochberg", "none").annotations({
  identifier: "Correction",
})
export type Correction = typeof Correction.Type

/** Several collections in one mean: every query weighs the same, or every collection. */
export const Weighting = Schema.Literal("queries", "datasets").annotations({ identifier: "Weighting" })
export type Weighting = typeof Weighting.Type

/** What is said of figures over several collections. */
export const weightingNames: Readonly<Record<Weighting, string>> = {
  queries: "each query weighs the same",
  datasets: "each collection weighs the same",
}

/** How systems are compared. */
export const StatisticsConfig = Schema.Struct({
  baselines: setting(Schema.NonEmptyArray(SystemName), [SystemName.make("bm25")], "What every system is compared with"),
  tests: setting(
    Schema.NonEmptyArray(StatisticalTest),
    ["t", "wilcoxon", "randomization"],
    "t, wilcoxon, randomization, tukey; the first one marks the table",
  ),
  correction: setting(Correction, "holm", "holm, bonferroni, benjamini-hochberg or none, over a family of comparisons"),
  family: setting(
    Schema.Literal("table", "column"),
    "table",
    "What is corrected together: all comparisons of a collection's split, or those of one measure and kind",
  ),
  alpha: setting(level, 0.05, "From which adjusted p on a difference is none; intervals cover 1 − alpha"),
  power: setting(level, 0.8, "The chance to see a difference, for the number of queries needed"),
  permutations: setting(count, 10_000, "Random permutations; where there are fewer in all, each is counted"),
  interval: setting(
    Schema.Literal("student", "percentile", "bca"),
    "student",
    "The interval of the mean difference: Student's, or a bootstrap's percentiles, plain or corrected (bca)",
  ),
  resamples: setting(count, 2_000, "Resamples of a bootstrap interval"),
  seed: setting(Schema.NonNegativeInt, 1, "Seed of permutations and resamples"),
  weighting: setting(
    Weighting,
    "queries",
    "Several collections together: every query weighs the same, or every collection",
  ),
})
export type StatisticsConfig = typeof StatisticsConfig.Type

/** One comparison as the table marks it: by the first test that was asked for. */
export const Significance = Schema.Struct({
  split: Split,
  kind: Schema.Literal("all", ...QueryKind.literals),
  measure: Schema.String,
  baseline: SystemName,
  system: SystemName,
  /** Mean of the system less mean of the baseline. */
  difference: Schema.Number,
  adjusted: Schema.Number,
  queries: Schema.optionalWith(Schema.NonNegativeInt, { default: () => 0 }),
  /** Queries with which the difference would be seen; none for no difference, or above ten million. */
  needed: Schema.optionalWith(Schema.NullOr(Schema.NonNegativeInt), { default: () => null }),
})
export type Significance = typeof Significance.Type

/** Who is first by a measure on a slice of the queries, and how sure that is. */
export const Standing = Schema.Struct({
  split: Split,
  kind: Schema.Literal("all", ...QueryKind.literals),
  measure: Schema.String,
  queries: Schema.NonNegativeInt,
  systems: Schema.NonNegativeInt,
  /** What has the highest mean; several systems where they tie. */
  first: Schema.NonEmptyArray(SystemName),
  mean: Schema.Number,
  /** The other systems that the test does not separate from it, highest mean first. */
  level: Schema.Array(SystemName),
  /** The next below it: one of the level where there is any. None where all tie. */
  next: Schema.NullOr(
    Schema.Struct({
      system: SystemName,
      mean: Schema.Number,
      adjusted: Schema.Number,
      needed: Schema.NullOr(Schema.NonNegativeInt),
    }),
  ),
  /** Pairs of systems, over all of which p was adjusted. */
  pairs: Schema.NonNegativeInt,
})
export type Standing = typeof Standing.Type

/** `significance.json` of a `Kinds.Significance` artifact: what the result table marks, and what its legend says. */
export const SignificanceSummary = Schema.Struct({
  test: StatisticalTest,
  correction: Correction,
  family: Schema.Literal("table", "column"),
  alpha: Schema.Number,
  baselines: Schema.Array(SystemName),
  rows: Schema.Array(Significance),
  standings: Schema.optionalWith(Schema.Array(Standing), { default: () => [] }),
})
export type SignificanceSummary = typeof SignificanceSummary.Type
