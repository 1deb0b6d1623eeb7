import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { Kinds, Split } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const TokenizeConfig = Schema.typeSchema(
  Schema.Struct({
    /** Whose token ids are kept: of what the candidates name, or of all passages (to sample negatives from). */
    passages: Schema.Literal("candidates", "all"),
  }),
)
export type TokenizeConfig = typeof TokenizeConfig.Type

export const tokenizeInputs = {
  tokenizer: Kinds.Tokenizer,
  passages: Kinds.Passages,
  queries: Kinds.Queries,
  candidates: many(Kinds.Candidates),
}

/** What the stage reads of the configuration: nothing. */
export const TokenizePassagesConfig = Schema.typeSchema(Schema.Struct({}))
export type TokenizePassagesConfig = typeof TokenizePassagesConfig.Type

export const tokenizePassagesInputs = { tokenizer: Kinds.Tokenizer, passages: Kinds.Passages }

/** What the stage reads of the configuration. */
export const TokenizeQueriesConfig = Schema.Struct({
  /** Whose queries. */
  splits: Schema.NonEmptyArray(Split),
})
export type TokenizeQueriesConfig = typeof TokenizeQueriesConfig.Type

export const tokenizeQueriesInputs = { tokenizer: Kinds.Tokenizer, queries: Kinds.Queries }

export const tokenizeOutputs = { tokens: Kinds.Tokens }
