/** Rerankers: from candidates and a model to a run. */
import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import {
  AgreementConfig,
  agreementInputs,
  agreementOutputs,
  InterpolateConfig,
  interpolateInputs,
  interpolateOutputs,
  RerankConfig,
  rerankInputs,
  rerankOutputs,
} from "./contract.ts"
import type { PairScorerOptions } from "./scorePairs.ts"

export { InterpolateConfig } from "./contract.ts"
export {
  broughtRerankers,
  type CandidatePassage,
  type CandidateQuery,
  defineOutsideReranker,
  type OutsideReranker,
  type OutsideRerankerSpec,
  type OutsideScorer,
  rerankerFields,
} from "./outsideRerankers.ts"
export { rerankOutside, wireOutsideRerankers } from "./outsideStage.ts"
export { PrecisionUnavailable, type RerankError } from "./RerankError.ts"
export type { PairScores, TextPair } from "./scorePairs.ts"

/** Candidates in the order of a model's scores. A killed run goes on with the batches that are left. */
export const rerank = stage({
  name: "rerank",
  config: RerankConfig,
  inputs: rerankInputs,
  outputs: rerankOutputs,
  code: "stages/rerank/rerank.ts",
  load: () => import("./rerank.ts"),
  native: ["duckdb", "onnxruntime"],
  resumable: true,
  occupies: ({ hardware }) => (hardware.device === "cpu" ? "cores" : "machine"),
  determinism: "seeded",
  split: {
    shards: ({ shards = 1 }) => shards,
    code: "stages/rerank/joinRuns.ts",
    load: () => import("./joinRuns.ts"),
    native: ["duckdb"],
  },
})

/** How alike a run of a model and its run in fp32 order the pairs that are in both. */
export const agreement = stage({
  name: "agreement",
  config: AgreementConfig,
  inputs: agreementInputs,
  outputs: agreementOutputs,
  code: "stages/rerank/agree.ts",
  load: () => import("./agree.ts"),
  native: ["duckdb"],
})

/** Candidates in the order of a mix of the first stage's score and a reranker's, each normalised by query. */
export const interpolate = stage({
  name: "interpolate",
  config: InterpolateConfig,
  inputs: interpolateInputs,
  outputs: interpolateOutputs,
  code: "stages/rerank/interpolate.ts",
  load: () => import("./interpolate.ts"),
  native: ["duckdb"],
})

/**
 * Opens a model that scores pairs of texts in memory, outside of any store.
 *
 * @param folder a model's, with the tokenizer in it, as `modelFolder` makes it
 */
export const openPairScorer = (folder: string, options: PairScorerOptions) =>
  Effect.flatMap(
    Effect.promise(() => import("./scorePairs.ts")),
    ({ openPairScorer }) => openPairScorer(folder, options),
  )

/** Opens a model of an earlier run for queries that are typed. */
export const openReranker = (stored: StoredStage) =>
  Effect.flatMap(
    Effect.promise(() => import("./openReranker.ts")),
    (loaded) => loaded.openReranker(stored),
  )

/** Mixes answers of a first stage and a reranker as an earlier run mixed its runs. */
export const mixAnswers = (stored: StoredStage, candidates: Answer, reranked: Answer) =>
  Effect.flatMap(
    Effect.promise(() => import("./mixAnswers.ts")),
    (loaded) => loaded.mixAnswers(stored, candidates, reranked),
  )
