import * as Schema from "effect/Schema"

/** `<extra_id_10>`, whose logit is RankT5's score. */
export const rankT5Token = 32089
/** `true` and `false`, between which monoT5 chooses. */
export const monoT5Tokens = { yes: 1176, no: 6136 } as const

const or = (value: number) => Schema.optionalWith(Schema.NonNegativeInt, { default: () => value })

/** How a text's states become one vector, by the names of sentence-transformers. */
export const Pooling = Schema.Literal("mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens")
export type Pooling = typeof Pooling.Type

/** The functions of a module Dense that are built, by torch's names. */
export const DenseActivation = Schema.Literal("Identity", "Tanh", "ReLU", "GELU", "Sigmoid")
export type DenseActivation = typeof DenseActivation.Type

const size = Schema.Int.pipe(Schema.positive())

/** A module Dense of sentence-transformers: a linear layer on a text's vector, and a function of each of its numbers. */
export const DenseLayer = Schema.Struct({
  inputs: size,
  outputs: size,
  bias: Schema.Boolean,
  activation: DenseActivation,
  /** Whether a module Normalize before it gives its input length 1. */
  normalizedInput: Schema.optionalWith(Schema.Boolean, { exact: true }),
})
export type DenseLayer = typeof DenseLayer.Type

/** What makes a score out of an encoder's states. */
export const Head = Schema.Union(
  /** A linear layer on the first token's state. */
  Schema.Struct({ kind: Schema.Literal("first-token") }),
  /** A linear layer on the mean state of the tokens. */
  Schema.Struct({ kind: Schema.Literal("masked-mean") }),
  /** A linear layer on the mean state, weighted by a softmax over a learned product with each state. */
  Schema.Struct({ kind: Schema.Literal("attention-pooling") }),
  /** One decoder step; the logit of one vocabulary entry (RankT5-EncDec). */
  Schema.Struct({ kind: Schema.Literal("decoder-logit"), token: or(rankT5Token) }),
  /** One decoder step; the log-probability of `yes` against `no` (monoT5). */
  Schema.Struct({ kind: Schema.Literal("decoder-choice"), yes: or(monoT5Tokens.yes), no: or(monoT5Tokens.no) }),
  /**
   * The classifier of a Hugging Face sequence classifier; with several labels, the log-probability of one, or its logit where the
   * labels are independent of one another.
   */
  Schema.Struct({
    kind: Schema.Literal("classifier"),
    labels: Schema.Int.pipe(Schema.positive()),
    label: Schema.NonNegativeInt,
    independent: Schema.optionalWith(Schema.Boolean, { exact: true }),
  }),
  /**
   * No score, but a vector: the score of two texts is their vectors' product. The vector is pooled of the tokens' states, and of
   * length 1 if nothing else is said; the names are those of sentence-transformers.
   */
  Schema.Struct({
    kind: Schema.Literal("embedding"),
    /** Left out, mean. */
    pooling: Schema.optionalWith(Pooling, { exact: true }),
    /** Whether the tokens of a text's prompt are left out of the mean. */
    leavesOutPrompt: Schema.optionalWith(Schema.Boolean, { exact: true }),
    /** The linear layers that the pooled vector goes through, in their order. */
    dense: Schema.optionalWith(Schema.NonEmptyArray(DenseLayer), { exact: true }),
    /** Whether a module Normalize gives the result length 1. */
    normalized: Schema.optionalWith(Schema.Boolean, { exact: true }),
    /** So many of its first numbers are taken; left out, all. */
    truncateDim: Schema.optionalWith(Schema.Int.pipe(Schema.positive()), { exact: true }),
    /** With cosine, which is what is meant where it is left out, the result has length 1. */
    similarity: Schema.optionalWith(Schema.Literal("cosine", "dot"), { exact: true }),
  }),
)
export type Head = typeof Head.Type
export type HeadKind = Head["kind"]
