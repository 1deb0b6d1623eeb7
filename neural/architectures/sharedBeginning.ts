import * as Onnx from "../onnx/index.ts"
import { selfAttention } from "./attention.ts"
import type { Floats } from "./Parameters.ts"
import { positionsOf } from "./rotary.ts"
import type { SlidingWindow } from "./slidingWindow.ts"
import { type Beginning, masked, type TokenBatch } from "./TokenBatch.ts"

/** The tokens of texts that begin alike, the beginning once: a batch of one row, of shared + batch · rest tokens. */
export interface SharedBeginning {
  readonly batch: 1
  readonly sequence: Onnx.Dim
  /** int64 [sequence] */
  readonly ids: Onnx.Expression<"int64">
  /** The place of each token in its text, [sequence, 1]. */
  readonly positions: Floats
  /** Attention of each token to those of its text up to itself: [sequence, heads · size]. */
  readonly attention: SlidingWindow["attention"]
  /** The rows of all texts, whole: [batch · (shared + rest), width]. */
  readonly joined: (rows: Floats) => Floats
}

/** 0 where a key stands at most at its query's place, `masked` elsewhere: [1, 1, queries, keys]. */
const causal = (queries: Floats, keys: Onnx.Dim): Floats => {
  const places = Onnx.reshape(Onnx.range(keys, "float32"), [1, keys])
  const seen = Onnx.lessOrEqual(places, queries)
  return Onnx.unsqueeze(Onnx.where(seen, Onnx.scalar(0), Onnx.scalar(masked)), [0, 1])
}

/**
 * The tokens of a batch of texts that begin alike, for layers in which a token sees those before it: what such layers make of the
 * beginning is the same for all texts, and is computed once.
 */
export const sharedBeginning = (tokens: TokenBatch, beginning: Beginning): SharedBeginning => {
  const { add, multiply } = Onnx.dimensions
  const { batch, sequence: length, visibility } = tokens
  const { rest, restIds, shared, sharedIds } = beginning
  const behind = multiply(batch, rest)
  const sequence = add(shared, behind)
  const restPositions = Onnx.add(positionsOf(rest), Onnx.dimension(shared, "float32"))
  const masks = {
    shared: causal(positionsOf(shared), shared),
    // The minimum, not the sum: two of the lowest floats would make an infinity.
    rest: Onnx.minimum(visibility, causal(restPositions, length)),
  }
  const sharedRows = (rows: Floats): Floats => Onnx.slice(rows, 0, 0, shared)
  const restRows = (rows: Floats): Floats => Onnx.slice(rows, 0, shared, sequence)
  const joined = (rows: Floats): Floats => {
    const width = rows.shape[1] ?? 0
    const first = Onnx.expand(Onnx.reshape(sharedRows(rows), [1, shared, width]), [batch, shared, width])
    const whole = Onnx.concat([first, Onnx.reshape(restRows(rows), [batch, rest, width])], 1)
    return Onnx.reshape(whole, [multiply(batch, length), width])
  }
  return {
    batch: 1,
    sequence,
    ids: Onnx.concat([Onnx.reshape(sharedIds, [shared]), Onnx.reshape(restIds, [behind])], 0),
    positions: Onnx.concat(
      [
        positionsOf(shared),
        Onnx.reshape(Onnx.expand(Onnx.unsqueeze(restPositions, [0]), [batch, rest, 1]), [behind, 1]),
      ],
      0,
    ),
    joined,
    attention: (divided, { key, query, rule, value, ...layer }) => {
      const first = selfAttention({ batch: 1, sequence: shared }, divided, {
        ...layer,
        query: sharedRows(query),
        key: sharedRows(key),
        value: sharedRows(value),
        rule: (scores) => rule(scores, masks.shared),
      })
      const others = selfAttention({ batch, sequence: length }, divided, {
        ...layer,
        query: restRows(query),
        queries: rest,
        key: joined(key),
        value: joined(value),
        rule: (scores) => rule(scores, masks.rest),
      })
      return Onnx.concat([first, others], 0)
    },
  }
}
