import type { Device } from "../../schemas/index.ts"
import { scoringLanes } from "../runtime/index.ts"

/** Texts of a model's input packed into batches: which texts, in an order that is a function of their lengths alone. */
export interface Batches {
  /** Positions of the texts, the longest first; of equal ones the earlier first. */
  readonly order: Uint32Array
  /** Where each batch begins in `order`, and at last their number: batch b is order[starts[b]] … order[starts[b + 1] − 1]. */
  readonly starts: Uint32Array
  /** Tokens of all texts, and those of all batches with their padding. */
  readonly tokens: number
  readonly padded: number
}

/** One of several parts that batches are shared out to. */
export interface BatchPart {
  /** From 1. */
  readonly part: number
  readonly of: number
}

/**
 * Every `of`-th batch, from the `part`-th on: parts of alike work, as texts of all lengths are in each. A batch is the same one as in the
 * whole, and so are the last bits of what a model makes of it.
 *
 * @param lengths of all texts
 */
export const batchesOfPart = (
  { order, starts }: Batches,
  lengths: ArrayLike<number>,
  { of, part }: BatchPart,
): Batches => {
  const own: Array<number> = []
  const ownStarts: Array<number> = []
  let tokens = 0
  let padded = 0
  for (let batch = part - 1; batch < starts.length - 1; batch += of) {
    ownStarts.push(own.length)
    const texts = order.subarray(starts[batch], starts[batch + 1])
    padded += texts.length * Math.max(1, lengths[texts[0]!]!)
    for (const text of texts) {
      tokens += lengths[text]!
      own.push(text)
    }
  }
  return { order: Uint32Array.from(own), starts: Uint32Array.from([...ownStarts, own.length]), tokens, padded }
}

/**
 * Tokens a batch where nothing is said. A graphics card wants large batches. On the CPU a layer's values stay in the caches of the
 * cores: 512 tokens for each thread that works at a batch, and four times as many of a model whose layers are small.
 */
export const usualTokensPerBatch = (device: Device, weightBytes: number, threads: number): number => {
  if (device !== "cpu") return device === "webgpu" ? 8192 : 16_384
  const threadsPerBatch = Math.floor(threads / scoringLanes(weightBytes, threads))
  return (weightBytes < 2 ** 24 ? 2048 : 512) * threadsPerBatch
}

/**
 * Packs texts of these lengths so that the number of texts times the longest is at most `budget` tokens; a text that is
 * longer has a batch of its own. The longest come first, so that what does not fit into memory shows at once. A batch ends
 * before a shorter text where that leaves it more than half of what the budget allows: texts of one length need no padding,
 * which saves more than its tokens, as the exponential of a masked attention score takes a processor many times as long.
 */
export const packBatches = (lengths: ArrayLike<number>, budget: number): Batches => {
  const count = lengths.length
  let longest = 0
  for (let i = 0; i < count; i++) longest = Math.max(longest, lengths[i]!)
  // By counting: lengths are small numbers, and there may be millions of texts.
  const places = new Uint32Array(longest + 2)
  for (let i = 0; i < count; i++) places[longest - lengths[i]! + 1]!++
  for (let length = 0; length <= longest; length++) places[length + 1]! += places[length]!
  const order = new Uint32Array(count)
  let tokens = 0
  for (let i = 0; i < count; i++) {
    order[places[longest - lengths[i]!]!++] = i
    tokens += lengths[i]!
  }
  const starts: Array<number> = []
  let padded = 0
  for (let at = 0; at < count; ) {
    const width = Math.max(1, lengths[order[at]!]!)
    const allowed = Math.min(count - at, Math.max(1, Math.floor(budget / width)))
    let alike = 1
    while (alike < allowed && lengths[order[at + alike]!] === lengths[order[at]!]) alike++
    const size = 2 * alike > allowed ? alike : allowed
    starts.push(at)
    padded += size * width
    at += size
  }
  return { order, starts: Uint32Array.from([...starts, count]), tokens, padded }
}
