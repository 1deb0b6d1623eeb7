import { monoT5Template, rankT5Template } from "../../tokenizers/index.ts"
import { type Architecture, ignoresBeside } from "../Architecture.ts"
import { type Initialisation, matchingDeviation } from "../Initialisation.ts"
import { fanIn, filled, type NewTensor, normalWeights } from "../normalWeights.ts"
import { type T5Config, t5Encoder, t5EntryLogits } from "./T5Encoder.ts"

/** What the position bias of a T5 begins with at the token itself, so that its like is looked for elsewhere. */
const selfBias = -4

/** A T5 has its position bias in a table; one head is left as it is, to see the token itself. */
const t5SelfBias = (config: T5Config): Float32Array<ArrayBuffer> => {
  const { buckets, heads } = config
  const bias = new Float32Array(buckets * heads)
  // Distance 0 has bucket 0.
  for (let head = 0; head < heads - 1; head++) bias[head] = selfBias
  return bias
}

const initialWeight = (
  config: T5Config,
  seed: number,
  initialisation: Initialisation,
  tensor: NewTensor,
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

/** The architecture of a T5: its encoder, and its decoder for one step. */
export const t5 = (config: T5Config): Architecture => {
  const { heads, innerWidth, layers, vocabulary, width } = config
  return {
    family: "t5",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { "head size": config.headSize, "decoder layers": config.decoderLayers },
    positionLimit: undefined,
    countsPadding: false,
    tokenTypes: false,
    encoder: (place) => t5Encoder(config, place),
    entryLogits: (encoder, place, entries) => t5EntryLogits(config, encoder, place, entries),
    choice: config.choice,
    headOfClass: () => undefined,
    aliases: (name) => {
      if (name === "shared.weight") return ["encoder.embed_tokens.weight", "transformer.shared.weight"]
      if (name === "lm_head.weight") return config.sharedOutput ? ["shared.weight"] : []
      return [`transformer.${name}`]
    },
    ignores: ignoresBeside("transformer."),
    template: (head) => (head === "decoder-choice" ? monoT5Template : rankT5Template),
    unitGain: 1,
    initial: (seed, initialisation) => (tensor) => initialWeight(config, seed, initialisation, tensor),
  }
}
