import * as Schema from "effect/Schema"
import { Head, HeadName, Kinds, ModelSettings, ScratchSettings, SystemName } from "../../schemas/index.ts"

const { label, template, instruction, bos, eos, queryPrefix, passagePrefix, maximumTokens, truncation } =
  ModelSettings.fields

const asSet = {
  name: SystemName,
  head: Schema.optionalWith(Schema.Union(HeadName, Head), { exact: true }),
  label,
  template,
  instruction,
  bos,
  eos,
  queryPrefix,
  passagePrefix,
  maximumTokens,
  truncation,
  /** Seed of the weights that a head begins with which is to be trained; absent, a missing head is an error. */
  freshHead: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
}

/** What the stages read of a model's settings. */
export const ModelConfig = Schema.typeSchema(Schema.Struct(asSet))
export type ModelConfig = typeof ModelConfig.Type

export const ModelFilesConfig = Schema.typeSchema(
  Schema.Struct({
    ...asSet,
    /** Relative names, sorted. */
    files: Schema.Array(Schema.String),
    /** The ready graph's file, where one was named. */
    graph: Schema.optionalWith(Schema.String, { exact: true }),
  }),
)
export type ModelFilesConfig = typeof ModelFilesConfig.Type

export const ModelHubConfig = Schema.typeSchema(
  Schema.Struct({ ...asSet, repository: Schema.String, revision: Schema.String }),
)
export type ModelHubConfig = typeof ModelHubConfig.Type

export const modelFilesInputs = { files: Kinds.SourceFiles }

export const modelOutputs = { model: Kinds.Model, tokenizer: Kinds.Tokenizer }

/** What the stage reads of how a model is to be quantised. */
export const QuantizeConfig = Schema.Struct({ precision: Schema.Literal("int8", "weights8") })
export type QuantizeConfig = typeof QuantizeConfig.Type

export const quantizeInputs = { model: Kinds.Model }

export const quantizeOutputs = { model: Kinds.Model }

/** What the stage reads of how weights are to be kept that stay in trainings. */
export const FreezeConfig = Schema.Struct({ base: Schema.Literal("bf16", "int8") })
export type FreezeConfig = typeof FreezeConfig.Type

export const freezeInputs = { model: Kinds.Model }

export const freezeOutputs = { weights: Kinds.FrozenWeights }

/** What the stage reads of a model with an adapter's changes in its weights: how it is called. */
export const MergeConfig = Schema.typeSchema(Schema.Struct({ name: SystemName }))
export type MergeConfig = typeof MergeConfig.Type

export const mergeInputs = { model: Kinds.Model, adapter: Kinds.Adapter }

export const mergeOutputs = { model: Kinds.Model }

/** What the stage reads of an adapter's files. */
export const AdapterFilesConfig = Schema.typeSchema(Schema.Struct({ files: Schema.Array(Schema.String) }))
export type AdapterFilesConfig = typeof AdapterFilesConfig.Type

export const adapterFilesInputs = { files: Kinds.SourceFiles }

export const adapterFilesOutputs = { adapter: Kinds.Adapter }

/** What the stage reads of a model from nothing. */
export const TrainTokenizerConfig = Schema.typeSchema(
  Schema.Struct({ vocabulary: ScratchSettings.fields.vocabulary, maximumTokens: ScratchSettings.fields.maximumTokens }),
)
export type TrainTokenizerConfig = typeof TrainTokenizerConfig.Type

export const trainTokenizerInputs = { passages: Kinds.Passages, queries: Kinds.Queries }

export const trainTokenizerOutputs = { tokenizer: Kinds.Tokenizer }

const { vocabulary: _vocabulary, maximumTokens: _maximumTokens, ...scratchShape } = ScratchSettings.fields

/** What the stage reads of a model from nothing: its shape, and the seed of its weights. */
export const ScratchConfig = Schema.typeSchema(
  Schema.Struct({ ...scratchShape, name: SystemName, seed: Schema.NonNegativeInt }),
)
export type ScratchConfig = typeof ScratchConfig.Type

export const scratchInputs = { tokenizer: Kinds.Tokenizer }

export const scratchOutputs = { model: Kinds.Model }
