import { many, stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { EvaluateConfig } from "./EvaluateConfig.ts"

export { EvaluateConfig } from "./EvaluateConfig.ts"
export type { EvaluateError } from "./EvaluateError.ts"
export { type JudgedRanking, judgeRun, type NamedTwice } from "./judgeRun.ts"
export { type Aggregation, aggregation, type Cutoff, type GainMap, type Measure, measureName } from "./Measure.ts"
export { describeMeasureError, type MeasureError } from "./MeasureError.ts"
export { aggregate } from "./measures/aggregate.ts"
export { type Judgements, judgements, UNJUDGED } from "./measures/Judgements.ts"
export type { Parsed } from "./measures/MeasureCall.ts"
export { oracleScore } from "./measures/oracle.ts"
export { parseMeasure, parseMeasures } from "./measures/parseMeasure.ts"
export { scoreQuery } from "./measures/score.ts"
export { compareTrecOrder } from "./trecOrder.ts"

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
