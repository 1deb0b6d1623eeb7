import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import {
  CandidatesConfig,
  CandidatesUnionConfig,
  candidatesInputs,
  candidatesOutputs,
  candidatesUnionInputs,
  TrainCandidatesConfig,
  TrainQueriesConfig,
  trainCandidatesInputs,
  trainCandidatesOutputs,
  trainQueriesInputs,
  trainQueriesOutputs,
} from "./contract.ts"

export type { CandidatesError } from "./CandidatesError.ts"
export { TrainCandidatesConfig, TrainQueriesConfig } from "./contract.ts"

/** What a reranker reads and a trainer samples from: the first results of a run, with their grades. */
export const candidates = stage({
  name: "candidates",
  config: CandidatesConfig,
  inputs: candidatesInputs,
  outputs: candidatesOutputs,
  code: "stages/candidates/candidates.ts",
  load: () => import("./candidates.ts"),
  native: ["duckdb"],
})

/**
 * The first results of several runs together, best first by their reciprocal ranks, with each run's rank in a column of its own,
 * `rank_<system>`.
 */
export const candidatesUnion = stage({
  name: "candidates.union",
  config: CandidatesUnionConfig,
  inputs: candidatesUnionInputs,
  outputs: candidatesOutputs,
  code: "stages/candidates/candidatesUnion.ts",
  load: () => import("./candidatesUnion.ts"),
  native: ["duckdb"],
})

/** The queries that a model is trained on: those of the train split with a relevant passage. */
export const trainQueries = stage({
  name: "train.queries",
  config: TrainQueriesConfig,
  inputs: trainQueriesInputs,
  outputs: trainQueriesOutputs,
  code: "stages/candidates/trainQueries.ts",
  load: () => import("./trainQueries.ts"),
  native: ["duckdb"],
})

/** What a trainer samples from: the first results of each query and, behind them, the relevant passages that are not there. */
export const trainCandidates = stage({
  name: "train.candidates",
  config: TrainCandidatesConfig,
  inputs: trainCandidatesInputs,
  outputs: trainCandidatesOutputs,
  code: "stages/candidates/trainCandidates.ts",
  load: () => import("./trainCandidates.ts"),
  native: ["duckdb"],
})

/** Puts first stages' answers together as an earlier run did with their runs. */
export const uniteAnswers = (stored: StoredStage, answers: ReadonlyArray<Answer>) =>
  Effect.flatMap(
    Effect.promise(() => import("./uniteAnswers.ts")),
    (loaded) => loaded.uniteAnswers(stored, answers),
  )
