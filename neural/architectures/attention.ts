import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"
import { byText, type TokenBatch } from "./TokenBatch.ts"

/** How an attention layer is divided: query heads, key and value heads (each serves heads / keyHeads), their size. */
export interface Heads {
  readonly heads: number
  readonly keyHeads: number
  readonly size: number
}

/** What happens to attention scores before the softmax: scaling, soft cap, position bias, mask. */
export type ScoreRule = (scores: Floats) => Floats

const identity = (x: Floats): Floats => x

export interface SelfAttention {
  /** [batch · queries, heads · size] */
  readonly query: Floats
  /** How many tokens of each text ask. Default: all. */
  readonly queries?: Onnx.Dim
  /** [batch · sequence, keyHeads · size] */
  readonly key: Floats
  readonly value: Floats
  /** Applied to queries and keys as [batch, sequence, heads, size]. Default: nothing. */
  readonly rotate?: (x: Floats) => Floats
  /**
   * Added to all scores of a key, [batch, sequence, 1, 1]. It goes into the product as one more number of each query and key,
   * which takes half the time of adding it to the scores. Default: nothing.
   */
  readonly keyBias?: Floats
  /** Of scores [batch, heads, queries, sequence]. */
  readonly rule: ScoreRule
  /** Of the probabilities. Default: nothing. */
  readonly dropout?: (x: Floats) => Floats
}

/** Attention of tokens to all tokens of their text: [batch · queries, heads · size]. */
export const selfAttention = (
  { batch, sequence }: Pick<TokenBatch, "batch" | "sequence">,
  divided: Heads,
  layer: SelfAttention,
): Floats => {
  const { heads, keyHeads, size } = divided
  const { dropout = identity, queries = sequence, rotate = identity } = layer
  const rows = Onnx.dimensions.multiply(batch, queries)
  const split = (x: Floats, count: number, places = sequence): Floats => Onnx.reshape(x, [batch, places, count, size])
  const { keyBias } = layer
  /** With one number more where there is a bias: 1 for a query, the bias for a key. */
  const longer = (x: Floats, last: Floats | undefined): Floats =>
    last === undefined ? x : Onnx.concat([x, Onnx.expand(last, [...x.shape.slice(0, 3), 1])], 3)
  const query = longer(rotate(split(layer.query, heads, queries)), keyBias && Onnx.constant([1], [1, 1, 1, 1]))
  const key = Onnx.transpose(longer(rotate(split(layer.key, keyHeads)), keyBias), [0, 2, 3, 1])
  const length = query.shape[3] ?? size
  const value = Onnx.transpose(split(layer.value, keyHeads), [0, 2, 1, 3])
  const merged = [rows, heads * size]
  if (keyHeads === heads) {
    const scores = Onnx.matMul(Onnx.transpose(query, [0, 2, 1, 3]), key)
    const context = Onnx.matMul(dropout(Onnx.softmax(layer.rule(scores), -1)), value)
    return Onnx.reshape(Onnx.transpose(context, [0, 2, 1, 3]), merged)
  }
  // The queries that share a key are put under one another, so that keys and values need not be repeated.
  const group = heads / keyHeads
  const stacked = [batch, keyHeads, Onnx.dimensions.multiply(queries, group)]
  const byGroup = Onnx.transpose(Onnx.reshape(query, [batch, queries, keyHeads, group, length]), [0, 2, 3, 1, 4])
  const scores = Onnx.matMul(Onnx.reshape(byGroup, [...stacked, length]), key)
  const ruled = layer.rule(Onnx.reshape(scores, [batch, heads, queries, sequence]))
  const probabilities = dropout(Onnx.softmax(ruled, -1))
  const context = Onnx.matMul(Onnx.reshape(probabilities, [...stacked, sequence]), value)
  const apart = Onnx.reshape(context, [batch, keyHeads, group, queries, size])
  return Onnx.reshape(Onnx.transpose(apart, [0, 3, 1, 2, 4]), merged)
}

export interface SingleQueryAttention {
  /** One query a text, [batch, heads · size]. */
  readonly query: Floats
  /** What is attended to, before the key and value projections, [batch · sequence, width]. */
  readonly states: Floats
  /**
   * The key projection, [keyHeads · size, width]; a bias would add the same to all scores of a query, and is left out.
   * Or the keys, [batch, sequence, keyHeads, size], where they are more than a projection.
   */
  readonly key: { readonly weight: Floats } | { readonly rows: Floats }
  /** [keyHeads · size, width] */
  readonly valueWeight: Floats
  /** Of scores [batch, heads, 1, sequence]. */
  readonly rule: ScoreRule
  readonly dropout?: (x: Floats) => Floats
}

/**
 * Attention of one query a text: [batch, heads · size]. The projections of keys and values are applied to the query and to
 * the weighted mean instead of to every token: q · (W k) = (Wᵀ q) · k, and Σ p W v = W Σ p v. An entry of `states` then
 * costs 2 · heads multiplications instead of 2 · keyHeads · size.
 */
export const singleQueryAttention = (tokens: TokenBatch, divided: Heads, layer: SingleQueryAttention): Floats => {
  const { batch, sequence } = tokens
  const { heads, keyHeads, size } = divided
  const { dropout = identity } = layer
  const group = heads / keyHeads
  const width = layer.states.shape[1] ?? 0
  const states = byText(layer.states, tokens)
  const stacked = Onnx.dimensions.multiply(batch, group)
  const byKeyHead = (x: Floats, last: Onnx.Dim): Floats =>
    Onnx.reshape(Onnx.transpose(Onnx.reshape(x, [batch, keyHeads, group, last]), [1, 0, 2, 3]), [
      keyHeads,
      stacked,
      last,
    ])

  const scoresOf = (): Floats => {
    if ("rows" in layer.key) {
      const query = Onnx.reshape(layer.query, [batch, keyHeads, group, size])
      const scores = Onnx.matMul(query, Onnx.transpose(layer.key.rows, [0, 2, 3, 1]))
      return Onnx.reshape(scores, [batch, heads, 1, sequence])
    }
    const keyed = Onnx.matMul(byKeyHead(layer.query, size), Onnx.reshape(layer.key.weight, [keyHeads, size, width]))
    const columns = Onnx.transpose(Onnx.reshape(keyed, [keyHeads, batch, group, width]), [1, 3, 0, 2])
    const scores = Onnx.matMul(states, Onnx.reshape(columns, [batch, width, heads]))
    return Onnx.reshape(Onnx.transpose(scores, [0, 2, 1]), [batch, heads, 1, sequence])
  }

  const probabilities = dropout(Onnx.softmax(layer.rule(scoresOf()), -1))
  const mean = Onnx.matMul(Onnx.reshape(probabilities, [batch, heads, sequence]), states)
  const valueWeight = Onnx.transpose(Onnx.reshape(layer.valueWeight, [keyHeads, size, width]), [0, 2, 1])
  const valued = Onnx.reshape(Onnx.matMul(byKeyHead(mean, width), valueWeight), [keyHeads, batch, group, size])
  return Onnx.reshape(Onnx.transpose(valued, [1, 0, 2, 3]), [batch, heads * size])
}
