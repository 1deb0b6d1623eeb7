import type { Place } from "../Architecture.ts"
import type { Encoder } from "../Encoder.ts"
import { rotaryStack } from "../RotaryStack.ts"
import { encoderNorms } from "./rotaryFields.ts"

/** What the encoder of a T5Gemma is made of: the `encoder` part of a Hugging Face `config.json`. */
export interface T5GemmaConfig {
  readonly vocabulary: number
  readonly width: number
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  /** Keys and values have fewer heads than queries in the sizes 2b and 9b. */
  readonly keyHeads: number
  readonly headSize: number
  /** Scores are divided by its square root: query_pre_attn_scalar. */
  readonly queryScale: number
  /** Attention scores s become c · tanh(s / c); undefined: they stay. */
  readonly softCap: number | undefined
  readonly ropeTheta: number
  readonly epsilon: number
  /** A sliding layer sees |i − j| ≤ window, as transformers has it from 5.4.0 on. */
  readonly window: number
  /** For each layer, whether it slides. */
  readonly sliding: readonly boolean[]
}

/** The T5Gemma encoder over a batch of tokens. */
export const t5GemmaEncoder = (config: T5GemmaConfig, place: Place): Encoder => {
  const { queryScale, ropeTheta, sliding, window, ...sizes } = config
  return rotaryStack(
    {
      ...sizes,
      layers: sliding.map((slides) => {
        const reach = slides ? window : undefined
        return { theta: ropeTheta, stretch: 1, reach: { before: reach, after: reach } }
      }),
      scale: queryScale ** -0.5,
      activation: "gelu_tanh",
      embeddingScale: Math.sqrt(config.width),
      unitGain: 0,
      headNorms: false,
      biases: { inputs: false, output: false },
      norms: encoderNorms,
      prefix: "encoder.",
    },
    place,
  )
}
