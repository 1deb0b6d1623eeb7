import * as Schema from "effect/Schema"
import { choice, section, setting, share, weight } from "./Setting.ts"

/** A share that is not the whole. */
export const belowOne = Schema.Number.pipe(Schema.greaterThanOrEqualTo(0), Schema.lessThan(1))
const positive = Schema.Number.pipe(Schema.positive(), Schema.finite())

/** How the learning rate goes over the steps, as a share of its height. */
export const ScheduleSettings = Schema.Struct({
  kind: setting(
    Schema.Literal("constant", "linear", "cosine"),
    "linear",
    "What follows the warm-up: it stays, falls on a line, or falls on half a cosine",
  ),
  warmup: setting(Schema.NonNegativeInt, 0, "Steps over which it rises on a line"),
  end: setting(share, 0, "The share it has fallen to when the last step is done"),
})
export type ScheduleSettings = typeof ScheduleSettings.Type

/** Weights that learn alike. */
export const GroupSettings = Schema.Struct({
  name: Schema.NonEmptyString.annotations({ description: "What the group is called in the log" }),
  pattern: Schema.NonEmptyString.annotations({
    description:
      "A regular expression that is looked for in the weights' names; a weight belongs to the first group that it fits",
  }),
  scale: setting(weight, 1, "The group's learning rate as a multiple of the optimizer's"),
  schedule: choice(ScheduleSettings, "The group's own schedule; left out, the optimizer's"),
  frozen: setting(Schema.Boolean, false, "Whether its weights stay as they are: then no gradient is computed for them"),
})
export type GroupSettings = typeof GroupSettings.Type

export const AdamWSettings = Schema.Struct({
  beta1: setting(belowOne, 0.9, "How much of the mean gradient is kept at each step"),
  beta2: setting(belowOne, 0.999, "How much of the mean squared gradient is kept at each step"),
  epsilon: setting(positive, 1e-8, "Added to the root of the mean squared gradient"),
})
export type AdamWSettings = typeof AdamWSettings.Type

const Adafactor = Schema.Struct({
  relativeStep: setting(
    Schema.Boolean,
    false,
    "Whether the step is min(10⁻², 1/√t) (10⁻⁶ t before, with warmupInit), and the learning rate is not read",
  ),
  warmupInit: setting(Schema.Boolean, false, "Whether the relative step begins small"),
  scaleParameter: setting(Schema.Boolean, false, "Whether the step is multiplied by the weight's own root mean square"),
  clipThreshold: setting(positive, 1, "The largest root mean square of an update before the learning rate"),
  decayRate: setting(
    Schema.Number.pipe(Schema.lessThan(0), Schema.finite()),
    -0.8,
    "The mean squared gradient keeps 1 − t^decayRate at step t",
  ),
  beta1: choice(belowOne, "How much of the mean update is kept at each step; left out, there is no momentum"),
  epsilonGradient: setting(positive, 1e-30, "Added to the squared gradient"),
  epsilonScale: setting(positive, 1e-3, "The least root mean square that a weight is taken to have"),
})
export type AdafactorSettings = typeof Adafactor.Type

/** How weights follow their gradients. */
export const OptimizerSettings = Schema.Struct({
  kind: setting(Schema.Literal("adamw", "adafactor"), "adamw", "AdamW, or Adafactor with its factored second moments"),
  learningRate: setting(weight, 1e-4, "The height of the learning rate"),
  schedule: section(ScheduleSettings, "How the learning rate goes over the steps"),
  weightDecay: setting(weight, 0.01, "Decoupled decay: a weight loses learning rate · decay of itself at a step"),
  withoutDecay: setting(
    Schema.String,
    "bias|[nN]orm",
    "A regular expression: weights whose names it is found in do not decay; empty, all decay",
  ),
  clip: setting(weight, 1, "The gradient's largest norm over all weights: above it, it is scaled down; 0, never"),
  embeddings: setting(
    Schema.Literal("all", "touched"),
    "all",
    "Which rows of embedding tables a step updates: all, or, much cheaper for large vocabularies, those that occur in it",
  ),
  groups: setting(
    Schema.NonEmptyArray(GroupSettings),
    [{ name: "all", pattern: ".", scale: 1, frozen: false }],
    "Weights that learn alike, by patterns of their names",
  ),
  adamw: section(AdamWSettings, "Of AdamW"),
  adafactor: section(Adafactor, "Of Adafactor"),
})
export type OptimizerSettings = typeof OptimizerSettings.Type
