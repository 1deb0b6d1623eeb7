import * as Onnx from "../onnx/index.ts"
import { type Heads, type SelfAttention, selfAttention } from "./attention.ts"
import type { Floats } from "./Parameters.ts"
import { masked, type TokenBatch } from "./TokenBatch.ts"

/** Which keys a query at position i sees: those from i − before to i + after; undefined is all. A causal layer has `after` 0. */
export interface Window {
  readonly before: number | undefined
  readonly after: number | undefined
}

/** The same, where everything has an end. */
interface Reach {
  readonly before: number
  readonly after: number
}

/** A layer as `selfAttention` has it, but that the rule is handed the mask that it has to add. */
export interface WindowedAttention extends Omit<SelfAttention, "rule" | "keyBias"> {
  /** Of scores, and a mask that is added to them by broadcasting: 0 at what is seen, `masked` elsewhere. */
  readonly rule: (scores: Floats, mask: Floats) => Floats
}

/** What layers with the same window share. */
export interface SlidingWindow {
  /** Attention of all tokens to those in their window: [batch · sequence, heads · size]. */
  readonly attention: (divided: Heads, layer: WindowedAttention) => Floats
  /** The mask of each text's first token, [batch, 1, 1, sequence]. */
  readonly ofFirst: Floats
}

/** The mask of some queries, [1, 1, queries, sequence]. */
const windowMask = ({ after, before }: Reach, tokens: TokenBatch, queries: Onnx.Dim): Floats => {
  const keys = Onnx.unsqueeze(Onnx.range(tokens.sequence, "int64"), [0])
  const relative = Onnx.subtract(keys, Onnx.unsqueeze(Onnx.range(queries, "int64"), [1]))
  const seen = Onnx.and(Onnx.lessOrEqual(relative, after), Onnx.greaterOrEqual(relative, -before))
  // The minimum, not the sum: two of the lowest floats would make an infinity.
  const mask = Onnx.where(seen, Onnx.scalar(0), Onnx.scalar(masked))
  return Onnx.minimum(tokens.visibility, Onnx.unsqueeze(mask, [0, 1]))
}

/** Queries of a block at once, at most: larger blocks see more that lies outside the window, smaller ones copy keys more often. */
const largestBlock = 128

/** How a window is cut: blocks of `size` positions, each of which sees itself and so many blocks on either side. */
interface Cut {
  readonly size: number
  readonly before: number
  readonly after: number
  /** Keys that a query is compared with. */
  readonly keys: number
}

const cutOf = ({ after, before }: Reach): Cut => {
  const size = Math.min(Math.max(before, after, 1), largestBlock)
  const blocks = { before: Math.ceil(before / size), after: Math.ceil(after / size) }
  return { size, ...blocks, keys: size * (blocks.before + 1 + blocks.after) }
}

/**
 * Attention in blocks: the queries of a block, to its own keys and those of its neighbours. For n tokens that are n · keys scores
 * instead of n². The masks leave of them what lies in the window, so that the result is that of the full matrix with a mask.
 */
const inBlocks = (window: Reach, tokens: TokenBatch) => {
  const { batch, sequence } = tokens
  const cut = cutOf(window)
  const { add, multiply, subtract } = Onnx.dimensions
  const blocks = Onnx.dimensions.dividedUp(sequence, cut.size)
  if (blocks === undefined) throw new Onnx.ShapeError("Window", [[sequence]], "the length must be an input's axis")
  const padded = multiply(blocks, cut.size)
  const missing = subtract(padded, sequence)

  /** With so many entries of a value before and behind those of an axis. */
  const widened = (x: Floats, axis: number, before: number, behind: Onnx.Dim, value: number): Floats => {
    const edge = (size: Onnx.Dim): Floats =>
      Onnx.expand(
        Onnx.scalar(value),
        x.shape.map((own, each) => (each === axis ? size : own)),
      )
    return Onnx.concat([...(before === 0 ? [] : [edge(before)]), x, edge(behind)], axis)
  }
  /** Of an axis, the part that each block sees: [..., positions, ...] as [..., blocks, keys, ...]. */
  const seenByBlocks = (x: Floats, axis: number, value: number): Floats => {
    const all = widened(x, axis, cut.before * cut.size, add(missing, cut.after * cut.size), value)
    const count = add(blocks, cut.before + cut.after)
    const apart = Onnx.reshape(all, [...x.shape.slice(0, axis), count, cut.size, ...x.shape.slice(axis + 1)])
    const parts = Array.from({ length: cut.before + 1 + cut.after }, (_, shift) =>
      Onnx.slice(apart, axis, shift, add(blocks, shift)),
    )
    return Onnx.concat(parts, axis + 1)
  }

  const inWindow = new Float32Array(cut.size * cut.keys)
  for (let query = 0; query < cut.size; query++) {
    for (let key = 0; key < cut.keys; key++) {
      const relative = key - cut.before * cut.size - query
      if (relative < -window.before || relative > window.after) inWindow[query * cut.keys + key] = masked
    }
  }
  const visible = seenByBlocks(Onnx.reshape(tokens.visibility, [batch, sequence]), 1, masked)
  const mask = Onnx.minimum(
    Onnx.reshape(visible, [batch, 1, blocks, 1, 1, cut.keys]),
    Onnx.constant(inWindow, [1, 1, 1, 1, cut.size, cut.keys]),
  )

  return (divided: Heads, layer: WindowedAttention): Floats => {
    const { heads, keyHeads, size } = divided
    const { dropout = (x: Floats) => x, rotate = (x: Floats) => x } = layer
    const group = heads / keyHeads
    const keysOf = (x: Floats): Floats => seenByBlocks(Onnx.transpose(x, [0, 2, 1, 3]), 2, 0)
    const split = (x: Floats, count: number): Floats => Onnx.reshape(x, [batch, sequence, count, size])
    const stacked = [batch, keyHeads, blocks, group * cut.size]
    const apart = [batch, keyHeads, blocks, group, cut.size]

    const query = widened(rotate(split(layer.query, heads)), 1, 0, missing, 0)
    const byBlock = Onnx.transpose(
      Onnx.reshape(query, [batch, blocks, cut.size, keyHeads, group, size]),
      [0, 3, 1, 4, 2, 5],
    )
    const key = Onnx.transpose(keysOf(rotate(split(layer.key, keyHeads))), [0, 1, 2, 4, 3])
    const scores = Onnx.matMul(Onnx.reshape(byBlock, [...stacked, size]), key)
    const ruled = layer.rule(Onnx.reshape(scores, [...apart, cut.keys]), mask)
    const probabilities = Onnx.reshape(dropout(Onnx.softmax(ruled, -1)), [...stacked, cut.keys])
    const context = Onnx.matMul(probabilities, keysOf(split(layer.value, keyHeads)))
    const inOrder = Onnx.transpose(Onnx.reshape(context, [...apart, size]), [0, 2, 4, 1, 3, 5])
    const rows = Onnx.slice(Onnx.reshape(inOrder, [batch, padded, heads * size]), 1, 0, sequence)
    return Onnx.reshape(rows, [multiply(batch, sequence), heads * size])
  }
}

/**
 * The attention of layers with a window. A graph for texts that the window covers is one of plain attention; one for texts that are
 * hardly longer than what a block sees has the window as a mask of the full matrix; and one for longer texts goes by blocks.
 *
 * @param maximumTokens the longest text that the graph is for
 */
export const slidingWindow = (tokens: TokenBatch, window: Window, maximumTokens: number): SlidingWindow => {
  const { after = maximumTokens, before = maximumTokens } = window
  const reach = { before, after }
  const withMask =
    (mask: Floats) =>
    (divided: Heads, layer: WindowedAttention): Floats =>
      selfAttention(tokens, divided, { ...layer, rule: (scores) => layer.rule(scores, mask) })
  if (Math.min(before, after) >= maximumTokens - 1) {
    return { attention: withMask(tokens.visibility), ofFirst: tokens.visibility }
  }
  const byBlocks = maximumTokens > cutOf(reach).keys
  return {
    attention: byBlocks ? inBlocks(reach, tokens) : withMask(windowMask(reach, tokens, tokens.sequence)),
    ofFirst: windowMask(reach, tokens, 1),
  }
}
