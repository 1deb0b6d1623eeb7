import * as Onnx from "../onnx/index.ts"
import type { Place } from "./Architecture.ts"
import { type Activation, activate } from "./activation.ts"
import { selfAttention, singleQueryAttention } from "./attention.ts"
import { dense } from "./dense.ts"
import type { Floats, Parameters } from "./Parameters.ts"
import { firstRows } from "./TokenBatch.ts"

/** Layer normalisation of rows, with the gain and the bias of a name. */
export const normalized = (parameters: Parameters, name: string, rows: Floats, epsilon: number): Floats => {
  const width = rows.shape[1]
  if (typeof width !== "number") {
    throw new Onnx.ShapeError("LayerNormalization", [rows.shape], "the width must be a number")
  }
  return Onnx.layerNormalization(
    rows,
    parameters.get(`${name}.weight`, width),
    parameters.get(`${name}.bias`, width),
    epsilon,
  )
}

/** What a layer is made of. */
export interface PostNormSizes {
  readonly width: number
  readonly innerWidth: number
  readonly heads: number
  readonly epsilon: number
  readonly activation: Activation
}

/** The names of a layer's parts, and of the places where it drops. */
export interface PostNormNames {
  readonly query: string
  readonly key: string
  readonly value: string
  readonly output: string
  readonly attentionNorm: string
  readonly inner: string
  readonly outer: string
  readonly norm: string
  readonly dropout: string
}

/** What some families' layers have beside. */
export interface PostNormExtras {
  /** Added to the scaled scores of every text: of all queries [1, heads, sequence, sequence], of the first [1, heads, 1, sequence]. */
  readonly bias?: { readonly all: Floats; readonly first: Floats }
  /** Whether the feed-forward layer's output is never dropped. */
  readonly keepsFed?: boolean
}

/**
 * A layer as BERT's: attention with biases and scaled scores, a feed-forward layer, and behind each the sum with its input,
 * normalised. Of all tokens, [batch · sequence, width], or of the first alone, [batch, width].
 */
export const postNormLayer = (
  { dropout, parameters, tokens }: Place,
  { activation, epsilon, heads, innerWidth, width }: PostNormSizes,
  x: Floats,
  only: "all" | "first",
  names: PostNormNames,
  { bias: positions, keepsFed = false }: PostNormExtras = {},
): Floats => {
  const size = width / heads
  const divided = { heads, keyHeads: heads, size }
  const place = (what: string): string => `${names.dropout}.${what}`
  const query = dense(parameters, names.query, only === "all" ? x : firstRows(x, tokens), width)
  const valueWeight = parameters.get(`${names.value}.weight`, width, width)
  // Scaling the scores instead of the queries costs nothing: onnxruntime makes it a factor of their product.
  const scaled = (scores: Floats): Floats => Onnx.multiply(scores, size ** -0.5)
  const drop = (p: Floats): Floats => dropout(p, place("attention.probabilities"))
  const attend = (): Floats => {
    if (only === "all") {
      return selfAttention(tokens, divided, {
        query,
        key: dense(parameters, names.key, x, width),
        value: Onnx.linear(x, valueWeight),
        keyBias: Onnx.reshape(tokens.visibility, [tokens.batch, tokens.sequence, 1, 1]),
        rule: (scores) => (positions === undefined ? scaled(scores) : Onnx.add(scaled(scores), positions.all)),
        dropout: drop,
      })
    }
    const seen = positions === undefined ? tokens.visibility : Onnx.add(positions.first, tokens.visibility)
    return singleQueryAttention(tokens, divided, {
      query,
      states: x,
      key: { weight: parameters.get(`${names.key}.weight`, width, width) },
      valueWeight,
      rule: (scores) => Onnx.add(scaled(scores), seen),
      dropout: drop,
    })
  }
  const context = attend()
  // The probabilities of a query sum to 1, so that a bias of the values comes to the same for all tokens: behind the output's
  // projection it is part of that one's bias, which onnxruntime computes once.
  const outputWeight = parameters.get(`${names.output}.weight`, width, width)
  const valueBias = Onnx.reshape(parameters.get(`${names.value}.bias`, width), [1, width])
  const bias = Onnx.linear(valueBias, outputWeight, parameters.get(`${names.output}.bias`, width))
  const attended = dropout(Onnx.linear(context, outputWeight, Onnx.reshape(bias, [width])), place("attention"))
  const residual = only === "all" ? x : firstRows(x, tokens)
  const middle = normalized(parameters, names.attentionNorm, Onnx.add(residual, attended), epsilon)
  const inner = activate(dense(parameters, names.inner, middle, innerWidth), activation)
  const fed = dense(parameters, names.outer, inner, width)
  const sum = Onnx.add(middle, keepsFed ? fed : dropout(fed, place("feedForward")))
  return normalized(parameters, names.norm, sum, epsilon)
}
