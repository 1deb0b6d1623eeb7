import * as Schema from "effect/Schema"
import { count, Hardware, Kinds, Precision } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const EncodeConfig = Schema.typeSchema(
  Schema.Struct({
    /** Which table of the tokens. */
    texts: Schema.Literal("queries", "passages"),
    hardware: Hardware,
    precision: Precision,
    /** Left out, what suits device and model. */
    tokensPerBatch: Schema.optionalWith(count, { exact: true }),
    threads: Schema.optionalWith(count, { exact: true }),
    /** In how many parts the batches are divided; left out, one. */
    shards: Schema.optionalWith(count, { exact: true }),
  }),
)
export type EncodeConfig = typeof EncodeConfig.Type

export const encodeInputs = { model: Kinds.Model, tokenizer: Kinds.Tokenizer, tokens: Kinds.Tokens }

export const encodeOutputs = { vectors: Kinds.Vectors }
