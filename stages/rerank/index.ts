/** Rerankers: from candidates and a model to a run. */
import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { stage } from "../../pipeline/index.ts"
import { Hardware, Kinds, SystemName } from "../../schemas/index.ts"

export type { RerankError } from "./RerankError.ts"

const count = Schema.Int.pipe(Schema.positive())

/** What the stage reads of the configuration. What changes the last bits of a score is in it. */
export const RerankConfig = Schema.typeSchema(
  Schema.Struct({
    system: SystemName,
    hardware: Hardware,
    precision: Schema.Literal("fp32"),
    /** Left out, what suits device and model: `usualTokensPerBatch`. */
    tokensPerBatch: Schema.optionalWith(count, { exact: true }),
    threads: Schema.optionalWith(count, { exact: true }),
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

/** Candidates in the order of a model's scores. A killed run goes on with the batches that are left. */
export const rerank = stage({
  name: "rerank",
  config: RerankConfig,
  inputs: rerankInputs,
  outputs: rerankOutputs,
  code: "stages/rerank/rerank.ts",
  load: () => import("./rerank.ts"),
  native: ["duckdb", "onnxruntime"],
  resumable: true,
  occupies: "machine",
  determinism: "seeded",
})

/** What the stage reads of the configuration. */
export const InterpolateConfig = Schema.typeSchema(
  Schema.Struct({
    system: SystemName,
    normalise: Schema.Literal("z-score", "min-max"),
    /** The reranker's share; absent, the best on the dev split by the measure. */
    weight: Schema.optionalWith(Schema.Number.pipe(Schema.between(0, 1)), { exact: true }),
    measure: MeasureText,
  }),
)
export type InterpolateConfig = typeof InterpolateConfig.Type

export const interpolateInputs = {
  candidates: Kinds.Candidates,
  run: Kinds.Run,
  queries: Kinds.Queries,
  qrels: Kinds.Qrels,
}

export const interpolateOutputs = { run: Kinds.Run }

/** Candidates in the order of a mix of the first stage's score and a reranker's, each normalised by query. */
export const interpolate = stage({
  name: "interpolate",
  config: InterpolateConfig,
  inputs: interpolateInputs,
  outputs: interpolateOutputs,
  code: "stages/rerank/interpolate.ts",
  load: () => import("./interpolate.ts"),
  native: ["duckdb"],
})
