import * as Schema from "effect/Schema"

/** `<extra_id_10>`, whose logit is RankT5's score. */
export const rankT5Token = 32089
/** `true` and `false`, between which monoT5 chooses. */
export const monoT5Tokens = { yes: 1176, no: 6136 } as const

const or = (value: number) => Schema.optionalWith(Schema.NonNegativeInt, { default: () => value })

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
