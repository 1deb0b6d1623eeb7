import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { count, Kinds, Split } from "../../schemas/index.ts"

/** In how many parts the texts are divided; left out, one. */
const divided = { shards: Schema.optionalWith(count, { exact: true }) }

/** What the stage reads of the configuration. */
export const TokenizeConfig = Schema.typeSchema(
  Schema.Struct({
    /** Whose token ids are kept: of what the candidates name, or of all passages (to sample negatives from). */
    passages: Schema.Literal("candidates", "all"),
    ...divided,
  }),
)
export type TokenizeConfig = typeof TokenizeConfig.Type

export const tokenizeInputs = {
  tokenizer: Kinds.Tokenizer,
  passages: Kinds.Passages,
  queries: Kinds.Queries,
  candidates: many(Kinds.Candidates),
}

/** What the stage reads of the configuration: nothing but in how many parts. */
export const TokenizePassagesConfig = Schema.typeSchema(Schema.Struct(divided))
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
