import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { Hardware, Kinds, Precision, SystemName } from "../../schemas/index.ts"

const count = Schema.Int.pipe(Schema.positive())

/** What the stage reads of the configuration. What changes the last bits of a score is in it. */
export const RerankConfig = Schema.typeSchema(
  Schema.Struct({
    system: SystemName,
    hardware: Hardware,
    precision: Precision,
    /** How many pairs of the candidates are scored, from the first on; left out, all. */
    first: Schema.optionalWith(count, { exact: true }),
    /** Left out, what suits device and model: `usualTokensPerBatch`. */
    tokensPerBatch: Schema.optionalWith(count, { exact: true }),
    threads: Schema.optionalWith(count, { exact: true }),
    /** Whether a query that leaves no room for a passage is an error; left out, it is shortened, and told. */
    strict: Schema.optionalWith(Schema.Boolean, { exact: true }),
    /** In how many parts the queries are divided; left out, one. */
    shards: Schema.optionalWith(count, { exact: true }),
  }),
)
export type RerankConfig = typeof RerankConfig.Type

export const rerankInputs = {
  model: Kinds.Model,
  tokenizer: Kinds.Tokenizer,
  tokens: Kinds.Tokens,
  candidates: Kinds.Candidates,
}

export const rerankOutputs = { run: Kinds.Run }

/** What the stage reads of the configuration. */
export const AgreementConfig = Schema.Struct({
  system: SystemName,
  precision: Precision,
  /** What the run in fp32 is called. */
  reference: Schema.NonEmptyString,
  /** Whether it has all pairs. */
  whole: Schema.Boolean,
})
export type AgreementConfig = typeof AgreementConfig.Type

export const agreementInputs = { run: Kinds.Run, reference: Kinds.Run }

export const agreementOutputs = { agreement: Kinds.Agreement }

/** What the stage reads of the configuration. */
export const InterpolateConfig = Schema.Struct({
  system: SystemName,
  normalise: Schema.Literal("z-score", "min-max"),
  /** The reranker's share; absent, the best on the dev split by the measure. */
  weight: Schema.optionalWith(Schema.Number.pipe(Schema.between(0, 1)), { exact: true }),
  measure: MeasureText,
})
export type InterpolateConfig = typeof InterpolateConfig.Type

/** What the stage of rerankers from outside reads of the configuration. */
export const RerankOutsideConfig = Schema.Struct({
  system: SystemName,
  /** Its own settings, as its schema encodes them. */
  settings: Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean) }),
  /** The digest of the module that it came from. */
  code: Schema.NonEmptyString,
})
export type RerankOutsideConfig = typeof RerankOutsideConfig.Type

export const rerankOutsideInputs = {
  candidates: Kinds.Candidates,
  queries: Kinds.Queries,
  passages: Kinds.Passages,
}

export const interpolateInputs = {
  candidates: Kinds.Candidates,
  run: Kinds.Run,
  queries: Kinds.Queries,
  qrels: Kinds.Qrels,
}

export const interpolateOutputs = { run: Kinds.Run }
