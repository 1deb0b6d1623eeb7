import * as Schema from "effect/Schema"
import type { Architecture, PretrainedConfig } from "./config.ts"

/** `<extra_id_10>`, whose logit is RankT5's score. */
export const rankT5Token = 32089
/** `true` and `false`, between which monoT5 chooses. */
export const monoT5Tokens = { yes: 1176, no: 6136 } as const

/** What makes a score out of an encoder's states. */
export const Head = Schema.Union(
  /** A linear layer on the first token's state. */
  Schema.Struct({ kind: Schema.Literal("first-token") }),
  /** A linear layer on the mean state of the tokens. */
  Schema.Struct({ kind: Schema.Literal("masked-mean") }),
  /** A linear layer on the mean state, weighted by a softmax over a learned product with each state. */
  Schema.Struct({ kind: Schema.Literal("attention-pooling") }),
  /** One decoder step; the logit of one vocabulary entry (RankT5-EncDec). */
  Schema.Struct({ kind: Schema.Literal("decoder-logit"), token: Schema.NonNegativeInt }),
  /** One decoder step; the log-probability of `yes` against `no` (monoT5). */
  Schema.Struct({ kind: Schema.Literal("decoder-choice"), yes: Schema.NonNegativeInt, no: Schema.NonNegativeInt }),
  /** The classifier of a Hugging Face sequence classifier; with several labels, the log-probability of one. */
  Schema.Struct({
    kind: Schema.Literal("classifier"),
    labels: Schema.Int.pipe(Schema.positive()),
    label: Schema.NonNegativeInt,
  }),
  /** No score, but the mean state as a vector of length 1: the score of two texts is their vectors' product. */
  Schema.Struct({ kind: Schema.Literal("embedding") }),
)
export type Head = typeof Head.Type
export type HeadKind = Head["kind"]

/** The heads that an architecture has. */
export const headsOf = (architecture: Architecture): readonly HeadKind[] => {
  const pooled: readonly HeadKind[] = ["first-token", "masked-mean", "attention-pooling", "embedding"]
  switch (architecture.family) {
    case "t5":
      return [...pooled, "decoder-logit", "decoder-choice"]
    case "t5gemma":
      return pooled
    case "bert":
      return [...pooled, "classifier"]
  }
}

/** The head that a checkpoint was saved with, as far as its class says it; undefined where a head must be chosen. */
export const headOf = (config: PretrainedConfig): Head | undefined => {
  const { architecture, classes, labels } = config
  const name = classes[0] ?? ""
  if (architecture.family === "bert") {
    if (name.endsWith("ForSequenceClassification")) {
      return { kind: "classifier", labels, label: labels === 1 ? 0 : 1 }
    }
    return name.endsWith("Model") ? { kind: "embedding" } : undefined
  }
  return undefined
}
