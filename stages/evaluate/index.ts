import { stage } from "../../pipeline/index.ts"
import {
  CompareConfig,
  compareInputs,
  compareOutputs,
  EvaluateConfig,
  evaluateInputs,
  evaluateOutputs,
} from "./contract.ts"

export { type Comparison, type ComparisonOptions, compareSystems } from "./compareSystems.ts"
export { CompareConfig, EvaluateConfig } from "./contract.ts"
export type { EvaluateError } from "./EvaluateError.ts"
export { ofSystems, readScoreTables, type ScoredQuery, type ScoreTable } from "./ScoreTable.ts"
export { standings } from "./standings.ts"
export {
  adjustPValues,
  type BootstrapOptions,
  bootstrapInterval,
  type ColumnPair,
  type Correction,
  type DifferenceSummary,
  differencesOf,
  FEW_QUERIES,
  type Interval,
  meanInterval,
  meanOf,
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
} from "./statistics/index.ts"

/**
 * Scores runs against the qrels: one row a query a measure, and a summary with means, the candidates' recall and the
 * best score that any reranking of them reaches, and the means at every depth of the rankings.
 */
export const evaluate = stage({
  name: "evaluate",
  config: EvaluateConfig,
  inputs: evaluateInputs,
  outputs: evaluateOutputs,
  code: "stages/evaluate/evaluate.ts",
  load: () => import("./evaluate.ts"),
  native: ["duckdb"],
})

/** Compares systems with baselines, query by query: tests, intervals, effects, and what the result table marks. */
export const compare = stage({
  name: "compare",
  config: CompareConfig,
  inputs: compareInputs,
  outputs: compareOutputs,
  code: "stages/evaluate/compare.ts",
  load: () => import("./compare.ts"),
  native: ["duckdb"],
})
