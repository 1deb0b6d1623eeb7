import * as Schema from "effect/Schema"
import { choice, count, section, setting, share } from "./Setting.ts"

export const LossName = Schema.Literal(
  "pointwise",
  "pairwise",
  "hinge",
  "softmax",
  "poly1",
  "listmle",
  "lambdarank",
  "marginmse",
  "hybrid",
)
export type LossName = typeof LossName.Type

const Pointwise = Schema.Struct({
  targets: setting(
    Schema.Literal("graded", "binary"),
    "graded",
    "An item's target: its grade as a share of its list's highest, or 1 where it is relevant",
  ),
})

const Hinge = Schema.Struct({
  margin: setting(Schema.Number.pipe(Schema.positive()), 1, "By how much the better item of a pair has to lead"),
})

const Poly1 = Schema.Struct({
  epsilon: setting(
    Schema.Number.pipe(Schema.greaterThan(-1), Schema.finite()),
    1,
    "Weight of Σ target · (1 − p) beside the softmax cross-entropy",
  ),
})

const LambdaRank = Schema.Struct({
  gain: setting(Schema.Literal("linear", "exponential"), "linear", "An item's gain: its grade, or 2^grade − 1"),
  cutoff: choice(count, "The rank behind which nothing is gained; left out, the whole list counts"),
})

export const HybridScope = Schema.Literal("all", "remainder", "remainder+relevant")
export type HybridScope = typeof HybridScope.Type

const Hybrid = Schema.Struct({
  alpha: setting(share, 0.5, "Share of the pairwise part"),
  k: setting(count, 5, "Pairs count that have an item among the first k"),
  scope: setting(
    HybridScope,
    "all",
    "What the softmax goes over: all items, those behind rank k, or those and every relevant one",
  ),
})

/** The parameters of all losses. */
export const LossSettings = Schema.Struct({
  pointwise: section(Pointwise, "Cross-entropy of each item on its own"),
  hinge: section(Hinge, "Hinge over pairs"),
  poly1: section(Poly1, "Softmax cross-entropy with its first polynomial term reweighted"),
  lambdarank: section(LambdaRank, "Pairwise logistic, each pair weighted by what exchanging it does to nDCG"),
  hybrid: section(Hybrid, "Pairwise at the top, softmax for the list"),
})
export type LossSettings = typeof LossSettings.Type

/** A loss with its own parameters. */
export const Loss = Schema.Union(
  Schema.Struct({ kind: Schema.Literal("pairwise", "softmax", "listmle", "marginmse") }),
  Schema.Struct({ kind: Schema.Literal("pointwise"), ...Pointwise.fields }),
  Schema.Struct({ kind: Schema.Literal("hinge"), ...Hinge.fields }),
  Schema.Struct({ kind: Schema.Literal("poly1"), ...Poly1.fields }),
  Schema.Struct({ kind: Schema.Literal("lambdarank"), ...LambdaRank.fields }),
  Schema.Struct({ kind: Schema.Literal("hybrid"), ...Hybrid.fields }),
)
export type Loss = typeof Loss.Type

/** The loss of a name, with its own of all parameters. */
export const lossOf = (name: LossName, settings: LossSettings): Loss => {
  switch (name) {
    case "pairwise":
    case "softmax":
    case "listmle":
    case "marginmse":
      return { kind: name }
    case "pointwise":
      return { kind: name, ...settings.pointwise }
    case "hinge":
      return { kind: name, ...settings.hinge }
    case "poly1":
      return { kind: name, ...settings.poly1 }
    case "lambdarank":
      return { kind: name, ...settings.lambdarank }
    case "hybrid":
      return { kind: name, ...settings.hybrid }
  }
}

/** Whether a loss needs a teacher's scores. */
export const needsTeacher = (loss: Loss): boolean => loss.kind === "marginmse"
