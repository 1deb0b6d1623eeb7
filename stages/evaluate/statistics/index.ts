export { type BootstrapOptions, bootstrapInterval, resampledMeans } from "./bootstrap.ts"
export { adjustPValues, type Correction } from "./correction.ts"
export {
  type DifferenceSummary,
  differencesOf,
  FEW_QUERIES,
  type Interval,
  meanOf,
  standardizedDifference,
  studentInterval,
  summarizeDifferences,
  withinRange,
} from "./differences.ts"
export { meanInterval } from "./meanInterval.ts"
export type { PairedTest } from "./PairedTest.ts"
export { pairedT } from "./pairedT.ts"
export { pairedTPower, queriesNeeded } from "./power.ts"
export {
  type ColumnPair,
  type RandomizationOptions,
  type RandomizationTest,
  randomizationTests,
} from "./randomization.ts"
export {
  incompleteBeta,
  logBeta,
  logGamma,
  noncentralStudent,
  normalQuantile,
  normalTail,
  studentCritical,
  studentTwoSided,
} from "./specialFunctions.ts"
export { type PairwiseTests, randomizedTukey, type TukeyOptions } from "./tukey.ts"
export { wilcoxon } from "./wilcoxon.ts"
