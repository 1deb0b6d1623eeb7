import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { LossConfig } from "../../neural/losses/index.ts"
import { many } from "../../pipeline/index.ts"
import {
  EmbeddingSettings,
  Hardware,
  Kinds,
  ListSettings,
  LoraSettings,
  OptimizerSettings,
  SystemName,
  TrainSettings,
  ValidateSettings,
} from "../../schemas/index.ts"

const { from: _from, queries: _queries, ...lists } = ListSettings.fields
const { recompute, stepsPerRun, tokensPerMicroBatch, threads } = TrainSettings.fields
const { measures: _measures, ...watching } = ValidateSettings.fields

/** What the stage reads of the configuration: all of it decides the weights. */
export const TrainConfig = Schema.extend(
  Schema.typeSchema(
    Schema.Struct({
      system: SystemName,
      hardware: Hardware,
      seed: Schema.NonNegativeInt,
      loss: LossConfig,
      /** Of a model that gives vectors; left out, as the settings have it where they say nothing. */
      embedding: Schema.optionalWith(EmbeddingSettings, { exact: true }),
      steps: Schema.Int.pipe(Schema.positive()),
      lists: Schema.Struct(lists),
      /** Whether the passage whose docid is the query's qid is no negative. */
      leaveOutOwn: Schema.Boolean,
      dropout: Schema.Number.pipe(Schema.between(0, 1)),
      optimizer: OptimizerSettings,
      checkpointEvery: Schema.Int.pipe(Schema.positive()),
      tokensPerMicroBatch,
      recompute,
      stepsPerRun,
      threads,
      /** Whether a query that leaves no room for a passage is an error; left out, it is shortened, and told. */
      strict: Schema.optionalWith(Schema.Boolean, { exact: true }),
    }),
  ),
  // Not the type's side alone: a measure is encoded with the digest of its code.
  Schema.Struct({
    validate: Schema.extend(
      Schema.typeSchema(Schema.Struct(watching)),
      Schema.Struct({ measures: Schema.NonEmptyArray(MeasureText) }),
    ),
  }),
)
export type TrainConfig = typeof TrainConfig.Type

/** Of a training of adapters: with what is changed of the model. */
export const TrainAdapterConfig = Schema.extend(TrainConfig, Schema.typeSchema(Schema.Struct({ lora: LoraSettings })))
export type TrainAdapterConfig = typeof TrainAdapterConfig.Type

/** Whether a training keeps one core busy, and others can run beside it. */
export const onOneCore = ({ hardware, threads: used }: TrainConfig): boolean => hardware.device === "cpu" && used === 1

export const trainInputs = {
  model: Kinds.Model,
  tokenizer: Kinds.Tokenizer,
  /** Of the train candidates, of the dev candidates, and of all passages where random negatives are asked for. */
  tokens: Kinds.Tokens,
  queries: Kinds.Queries,
  qrels: Kinds.Qrels,
  /** What lists are sampled from. */
  candidates: Kinds.Candidates,
  /** What is ranked to watch the training; other splits than dev are not looked at. */
  dev: Kinds.Candidates,
  /** A teacher's ranking of the train candidates, or none. */
  teacher: many(Kinds.Run),
}

export const trainOutputs = { model: Kinds.Model, log: Kinds.TrainingLog }

export const trainAdapterInputs = {
  ...trainInputs,
  /** The adapter that it begins with, or none: then from nothing. */
  start: many(Kinds.Adapter),
  /** The model's weights in fewer bits, or none: then they are mapped from the model's own file. */
  base: many(Kinds.FrozenWeights),
}

export const trainAdapterOutputs = { adapter: Kinds.Adapter, log: Kinds.TrainingLog }
