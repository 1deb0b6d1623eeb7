import * as Schema from "effect/Schema"
import { Bm25Config, Kinds, Split, TfIdfConfig, WinkConfig } from "../../schemas/index.ts"

// The stages take settings whose defaults are filled in: `typeSchema` of what the experiment's file may leave out.
const asked = {
  splits: Schema.NonEmptyArray(Split),
  depth: Schema.Int.pipe(Schema.positive()),
  /** Whether the passage whose docid is the query's qid is left out. */
  leaveOutOwn: Schema.Boolean,
}

/** What the index reads of the configuration: nothing. */
export const IndexConfig = Schema.typeSchema(Schema.Struct({}))
export type IndexConfig = typeof IndexConfig.Type

export const RetrieveBm25Config = Schema.typeSchema(Schema.Struct({ ...Bm25Config.fields, ...asked }))
export type RetrieveBm25Config = typeof RetrieveBm25Config.Type

export const RetrieveWinkConfig = Schema.typeSchema(Schema.Struct({ ...WinkConfig.fields, ...asked }))
export type RetrieveWinkConfig = typeof RetrieveWinkConfig.Type

export const RetrieveTfIdfConfig = Schema.typeSchema(Schema.Struct({ ...TfIdfConfig.fields, ...asked }))
export type RetrieveTfIdfConfig = typeof RetrieveTfIdfConfig.Type

/** Which queries and how deep: the candidates say it. */
export const RerankTfIdfConfig = Schema.typeSchema(TfIdfConfig)
export type RerankTfIdfConfig = typeof RerankTfIdfConfig.Type

export const indexInputs = { passages: Kinds.Passages }

export const indexOutputs = { index: Kinds.Bm25Index }

/** Of what searches our index: BM25, tf-idf. */
export const searchInputs = { index: Kinds.Bm25Index, queries: Kinds.Queries }

/** wink indexes by itself. */
export const winkInputs = { passages: Kinds.Passages, queries: Kinds.Queries }

export const rerankTfIdfInputs = { ...searchInputs, candidates: Kinds.Candidates }

export const runOutputs = { run: Kinds.Run }
