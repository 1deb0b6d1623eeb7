import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"

/**
 * Added to the attention score of a position that must not be seen: the lowest float32. exp(score − maximum) is then
 * exactly zero, and no infinity arises that could become NaN.
 */
export const masked = -3.4028234663852886e38

/** A batch of token sequences, padded to one length. */
export interface TokenBatch {
  readonly batch: Onnx.Dim
  readonly sequence: Onnx.Dim
  /** int64 [batch, sequence] */
  readonly ids: Onnx.Expression<"int64">
  /** int64 [batch, sequence]: 1 at tokens, 0 at padding */
  readonly attentionMask: Onnx.Expression<"int64">
  /** int64 [batch, sequence]: which segment a token belongs to, for architectures that distinguish them */
  readonly tokenTypes: Onnx.Expression<"int64">
  /** int64 [batch, sequence]: 1 at the tokens that a mean is of, for models that leave some out */
  readonly poolingMask: Onnx.Expression<"int64">
  /** The mask as floats, [batch, sequence]. */
  readonly mask: Floats
  /** 0 at tokens and `masked` at padding, [batch, 1, 1, sequence]: to be added to attention scores. */
  readonly visibility: Floats
  /** How these tokens are fed where the texts begin alike; undefined where each text is fed whole. */
  readonly beginning?: Beginning
}

/** A beginning that all texts of a batch have, fed once, and what follows in each. */
export interface Beginning {
  /** Tokens of the beginning, at least one. */
  readonly shared: Onnx.Dim
  /** int64 [1, shared] */
  readonly sharedIds: Onnx.Expression<"int64">
  /** Tokens behind it, and they themselves, int64 [batch, rest]. */
  readonly rest: Onnx.Dim
  readonly restIds: Onnx.Expression<"int64">
}

/**
 * The inputs of a graph over token sequences, under the names that Hugging Face's exports use.
 *
 * @param suffix what follows those names, where a graph has several batches
 */
export const tokenBatch = (suffix = ""): TokenBatch => {
  const batch = Onnx.dimensions.named(`batch${suffix}`)
  const sequence = Onnx.dimensions.named(`sequence${suffix}`)
  const ids = Onnx.input(`input_ids${suffix}`, "int64", [batch, sequence])
  const attentionMask = Onnx.input(`attention_mask${suffix}`, "int64", [batch, sequence])
  const tokenTypes = Onnx.input(`token_type_ids${suffix}`, "int64", [batch, sequence])
  const poolingMask = Onnx.input(`pooling_mask${suffix}`, "int64", [batch, sequence])
  return { batch, sequence, ids, attentionMask, tokenTypes, poolingMask, ...maskOf(attentionMask, batch, sequence) }
}

/** What a mask of the tokens comes to. */
const maskOf = (
  attentionMask: Onnx.Expression<"int64">,
  batch: Onnx.Dim,
  sequence: Onnx.Dim,
): Pick<TokenBatch, "mask" | "visibility"> => {
  const mask = Onnx.cast(attentionMask, "float32")
  const visibility = Onnx.multiply(Onnx.subtract(Onnx.scalar(1), mask), masked)
  return { mask, visibility: Onnx.reshape(visibility, [batch, 1, 1, sequence]) }
}

/** The inputs of a graph over token sequences that begin alike. */
export interface SharedInputs {
  /** The sequences as a whole, made of the inputs. */
  readonly tokens: TokenBatch
  readonly inputs: readonly Onnx.Expression<"int64">[]
}

/**
 * The inputs of a graph over token sequences that begin alike: `shared_ids` and `shared_mask` [1, shared], the beginning, and of what
 * follows in each text `input_ids` and `attention_mask` [batch, rest]. Where texts have no common token, one under a mask of 0 stands
 * for it.
 */
export const sharedBatch = (): SharedInputs => {
  const [batch, shared, rest] = [
    Onnx.dimensions.named("batch"),
    Onnx.dimensions.named("shared"),
    Onnx.dimensions.named("rest"),
  ]
  const sequence = Onnx.dimensions.add(shared, rest)
  const sharedIds = Onnx.input("shared_ids", "int64", [1, shared])
  const sharedMask = Onnx.input("shared_mask", "int64", [1, shared])
  const restIds = Onnx.input("input_ids", "int64", [batch, rest])
  const restMask = Onnx.input("attention_mask", "int64", [batch, rest])
  const joined = (one: Onnx.Expression<"int64">, each: Onnx.Expression<"int64">): Onnx.Expression<"int64"> =>
    Onnx.concat([Onnx.expand(one, [batch, shared]), each], 1)
  const ids = joined(sharedIds, restIds)
  const attentionMask = joined(sharedMask, restMask)
  const nothing = Onnx.multiply(ids, Onnx.integers([0], [1, 1]))
  return {
    inputs: [sharedIds, sharedMask, restIds, restMask],
    tokens: {
      ...{ batch, sequence, ids, attentionMask },
      ...{ tokenTypes: nothing, poolingMask: attentionMask },
      ...maskOf(attentionMask, batch, sequence),
      beginning: { shared, sharedIds, rest, restIds },
    },
  }
}

/** How many rows layers over all tokens have: of the texts whole, and of their common beginning and what follows it. */
export const tokenRowsOf = ({ batch, beginning, sequence }: TokenBatch): readonly Onnx.Dim[] => {
  const { add, multiply } = Onnx.dimensions
  const whole = multiply(batch, sequence)
  return beginning === undefined ? [whole] : [whole, add(beginning.shared, multiply(batch, beginning.rest))]
}

/** The ids in one row, [batch · sequence]: the encoders work on rows of tokens. */
export const flatIds = (tokens: TokenBatch): Onnx.Expression<"int64"> =>
  Onnx.reshape(tokens.ids, [Onnx.dimensions.multiply(tokens.batch, tokens.sequence)])

/** Rows of tokens [batch · sequence, width] as [batch, sequence, width]. */
export const byText = (rows: Floats, tokens: TokenBatch): Floats =>
  Onnx.reshape(rows, [tokens.batch, tokens.sequence, rows.shape[1] ?? 0])

/** The position of each text's last token that is no padding, [batch, 1]; without tokens 0. */
export const lastPositions = ({ mask, sequence }: TokenBatch): Floats =>
  Onnx.reduceMax(Onnx.multiply(mask, Onnx.unsqueeze(Onnx.range(sequence, "float32"), [0])), [1], true)

/** The row of each text's last token that is no padding, wherever padding stands, [batch, width]; without tokens the first row. */
export const lastRows = (rows: Floats, tokens: TokenBatch): Floats => {
  const { batch, sequence } = tokens
  const places = Onnx.unsqueeze(Onnx.range(sequence, "float32"), [0])
  const last = lastPositions(tokens)
  const chosen = Onnx.cast<"float32">(Onnx.equal(places, last), "float32")
  const row = Onnx.matMul(Onnx.reshape(chosen, [batch, 1, sequence]), byText(rows, tokens))
  return Onnx.reshape(row, [batch, rows.shape[1] ?? 0])
}

/** The row of each text's first token, [batch, width]. */
export const firstRows = (rows: Floats, tokens: TokenBatch): Floats =>
  Onnx.reshape(Onnx.slice(byText(rows, tokens), 1, 0, 1), [tokens.batch, rows.shape[1] ?? 0])
