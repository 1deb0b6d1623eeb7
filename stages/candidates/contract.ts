import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const CandidatesConfig = Schema.Struct({ depth: Schema.Int.pipe(Schema.positive()) })
export type CandidatesConfig = typeof CandidatesConfig.Type

export const candidatesInputs = { run: Kinds.Run, qrels: Kinds.Qrels }

export const candidatesOutputs = { candidates: Kinds.Candidates }

/** What the stage reads of the configuration. */
export const CandidatesUnionConfig = Schema.Struct({
  /** Of each run. */
  ...CandidatesConfig.fields,
  /** What the runs are called, in their order. */
  systems: Schema.Array(Schema.NonEmptyString),
})
export type CandidatesUnionConfig = typeof CandidatesUnionConfig.Type

export const candidatesUnionInputs = { runs: many(Kinds.Run), qrels: Kinds.Qrels }

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

/** What the stage reads of the configuration. */
export const TrainCandidatesConfig = Schema.Struct({
  ...CandidatesConfig.fields,
  /** Whether the passage whose docid is the query's qid is left out. */
  leaveOutOwn: Schema.Boolean,
})
export type TrainCandidatesConfig = typeof TrainCandidatesConfig.Type

export const trainCandidatesInputs = { run: Kinds.Run, qrels: Kinds.Qrels, queries: Kinds.Queries }

export const trainCandidatesOutputs = { candidates: Kinds.Candidates }
