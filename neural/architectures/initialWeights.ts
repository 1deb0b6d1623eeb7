import * as Either from "effect/Either"
import { HeadUnsuitable } from "./ArchitectureError.ts"
import type { ModelDescription, ModelTensor } from "./Model.ts"
import { normalWeights } from "./normalWeights.ts"
import type { T5Config } from "./T5.ts"
import type { T5GemmaConfig } from "./T5Gemma.ts"

/**
 * How attention begins. `plain`: queries and keys apart, as large models are begun. `matching`: keys are the queries' twins, so
 * that a token attends to its like elsewhere in the text; a small model that has to compare words it saw a few times learns
 * this late, or not at all, by itself.
 */
export type Initialisation = "plain" | "matching"

/** About what a token's attention score for its like begins with, where it is to match. */
const sameTokenScore = 8

/** What the position bias of a T5 begins with at the token itself, so that its like is looked for elsewhere. */
const selfBias = -4

/** By how many positions the keys of a T5Gemma's heads are turned, for the same reason: a head each, and again from the first. */
const turns = [14, -14, 22, -22] as const

/** The standard deviation at which a token's states, of root mean square 1, give its like this score. */
const matchingDeviation = (width: number, headSize: number, scale: number): number =>
  Math.sqrt(sameTokenScore / (scale * headSize * width))

/** A T5 has its position bias in a table; one head is left as it is, to see the token itself. */
const t5SelfBias = (config: T5Config): Float32Array<ArrayBuffer> => {
  const { buckets, heads } = config
  const bias = new Float32Array(buckets * heads)
  // Distance 0 has bucket 0.
  for (let head = 0; head < heads - 1; head++) bias[head] = selfBias
  return bias
}

/**
 * Turns each head's keys by a fixed number of positions, as the rotary embedding would: their best match then lies that far
 * away, and not at the token itself.
 */
const turned = (keys: Float32Array, config: T5GemmaConfig): Float32Array<ArrayBuffer> => {
  const { headSize, keyHeads, ropeTheta, width } = config
  const half = headSize / 2
  const result = new Float32Array(keys.length)
  for (let head = 0; head < keyHeads; head++) {
    const turn = turns[head % turns.length]!
    for (let pair = 0; pair < half; pair++) {
      const angle = turn * ropeTheta ** ((-2 * pair) / headSize)
      const [cosine, sine] = [Math.cos(angle), Math.sin(angle)]
      const first = (head * headSize + pair) * width
      const second = first + half * width
      for (let i = 0; i < width; i++) {
        const [x, y] = [keys[first + i]!, keys[second + i]!]
        result[first + i] = x * cosine - y * sine
        result[second + i] = y * cosine + x * sine
      }
    }
  }
  return result
}

/** Of grouped heads the queries of several share a key: the first of each group is its twin. */
const firstOfGroups = (queries: Float32Array, config: T5GemmaConfig): Float32Array<ArrayBuffer> => {
  const { headSize, heads, keyHeads, width } = config
  const rows = headSize * width
  const result = new Float32Array(keyHeads * rows)
  for (let head = 0; head < keyHeads; head++) {
    const from = head * (heads / keyHeads) * rows
    result.set(queries.subarray(from, from + rows), head * rows)
  }
  return result
}

/** The weights of a linear layer: states of root mean square 1 stay so. */
const fanIn = (seed: number, { name, shape }: ModelTensor): Float32Array<ArrayBuffer> => {
  const [rows = 0, columns = 0] = shape
  return normalWeights(seed, name, rows * columns, columns ** -0.5)
}

const filled = ({ shape }: ModelTensor, value: number): Float32Array<ArrayBuffer> =>
  new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value)

const t5Weights = (
  config: T5Config,
  seed: number,
  initialisation: Initialisation,
  tensor: ModelTensor,
): Float32Array<ArrayBuffer> => {
  const { headSize, heads, width } = config
  const { name } = tensor
  const count = heads * headSize * width
  if (name.endsWith("norm.weight")) return filled(tensor, 1)
  if (name === "shared.weight") return normalWeights(seed, name, config.vocabulary * width, 1)
  if (name.endsWith("relative_attention_bias.weight")) {
    return initialisation === "matching"
      ? t5SelfBias(config)
      : normalWeights(seed, name, config.buckets * heads, width ** -0.5)
  }
  const isQuery = name.endsWith("SelfAttention.q.weight")
  if (initialisation === "matching" && (isQuery || name.endsWith("SelfAttention.k.weight"))) {
    const deviation = matchingDeviation(width, headSize, 1)
    return normalWeights(seed, name.replace("Attention.k.", "Attention.q."), count, deviation)
  }
  // T5 does not divide its scores by the root of the heads' size; its queries begin so much smaller.
  return isQuery ? normalWeights(seed, name, count, (width * headSize) ** -0.5) : fanIn(seed, tensor)
}

const t5GemmaWeights = (
  config: T5GemmaConfig,
  seed: number,
  initialisation: Initialisation,
  tensor: ModelTensor,
): Float32Array<ArrayBuffer> => {
  const { headSize, heads, queryScale, width } = config
  const { name } = tensor
  // The stored weight of a normalisation is an offset from one.
  if (name.endsWith("norm.weight")) return filled(tensor, 0)
  // Embeddings are multiplied by the root of the width.
  if (name === "encoder.embed_tokens.weight") {
    return normalWeights(seed, name, config.vocabulary * width, width ** -0.5)
  }
  if (initialisation === "matching" && /\.[qk]_proj\.weight$/u.test(name)) {
    const deviation = matchingDeviation(width, headSize, queryScale ** -0.5)
    const query = normalWeights(seed, name.replace(".k_proj.", ".q_proj."), heads * headSize * width, deviation)
    return name.includes(".q_proj.") ? query : turned(firstOfGroups(query, config), config)
  }
  return fanIn(seed, tensor)
}

/** Weights of a new head are small, so that scores begin near 0; attention pooling begins as the plain mean. */
const headDeviation = 0.02

/**
 * The weights that a new head begins with.
 *
 * @param tensor a tensor of the model whose name begins with `head.`
 */
export const initialHead = (
  seed: number,
  { name, shape }: Pick<ModelTensor, "name" | "shape">,
): Float32Array<ArrayBuffer> => {
  const count = shape.reduce((a, b) => a * b, 1)
  const zero = name.endsWith("bias") || name.includes("attention")
  return zero ? new Float32Array(count) : normalWeights(seed, name, count, headDeviation)
}

/** Heads of an encoder alone. */
const pooledHeads = ["first-token", "masked-mean", "attention-pooling"] as const

/**
 * The weights that a T5's or T5Gemma's encoder begins with when it is trained from nothing, a function of the seed and the
 * tensor's name. Other architectures, and heads that want a decoder, are not begun so.
 */
export const initialWeights = (
  { architecture, head }: ModelDescription,
  seed: number,
  initialisation: Initialisation,
): Either.Either<(tensor: ModelTensor) => Float32Array<ArrayBuffer>, HeadUnsuitable> => {
  if (architecture.family === "bert" || !pooledHeads.some((kind) => kind === head.kind)) {
    const why = "only encoders of T5 and T5Gemma are begun from nothing"
    return Either.left(new HeadUnsuitable({ family: architecture.family, head: head.kind, why, heads: pooledHeads }))
  }
  return Either.right((tensor) => {
    if (tensor.name.startsWith("head.")) return initialHead(seed, tensor)
    return architecture.family === "t5"
      ? t5Weights(architecture, seed, initialisation, tensor)
      : t5GemmaWeights(architecture, seed, initialisation, tensor)
  })
}
