import { many, stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { EvaluateConfig } from "./EvaluateConfig.ts"

export { EvaluateConfig } from "./EvaluateConfig.ts"
export type { EvaluateError } from "./EvaluateError.ts"

export const evaluateInputs = {
  runs: many(Kinds.Run),
  candidates: Kinds.Candidates,
  qrels: Kinds.Qrels,
  queries: Kinds.Queries,
}

export const evaluateOutputs = { scores: Kinds.Scores, summary: Kinds.Summary }

/**
 * Scores runs against the qrels: one row a query a measure, and a summary with means, the candidates' recall and the
 * best score that any reranking of them reaches.
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
