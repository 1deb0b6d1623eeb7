import * as Schema from "effect/Schema"
import { SystemName } from "./Ids.ts"
import { LoraSettings } from "./LoraSettings.ts"
import { AdamWSettings, belowOne, GroupSettings, OptimizerSettings, ScheduleSettings } from "./Optimizer.ts"
import { ModelChoice } from "./RerankSettings.ts"
import { choice, count, section, setting, share, weight } from "./Setting.ts"
import { Truncation } from "./Truncation.ts"

/** A small model that begins with random weights, and a tokenizer trained on the collection. */
export const ScratchSettings = Schema.Struct({
  scratch: Schema.Literal("t5", "t5gemma").annotations({ description: "The architecture" }),
  name: choice(SystemName, "What its systems' names begin with; left out, the architecture"),
  vocabulary: setting(count, 2_400, "Entries of its byte-pair encoding, trained on passages and train queries"),
  width: setting(count, 64, "Numbers of a token's state"),
  heads: setting(count, 4, "Heads of its attention"),
  headSize: setting(count, 32, "Numbers of a head; even for t5gemma"),
  innerWidth: setting(count, 256, "Inner numbers of its feed-forward layers"),
  layers: setting(count, 2, "Layers"),
  head: setting(
    Schema.Literal("first-token", "masked-mean", "attention-pooling"),
    "masked-mean",
    "What makes the score; the mean learns far faster from nothing than the first token",
  ),
  initialisation: setting(
    Schema.Literal("plain", "matching"),
    "matching",
    "How attention begins: as in large models, or so that a token attends to its like",
  ),
  maximumTokens: setting(count, 128, "Most tokens of an input"),
  truncation: choice(
    Truncation,
    "What is shortened of a pair that is too long; left out, rerank.truncation, else the passage",
  ),
})
export type ScratchSettings = typeof ScratchSettings.Type

/** A model to train: one that is there, or one from nothing. */
export const TrainedModel = Schema.Union(ScratchSettings, ModelChoice)
export type TrainedModel = typeof TrainedModel.Type

/** Where a list's items that are not relevant come from. */
export const NegativeSource = Schema.Struct({
  kind: Schema.Literal("random", "candidates", "mined", "teacher").annotations({
    description:
      "Any passages; the train candidates by their rank; those by the rank that the model in training, or the teacher, gives them",
  }),
  from: setting(count, 1, "The first rank to take"),
  to: choice(count, "The last rank to take; left out, all that there are"),
  share: setting(weight, 1, "Its part of the negatives, beside the other sources' shares"),
})
export type NegativeSource = typeof NegativeSource.Type

/** A stretch of the training with its own negatives. */
export const CurriculumPhase = Schema.Struct({
  name: Schema.NonEmptyString.annotations({ description: "What the log calls it" }),
  until: setting(
    Schema.Number.pipe(Schema.greaterThan(0), Schema.lessThanOrEqualTo(1)),
    1,
    "Where it ends, as a share of all steps; phases follow each other and the last ends at 1",
  ),
  sources: Schema.NonEmptyArray(NegativeSource).annotations({ description: "Where its negatives come from" }),
})
export type CurriculumPhase = typeof CurriculumPhase.Type

/** What keeps unjudged passages that may well be relevant from being negatives; judged relevant ones never are. */
export const FilterSettings = Schema.Struct({
  by: setting(
    Schema.Literal("none", "first-stage", "teacher"),
    "none",
    "Whose scores tell a suspicious passage: the first stage's, or the teacher's",
  ),
  margin: choice(
    Schema.Number.pipe(Schema.finite()),
    "A negative scores at least so much less than the list's best relevant passage",
  ),
  ratio: choice(
    Schema.Number.pipe(Schema.positive(), Schema.finite()),
    "A negative scores at most this part of what the list's best relevant passage does; for positive scores",
  ),
})
export type FilterSettings = typeof FilterSettings.Type

/** What the lists are made of. */
export const ListSettings = Schema.Struct({
  size: setting(Schema.Int.pipe(Schema.greaterThanOrEqualTo(2)), 8, "Items of a list, m"),
  perStep: setting(count, 8, "Lists of a step"),
  relevant: setting(
    share,
    0.5,
    "Of a list at most this part is relevant, but at least one item; drawn one of each grade in turn, from the highest on",
  ),
  positives: setting(
    Schema.Literal("found", "all"),
    "found",
    "Which relevant passages: those that the first stage found, as they are what there will be to rerank, and others only for a query of which it found none; or all",
  ),
  queries: choice(count, "Of how many train queries, drawn by the seed of the first run; left out, all"),
  from: setting(
    Schema.NonEmptyString,
    "bm25",
    "Whose results negatives are drawn from: a first stage, or a fusion of first stages",
  ),
  depth: setting(count, 100, "How many results of the first stage per train query"),
  curriculum: setting(
    Schema.NonEmptyArray(CurriculumPhase),
    [
      {
        name: "bm25",
        until: 1,
        sources: [
          { kind: "candidates", from: 1, to: 20, share: 2 },
          { kind: "candidates", from: 1, share: 1 },
        ],
      },
    ],
    "Where negatives come from, stretch by stretch",
  ),
  mineEvery: setting(count, 500, "After how many steps of a phase with the source mined the model ranks anew"),
  filter: section(FilterSettings, "Against negatives that are relevant without anyone having judged them"),
})
export type ListSettings = typeof ListSettings.Type

/** How a training is watched on queries of the dev split. */
export const ValidateSettings = Schema.Struct({
  every: setting(Schema.NonNegativeInt, 250, "After how many steps; 0, never"),
  queries: setting(count, 60, "Of how many dev queries, as many of each kind"),
  depth: setting(count, 30, "How many candidates of each are ranked"),
  measures: setting(
    Schema.NonEmptyArray(Schema.NonEmptyString),
    ["nDCG@10", "RR@10"],
    "What is measured, by the names of the table; the first chooses the checkpoint that is kept",
  ),
  patience: choice(count, "Training stops when so many measurements in a row brought no improvement; left out, never"),
})
export type ValidateSettings = typeof ValidateSettings.Type

/** The optimizer, where what suits differs between a model from nothing and one that is there. */
export const TrainOptimizer = Schema.Struct({
  kind: OptimizerSettings.fields.kind,
  learningRate: choice(
    weight,
    "The height of the learning rate; left out, 1e-3 from nothing, 5e-5 for a model that is there, and 2e-4 for adapters beside one",
  ),
  schedule: choice(
    ScheduleSettings,
    "How the learning rate goes; left out, 6 % of the steps of warm-up, then down on a line",
  ),
  weightDecay: OptimizerSettings.fields.weightDecay,
  withoutDecay: OptimizerSettings.fields.withoutDecay,
  clip: OptimizerSettings.fields.clip,
  embeddings: OptimizerSettings.fields.embeddings,
  groups: choice(
    Schema.NonEmptyArray(GroupSettings),
    "Weights that learn alike; left out, all, but a model from nothing learns its embedding four times as fast",
  ),
  adamw: section(
    Schema.Struct({
      ...AdamWSettings.fields,
      beta2: choice(
        belowOne,
        "How much of the mean squared gradient is kept at each step; left out, 0.98 from nothing and 0.999 for a model that is there",
      ),
    }),
    "Of AdamW",
  ),
  adafactor: OptimizerSettings.fields.adafactor,
})
export type TrainOptimizer = typeof TrainOptimizer.Type

/** How a training compares the vectors of queries and passages. */
export const EmbeddingSettings = Schema.Struct({
  temperature: choice(
    Schema.Number.pipe(Schema.positive(), Schema.finite()),
    "What the products of two vectors are divided by in the loss; left out, 0.05 for vectors of length 1, but 1 for others, and where a teacher's margins are learnt",
  ),
  inBatch: setting(
    weight,
    0,
    "The weight of the loss infonce beside the training's own: each query against the passages of all lists of a step",
  ),
})
export type EmbeddingSettings = typeof EmbeddingSettings.Type

/** Training: every model with every loss and every seed is a system of the table. The losses are the library of models' matter. */
export const TrainSettings = Schema.Struct({
  models: choice(
    Schema.Array(TrainedModel),
    "Models to train: folders, names of the hub, objects; left out, a small T5 and a small T5Gemma from nothing where the collection is synthetic, none elsewhere",
  ),
  seeds: setting(
    Schema.NonEmptyArray(Schema.NonNegativeInt),
    [1],
    "One training a seed: of the first weights, the order of the data and the dropout",
  ),
  steps: setting(count, 1000, "Updates"),
  lists: section(ListSettings, "What the lists are made of"),
  teacher: choice(
    ModelChoice,
    "A model whose scores of the train candidates are learnt from (marginmse), mined by or filtered by",
  ),
  dropout: choice(share, "Of the model's places; left out, 0 from nothing and 0.1 for a model that is there"),
  lora: choice(
    LoraSettings,
    "Low-rank changes beside the weights (LoRA), which alone are trained, with the head; left out, all weights are",
  ),
  embedding: section(EmbeddingSettings, "Of models that give vectors (head embedding)"),
  optimizer: section(TrainOptimizer, "How weights follow their gradients"),
  validate: section(ValidateSettings, "Looking at the dev split"),
  checkpointEvery: setting(count, 250, "After how many steps a killed training can go on from"),
  tokensPerMicroBatch: choice(count, "How many tokens go through the model at once; left out, what suits the device"),
  recompute: choice(
    Schema.Boolean,
    "Whether the values inside of layers are made again on the way back instead of being kept: the same bytes in less memory, for about a third more time; left out, no",
  ),
  stepsPerRun: choice(
    count,
    "How many steps a device makes in one run, with weights and moments kept there meanwhile: the same up to rounding, with less to carry to and fro where all weights are trained; with adamw, not on webgpu; left out, one",
  ),
  threads: choice(
    count,
    "Threads on the CPU; left out, one for small models from nothing, which are then trained side by side, and else all that there are",
  ),
})
export type TrainSettings = typeof TrainSettings.Type

/** Whether a model to train is made from nothing. */
export const isScratch = (model: TrainedModel): model is ScratchSettings =>
  typeof model !== "string" && "scratch" in model

/**
 * What is trained where the settings name nothing and the collection is synthetic. T5Gemma's feed-forward layers have three
 * matrices where T5's have two, so that half as many inner numbers cost about as much.
 */
export const smallModels: ReadonlyArray<ScratchSettings> = (
  [{ scratch: "t5" }, { scratch: "t5gemma", innerWidth: 128 }] as const
).map((model) => Schema.decodeSync(ScratchSettings)(model))

/** The share of the steps over which the learning rate rises where nothing else is said. */
const usualWarmup = 0.06

/** The optimizer's settings, with what suits the model's origin where they leave it open. */
export const optimizerOf = (settings: TrainSettings, fromNothing: boolean): OptimizerSettings => {
  const { adamw, groups, learningRate, schedule, ...rest } = settings.optimizer
  const all = { name: "all", pattern: ".", scale: 1, frozen: false } as const
  const embedding = { name: "embedding", pattern: "shared|embed_tokens", scale: 4, frozen: false } as const
  return {
    ...rest,
    // From nothing, gradients change fast: their squares of a thousand steps ago say nothing.
    adamw: { ...adamw, beta2: adamw.beta2 ?? (fromNothing ? 0.98 : 0.999) },
    learningRate: learningRate ?? (fromNothing ? 1e-3 : settings.lora === undefined ? 5e-5 : 2e-4),
    schedule: schedule ?? { kind: "linear", warmup: Math.round(usualWarmup * settings.steps), end: 0 },
    groups: groups ?? (fromNothing && settings.lora === undefined ? [embedding, { ...all, name: "other" }] : [all]),
  }
}
