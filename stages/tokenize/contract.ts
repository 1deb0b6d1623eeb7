import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"

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

export const tokenizeOutputs = { tokens: Kinds.Tokens }
