import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"

export type { CandidatesError } from "./CandidatesError.ts"

/** What the stage reads of the configuration. */
export const CandidatesConfig = Schema.Struct({ depth: Schema.Int.pipe(Schema.positive()) })
export type CandidatesConfig = typeof CandidatesConfig.Type

export const candidatesInputs = { run: Kinds.Run, qrels: Kinds.Qrels }

export const candidatesOutputs = { candidates: Kinds.Candidates }

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

/** What the stage reads of the configuration. */
export const TrainQueriesConfig = Schema.typeSchema(
  Schema.Struct({
    /** How many queries at most; left out, all. */
    most: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
    /** Which ones. */
    seed: Schema.NonNegativeInt,
    /** Whether the passage whose docid is the query's qid counts for nothing. */
    leaveOutOwn: Schema.Boolean,
  }),
)
export type TrainQueriesConfig = typeof TrainQueriesConfig.Type

export const trainQueriesInputs = { queries: Kinds.Queries, qrels: Kinds.Qrels }

export const trainQueriesOutputs = { queries: Kinds.Queries }

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

/** What the stage reads of the configuration. */
export const TrainCandidatesConfig = Schema.Struct({
  ...CandidatesConfig.fields,
  /** Whether the passage whose docid is the query's qid is left out. */
  leaveOutOwn: Schema.Boolean,
})
export type TrainCandidatesConfig = typeof TrainCandidatesConfig.Type

export const trainCandidatesInputs = { run: Kinds.Run, qrels: Kinds.Qrels, queries: Kinds.Queries }

export const trainCandidatesOutputs = { candidates: Kinds.Candidates }

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
