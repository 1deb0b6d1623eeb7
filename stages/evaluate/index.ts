import { many, stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { CompareConfig } from "./CompareConfig.ts"
import { EvaluateConfig } from "./EvaluateConfig.ts"

export { CompareConfig } from "./CompareConfig.ts"
export { type Comparison, type ComparisonOptions, compareSystems } from "./compareSystems.ts"
export { EvaluateConfig } from "./EvaluateConfig.ts"
export type { EvaluateError } from "./EvaluateError.ts"
export { readScoreTables, type ScoredQuery, type ScoreTable } from "./ScoreTable.ts"
export { standings } from "./standings.ts"
export { FEW_QUERIES } from "./statistics/index.ts"

export const evaluateInputs = {
  runs: many(Kinds.Run),
  candidates: Kinds.Candidates,
  qrels: Kinds.Qrels,
  queries: Kinds.Queries,
  /** The passages, where those whose docid is a query's qid were left out of its results: to say of how many queries. Or none. */
  leftOut: many(Kinds.Passages),
}

export const evaluateOutputs = { scores: Kinds.Scores, summary: Kinds.Summary, profile: Kinds.DepthProfile }

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

export const compareInputs = { scores: many(Kinds.Scores) }

export const compareOutputs = { comparisons: Kinds.Comparisons, significance: Kinds.Significance }

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
