/** Texts to token ids: each query and each passage once, for every model that reads them alike. */
import * as Schema from "effect/Schema"
import { many, stage } from "../../pipeline/index.ts"
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

/**
 * Token ids of the queries and passages that candidates name, in the collection's order: title and text joined by a space.
 * Nothing is shortened yet and nothing put around: models join and shorten as they need.
 */
export const tokenize = stage({
  name: "tokenize",
  config: TokenizeConfig,
  inputs: tokenizeInputs,
  outputs: tokenizeOutputs,
  code: "stages/tokenize/tokenize.ts",
  load: () => import("./tokenize.ts"),
  native: ["duckdb"],
})
