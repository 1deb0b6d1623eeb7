import { rankT5Template } from "../../tokenizers/index.ts"
import { type Architecture, ignoresBeside } from "../Architecture.ts"
import { type Initialisation, matchingDeviation } from "../Initialisation.ts"
import { fanIn, filled, type NewTensor, normalWeights } from "../normalWeights.ts"
import { type T5GemmaConfig, t5GemmaEncoder } from "./T5GemmaEncoder.ts"

/** By how many positions the keys of a T5Gemma's heads are turned, for the same reason: a head each, and again from the first. */
const turns = [14, -14, 22, -22] as const

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

const initialWeight = (
  config: T5GemmaConfig,
  seed: number,
  initialisation: Initialisation,
  tensor: NewTensor,
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

/** The architecture of a T5Gemma's encoder. */
export const t5Gemma = (config: T5GemmaConfig): Architecture => {
  const { heads, innerWidth, layers, vocabulary, width } = config
  return {
    family: "t5gemma",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { "key heads": config.keyHeads, "head size": config.headSize },
    positionLimit: undefined,
    countsPadding: false,
    tokenTypes: false,
    encoder: (place) => t5GemmaEncoder(config, place),
    headOfClass: () => undefined,
    aliases: (name) => [`model.${name}`],
    ignores: ignoresBeside("model."),
    template: () => ({ ...rankT5Template, eos: false }),
    unitGain: 0,
    initial: (seed, initialisation) => (tensor) => initialWeight(config, seed, initialisation, tensor),
  }
}
