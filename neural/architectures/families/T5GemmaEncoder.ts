import * as Onnx from "../../onnx/index.ts"
import type { Place } from "../Architecture.ts"
import { selfAttention, singleQueryAttention } from "../attention.ts"
import type { Encoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { positionsOf, rotation } from "../rotary.ts"
import { slidingWindow } from "../slidingWindow.ts"
import { firstRows, flatIds, lastRows } from "../TokenBatch.ts"

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

/** RMS normalisation whose stored weight is an offset from one. */
const offsetNormalization = (x: Floats, weight: Floats, epsilon: number): Floats =>
  Onnx.rmsNormalization(x, Onnx.add(weight, 1), epsilon)

/**
 * The T5Gemma encoder over a batch of tokens. Up to `window` + 1 tokens the sliding layers see everything, as the others do; a
 * graph for longer texts (`maximumTokens` > window + 1) has the window in them.
 */
export const t5GemmaEncoder = (
  config: T5GemmaConfig,
  { dropout, maximumTokens, parameters, tokens }: Place,
): Encoder => {
  const { epsilon, headSize, heads, innerWidth, keyHeads, layers, softCap, width } = config
  const divided = { heads, keyHeads, size: headSize }
  const norm = (x: Floats, name: string): Floats =>
    offsetNormalization(x, parameters.get(`${name}.weight`, width), epsilon)
  const rotate = rotation(headSize, { theta: config.ropeTheta, stretch: 1 }, positionsOf(tokens.sequence))
  const scale = config.queryScale ** -0.5
  const slides = slidingWindow(tokens, { before: config.window, after: config.window }, maximumTokens)

  const rule = (scores: Floats, mask: Floats): Floats => {
    const scaled = Onnx.multiply(scores, softCap === undefined ? scale : scale / softCap)
    const capped = softCap === undefined ? scaled : Onnx.multiply(Onnx.tanh(scaled), softCap)
    return Onnx.add(capped, mask)
  }

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layers.${layer}`
    const place = (what: string): string => `encoder.${layer}.${what}`
    const weight = (which: string, count: number): Floats =>
      parameters.get(`${name}.self_attn.${which}_proj.weight`, count * headSize, width)
    const sliding = config.sliding[layer] === true
    const normed = norm(x, `${name}.pre_self_attn_layernorm`)
    const key = Onnx.linear(normed, weight("k", keyHeads))
    const drop = (p: Floats): Floats => dropout(p, place("attention.probabilities"))
    const attended = (): Floats => {
      if (only === "first") {
        return singleQueryAttention(tokens, divided, {
          // The rotation of position 0 is the identity: the first query needs none.
          query: Onnx.linear(firstRows(normed, tokens), weight("q", heads)),
          states: normed,
          key: { rows: rotate(Onnx.reshape(key, [tokens.batch, tokens.sequence, keyHeads, headSize])) },
          valueWeight: weight("v", keyHeads),
          rule: (scores) => rule(scores, sliding ? slides.ofFirst : tokens.visibility),
          dropout: drop,
        })
      }
      const query = Onnx.linear(normed, weight("q", heads))
      const layer = { query, key, value: Onnx.linear(normed, weight("v", keyHeads)), rotate, dropout: drop }
      return sliding
        ? slides.attention(divided, { ...layer, rule })
        : selfAttention(tokens, divided, { ...layer, rule: (scores) => rule(scores, tokens.visibility) })
    }
    const output = parameters.get(`${name}.self_attn.o_proj.weight`, width, heads * headSize)
    const normedContext = norm(Onnx.linear(attended(), output), `${name}.post_self_attn_layernorm`)
    const middle = Onnx.add(only === "all" ? x : firstRows(x, tokens), dropout(normedContext, place("attention")))

    const normedMiddle = norm(middle, `${name}.pre_feedforward_layernorm`)
    const project = (which: string): Floats =>
      Onnx.linear(normedMiddle, parameters.get(`${name}.mlp.${which}_proj.weight`, innerWidth, width))
    const inner = Onnx.multiply(Onnx.gelu(project("gate"), "tanh"), project("up"))
    const down = parameters.get(`${name}.mlp.down_proj.weight`, width, innerWidth)
    const fed = Onnx.linear(dropout(inner, place("feedForward.inner")), down)
    const normedFed = norm(fed, `${name}.post_feedforward_layernorm`)
    return Onnx.add(middle, dropout(normedFed, place("feedForward")))
  }

  const embedding = parameters.get("encoder.embed_tokens.weight", config.vocabulary, width)
  let x = dropout(Onnx.multiply(Onnx.gather(embedding, flatIds(tokens)), Math.sqrt(width)), "encoder.embedding")
  for (let layer = 0; layer < layers - 1; layer++) x = layerOf(x, layer, "all")
  const before = x
  const end = (only: "all" | "first"): Floats =>
    dropout(norm(layerOf(before, layers - 1, only), "encoder.norm"), "encoder.output")
  return {
    width,
    states: () => end("all"),
    first: () => end("first"),
    last: () => lastRows(end("all"), tokens),
  }
}
