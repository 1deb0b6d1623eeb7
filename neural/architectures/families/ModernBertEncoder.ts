import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { type Activation, activate } from "../activation.ts"
import { selfAttention, singleQueryAttention } from "../attention.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import { maskedMean } from "../maskedMean.ts"
import type { Floats, Parameters } from "../Parameters.ts"
import { positionsOf, rotation } from "../rotary.ts"
import { slidingWindow } from "../slidingWindow.ts"
import { firstRows, flatIds } from "../TokenBatch.ts"

/** What a ModernBERT is made of: the sizes of a Hugging Face `config.json`. */
export interface ModernBertConfig {
  readonly vocabulary: number
  readonly width: number
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  readonly activation: Activation
  readonly epsilon: number
  /** A local layer sees |i − j| ≤ window. */
  readonly window: number
  /** For each layer, whether it is local. */
  readonly local: readonly boolean[]
  readonly ropeBase: { readonly global: number; readonly local: number }
  /** What has biases: attention, feed-forward layers, normalisations, the classifier's dense layer. */
  readonly biases: {
    readonly attention: boolean
    readonly feedForward: boolean
    readonly norm: boolean
    readonly classifier: boolean
  }
  readonly classifierPooling: "cls" | "mean"
  readonly classifierActivation: Activation
  readonly positions: number
}

/** A linear layer [outputs, inputs], with a bias where it has one. */
const linear = (
  parameters: Parameters,
  name: string,
  x: Floats,
  outputs: number,
  inputs: number,
  bias: boolean,
): Floats =>
  Onnx.linear(
    x,
    parameters.get(`${name}.weight`, outputs, inputs),
    bias ? parameters.get(`${name}.bias`, outputs) : undefined,
  )

const normalization = (config: ModernBertConfig, parameters: Parameters, x: Floats, name: string): Floats => {
  const { biases, epsilon, width } = config
  const bias = biases.norm ? parameters.get(`${name}.bias`, width) : Onnx.constant(new Float32Array(width), [width])
  return Onnx.layerNormalization(x, parameters.get(`${name}.weight`, width), bias, epsilon)
}

/**
 * The ModernBERT encoder over a batch of tokens. Names are without the prefix («model.») of a model with a head. The first layer's
 * attention has no normalisation before it: the embeddings have theirs.
 */
const modernBertEncoder = (
  config: ModernBertConfig,
  { dropout, maximumTokens, parameters, tokens }: Place,
): Encoder => {
  const { biases, heads, innerWidth, width } = config
  const size = width / heads
  const divided = { heads, keyHeads: heads, size }
  const norm = (x: Floats, name: string): Floats => normalization(config, parameters, x, name)
  const places = positionsOf(tokens.sequence)
  const rotate = {
    global: rotation(size, { theta: config.ropeBase.global, stretch: 1 }, places),
    local: rotation(size, { theta: config.ropeBase.local, stretch: 1 }, places),
  }
  const slides = slidingWindow(tokens, { before: config.window, after: config.window }, maximumTokens)
  const scaled = (scores: Floats): Floats => Onnx.multiply(scores, size ** -0.5)

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `layers.${layer}`
    const place = (what: string): string => `encoder.${layer}.${what}`
    const isLocal = config.local[layer] === true
    const turn = isLocal ? rotate.local : rotate.global
    const normed = layer === 0 ? x : norm(x, `${name}.attn_norm`)
    const drop = (p: Floats): Floats => dropout(p, place("attention.probabilities"))
    const weights = parameters.get(`${name}.attn.Wqkv.weight`, 3 * width, width)
    const bias = biases.attention ? parameters.get(`${name}.attn.Wqkv.bias`, 3 * width) : undefined
    /** The part of the joint projection that makes queries (0), keys (1) or values (2). */
    const part = (of: Floats, which: number): Floats => Onnx.slice(of, 0, which * width, (which + 1) * width)
    const project = (rows: Floats, which: number): Floats =>
      Onnx.linear(rows, part(weights, which), bias && part(bias, which))
    const first = (): Floats => {
      const context = singleQueryAttention(tokens, divided, {
        // The rotation of position 0 is the identity: the first query needs none.
        query: project(firstRows(normed, tokens), 0),
        states: normed,
        key: { rows: turn(Onnx.reshape(project(normed, 1), [tokens.batch, tokens.sequence, heads, size])) },
        valueWeight: part(weights, 2),
        rule: (scores) => Onnx.add(scaled(scores), isLocal ? slides.ofFirst : tokens.visibility),
        dropout: drop,
      })
      // The probabilities sum to 1, so that the values' bias comes to the same for every text.
      return bias === undefined ? context : Onnx.add(context, part(bias, 2))
    }
    const all = (): Floats => {
      const qkv = { query: project(normed, 0), key: project(normed, 1), value: project(normed, 2), rotate: turn }
      return isLocal
        ? slides.attention(divided, {
            ...qkv,
            rule: (scores, mask) => Onnx.add(scaled(scores), mask),
            dropout: drop,
          })
        : selfAttention(tokens, divided, {
            ...qkv,
            keyBias: Onnx.reshape(tokens.visibility, [tokens.batch, tokens.sequence, 1, 1]),
            rule: scaled,
            dropout: drop,
          })
    }
    const context = only === "all" ? all() : first()
    const attended = linear(parameters, `${name}.attn.Wo`, context, width, width, biases.attention)
    const middle = Onnx.add(only === "all" ? x : firstRows(x, tokens), dropout(attended, place("attention")))

    const joint = linear(
      parameters,
      `${name}.mlp.Wi`,
      norm(middle, `${name}.mlp_norm`),
      2 * innerWidth,
      width,
      biases.feedForward,
    )
    const [input, gate] = [Onnx.slice(joint, 1, 0, innerWidth), Onnx.slice(joint, 1, innerWidth, 2 * innerWidth)]
    const inner = dropout(Onnx.multiply(activate(input, config.activation), gate), place("feedForward.inner"))
    const fed = linear(parameters, `${name}.mlp.Wo`, inner, width, innerWidth, biases.feedForward)
    return Onnx.add(middle, dropout(fed, place("feedForward")))
  }

  const table = parameters.get("embeddings.tok_embeddings.weight", config.vocabulary, width)
  const embedded = dropout(norm(Onnx.gather(table, flatIds(tokens)), "embeddings.norm"), "encoder.embedding")
  return layeredEncoder(tokens, config, embedded, layerOf, (states) => norm(states, "final_norm"))
}

/** A dense layer on the text's pooled state, its activation, a normalisation, and the labels' logits. */
const classifier = (
  config: ModernBertConfig,
  encoder: Encoder,
  { dropout, parameters, tokens }: Place,
  labels: number,
): Floats => {
  const { biases, classifierActivation, width } = config
  const pooled = config.classifierPooling === "cls" ? encoder.first() : maskedMean(encoder.states(), tokens)
  const inner = linear(parameters, "head.dense", pooled, width, width, biases.classifier)
  const normed = normalization(config, parameters, activate(inner, classifierActivation), "head.norm")
  return linear(parameters, "classifier", dropout(normed, "head"), labels, width, true)
}

/** The architecture of a ModernBERT. */
export const modernBert = (config: ModernBertConfig): Architecture => {
  const { heads, innerWidth, layers, local, positions, vocabulary, width, window } = config
  return {
    family: "modernbert",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { "local layers": local.filter((each) => each).length, window, positions },
    positionLimit: positions,
    countsPadding: false,
    tokenTypes: false,
    encoder: (place) => modernBertEncoder(config, place),
    classifier: (encoder, place, labels) => classifier(config, encoder, place, labels),
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`model.${name}`],
    ignores: ignoresBeside("model."),
    template: () => "pair",
    unitGain: 1,
  }
}
