import * as Onnx from "../../onnx/index.ts"
import type { Place } from "../Architecture.ts"
import { selfAttention, singleQueryAttention } from "../attention.ts"
import { type Encoder, keepAll, layeredEncoder } from "../Encoder.ts"
import type { Floats, Parameters } from "../Parameters.ts"
import { relativePositionBias } from "../relativePositions.ts"
import { firstRows, flatIds } from "../TokenBatch.ts"

/** The activation of a feed-forward layer: of its one inner projection, or of the gate of two. */
export type FeedForward = "relu" | "gated-gelu"

/** What a T5 is made of (1.0, 1.1, Flan): the sizes of a Hugging Face `config.json`. */
export interface T5Config {
  readonly vocabulary: number
  /** d_model */
  readonly width: number
  /** d_kv; heads · headSize need not be the width */
  readonly headSize: number
  /** d_ff */
  readonly innerWidth: number
  readonly layers: number
  readonly decoderLayers: number
  readonly heads: number
  readonly buckets: number
  readonly maximumDistance: number
  readonly epsilon: number
  readonly feedForward: FeedForward
  /** Whether the decoder's output is scaled by width^-½ and its projection is the embedding (1.0), or has its own (1.1). */
  readonly tiedOutput: boolean
  /** Whether a checkpoint without `lm_head.weight` means the embedding by it. */
  readonly sharedOutput: boolean
  readonly decoderStart: number
  /** The pieces between which its published rerankers choose. */
  readonly choice: { readonly yes: string; readonly no: string }
  /** Whether each layer has a position bias of its own (UMT5), or all have the first one's. */
  readonly biasInEachLayer: boolean
}

const feedForward = (
  config: T5Config,
  parameters: Parameters,
  name: string,
  rows: Floats,
  drop: (x: Floats) => Floats,
): Floats => {
  const { innerWidth, width } = config
  const project = (which: string): Floats =>
    Onnx.linear(rows, parameters.get(`${name}.${which}.weight`, innerWidth, width))
  const inner =
    config.feedForward === "relu"
      ? Onnx.relu(project("wi"))
      : Onnx.multiply(Onnx.gelu(project("wi_0"), "tanh"), project("wi_1"))
  return Onnx.linear(drop(inner), parameters.get(`${name}.wo.weight`, width, innerWidth))
}

/** The T5 encoder over a batch of tokens, without attention scaling; its position bias is block 0's in every block, or each block's own. */
export const t5Encoder = (config: T5Config, { dropout, parameters, tokens }: Place): Encoder => {
  const { epsilon, headSize, heads, width } = config
  const inner = heads * headSize
  const divided = { heads, keyHeads: heads, size: headSize }
  const gain = (name: string): Floats => parameters.get(`${name}.weight`, width)
  const attentionName = (layer: number): string => `encoder.block.${layer}.layer.0.SelfAttention`
  const biasOf = (layer: number, queries: Onnx.Dim): Floats => {
    const table = parameters.get(`${attentionName(layer)}.relative_attention_bias.weight`, config.buckets, heads)
    return Onnx.add(relativePositionBias(tokens, table, config, queries), tokens.visibility)
  }
  const { biasInEachLayer } = config
  const shared = biasInEachLayer ? undefined : { all: biasOf(0, tokens.sequence), first: biasOf(0, 1) }

  const block = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const place = (what: string): string => `encoder.${layer}.${what}`
    const name = attentionName(layer)
    const weight = (which: string): Floats => parameters.get(`${name}.${which}.weight`, inner, width)
    const normed = Onnx.rmsNormalization(x, gain(`encoder.block.${layer}.layer.0.layer_norm`), epsilon)
    const drop = (p: Floats): Floats => dropout(p, place("attention.probabilities"))
    const bias = shared?.[only] ?? biasOf(layer, only === "all" ? tokens.sequence : 1)
    const context =
      only === "all"
        ? selfAttention(tokens, divided, {
            query: Onnx.linear(normed, weight("q")),
            key: Onnx.linear(normed, weight("k")),
            value: Onnx.linear(normed, weight("v")),
            rule: (scores) => Onnx.add(scores, bias),
            dropout: drop,
          })
        : singleQueryAttention(tokens, divided, {
            query: Onnx.linear(firstRows(normed, tokens), weight("q")),
            states: normed,
            key: { weight: weight("k") },
            valueWeight: weight("v"),
            rule: (scores) => Onnx.add(scores, bias),
            dropout: drop,
          })
    const attended = Onnx.linear(context, parameters.get(`${name}.o.weight`, width, inner))
    const residual = only === "all" ? x : firstRows(x, tokens)
    const middle = Onnx.add(residual, dropout(attended, place("attention")))
    const normedMiddle = Onnx.rmsNormalization(middle, gain(`encoder.block.${layer}.layer.1.layer_norm`), epsilon)
    const fed = feedForward(config, parameters, `encoder.block.${layer}.layer.1.DenseReluDense`, normedMiddle, (z) =>
      dropout(z, place("feedForward.inner")),
    )
    return Onnx.add(middle, dropout(fed, place("feedForward")))
  }

  const table = parameters.get("shared.weight", config.vocabulary, width)
  const embedded = dropout(Onnx.gather(table, flatIds(tokens)), "encoder.embedding")
  const end = (states: Floats): Floats =>
    dropout(Onnx.rmsNormalization(states, gain("encoder.final_layer_norm"), epsilon), "encoder.output")
  return layeredEncoder(tokens, config, embedded, block, end)
}

/**
 * One step of the T5 decoder from its start token: the output state, [batch, width]. With one position the causal
 * self-attention is its value projection: a softmax over one score is 1, so queries, keys and the position bias of that
 * layer have no part in it. Cross-attention has one query a text.
 */
const decoderStep = (config: T5Config, { dropout, parameters, tokens }: Place, states: Floats): Floats => {
  const { decoderLayers, epsilon, headSize, heads, width } = config
  const inner = heads * headSize
  const divided = { heads, keyHeads: heads, size: headSize }
  const normed = (x: Floats, name: string): Floats =>
    Onnx.rmsNormalization(x, parameters.get(`${name}.weight`, width), epsilon)
  /** Values times their probability, which is 1 unless it is dropped. */
  const weighted = (value: Floats, place: string): Floats => {
    if (dropout === keepAll) return value
    const probabilities = dropout(Onnx.expand(Onnx.scalar(1), [tokens.batch, heads, 1]), place)
    const byHead = Onnx.multiply(Onnx.reshape(value, [tokens.batch, heads, headSize]), probabilities)
    return Onnx.reshape(byHead, [tokens.batch, inner])
  }
  const start = Onnx.integers([config.decoderStart], [1])
  const embedded = Onnx.gather(parameters.get("shared.weight", config.vocabulary, width), start)
  // Dropout must treat the texts apart, so the start token's row is repeated for each.
  let x = dropout(Onnx.expand(embedded, [tokens.batch, width]), "decoder.embedding")
  for (let layer = 0; layer < decoderLayers; layer++) {
    const place = (what: string): string => `decoder.${layer}.${what}`
    const name = `decoder.block.${layer}`
    const weight = (sublayer: string, which: string): Floats =>
      parameters.get(`${name}.${sublayer}.${which}.weight`, inner, width)
    const output = (sublayer: string, context: Floats): Floats =>
      Onnx.linear(context, parameters.get(`${name}.${sublayer}.o.weight`, width, inner))

    const alone = normed(x, `${name}.layer.0.layer_norm`)
    const value = Onnx.linear(alone, weight("layer.0.SelfAttention", "v"))
    const self = output("layer.0.SelfAttention", weighted(value, place("selfAttention.probabilities")))
    const afterSelf = Onnx.add(x, dropout(self, place("selfAttention")))

    const cross = singleQueryAttention(tokens, divided, {
      query: Onnx.linear(normed(afterSelf, `${name}.layer.1.layer_norm`), weight("layer.1.EncDecAttention", "q")),
      states,
      key: { weight: weight("layer.1.EncDecAttention", "k") },
      valueWeight: weight("layer.1.EncDecAttention", "v"),
      rule: (scores) => Onnx.add(scores, tokens.visibility),
      dropout: (p) => dropout(p, place("crossAttention.probabilities")),
    })
    const attended = output("layer.1.EncDecAttention", cross)
    const afterCross = Onnx.add(afterSelf, dropout(attended, place("crossAttention")))

    const fed = feedForward(
      config,
      parameters,
      `${name}.layer.2.DenseReluDense`,
      normed(afterCross, `${name}.layer.2.layer_norm`),
      (z) => dropout(z, place("feedForward.inner")),
    )
    x = Onnx.add(afterCross, dropout(fed, place("feedForward")))
  }
  return dropout(normed(x, "decoder.final_layer_norm"), "decoder.output")
}

/** The decoder's logits of some vocabulary entries after one step, [batch, entries]. */
export const t5EntryLogits = (config: T5Config, encoder: Encoder, place: Place, entries: readonly number[]): Floats => {
  const state = decoderStep(config, place, encoder.states())
  const { tiedOutput, vocabulary, width } = config
  const table = place.parameters.get(tiedOutput ? "shared.weight" : "lm_head.weight", vocabulary, width)
  const rows = Onnx.gather(table, Onnx.integers(entries, [entries.length]))
  return Onnx.linear(tiedOutput ? Onnx.multiply(state, width ** -0.5) : state, rows)
}
