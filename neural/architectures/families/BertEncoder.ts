import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { selfAttention, singleQueryAttention } from "../attention.ts"
import { dense } from "../dense.ts"
import type { Encoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { byText, firstRows, flatIds, lastRows } from "../TokenBatch.ts"

/** The relatives that share BERT's encoder: they differ in names, positions and the classifier. */
export type BertKind = "bert" | "roberta" | "electra"

/** What an encoder of BERT's family is made of. */
export interface BertConfig {
  readonly kind: BertKind
  readonly vocabulary: number
  /** Of the embeddings; ELECTRA's may be narrower than the layers. */
  readonly embeddingWidth: number
  readonly width: number
  readonly innerWidth: number
  readonly layers: number
  readonly heads: number
  readonly activation: "gelu" | "gelu_new" | "relu"
  /** Rows of the position table. */
  readonly positions: number
  /** The row of a text's first token: 0, but padding + 1 for RoBERTa. */
  readonly firstPosition: number
  readonly tokenTypes: number
  readonly epsilon: number
}

const activate = (x: Floats, activation: BertConfig["activation"]): Floats => {
  if (activation === "relu") return Onnx.relu(x)
  return Onnx.gelu(x, activation === "gelu" ? "none" : "tanh")
}

/** An encoder of BERT's family over a batch of tokens. Names are without the prefix («bert.») of a model with a head. */
const bertEncoder = (config: BertConfig, { dropout, parameters, tokens }: Place): Encoder => {
  const { epsilon, heads, innerWidth, layers, width } = config
  const size = width / heads
  const divided = { heads, keyHeads: heads, size }
  const normalize = (x: Floats, name: string, vector: number): Floats =>
    Onnx.layerNormalization(
      x,
      parameters.get(`${name}.LayerNorm.weight`, vector),
      parameters.get(`${name}.LayerNorm.bias`, vector),
      epsilon,
    )

  const embed = (): Floats => {
    const { embeddingWidth } = config
    const rows = Onnx.dimensions.multiply(tokens.batch, tokens.sequence)
    const table = (name: string, entries: number): Floats =>
      parameters.get(`embeddings.${name}_embeddings.weight`, entries, embeddingWidth)
    const words = byText(Onnx.gather(table("word", config.vocabulary), flatIds(tokens)), tokens)
    const { firstPosition } = config
    const places = Onnx.range(tokens.sequence, "int64")
    const positions = Onnx.gather(
      table("position", config.positions),
      firstPosition === 0 ? places : Onnx.add(places, firstPosition),
    )
    const types = table("token_type", config.tokenTypes)
    const typed =
      config.tokenTypes === 1
        ? Onnx.reshape(types, [1, 1, embeddingWidth])
        : byText(Onnx.gather(types, Onnx.reshape(tokens.tokenTypes, [rows])), tokens)
    const sum = Onnx.reshape(Onnx.add(Onnx.add(words, typed), positions), [rows, embeddingWidth])
    const embedded = dropout(normalize(sum, "embeddings", embeddingWidth), "encoder.embedding")
    return embeddingWidth === width ? embedded : dense(parameters, "embeddings_project", embedded, width)
  }

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layer.${layer}`
    const place = (what: string): string => `encoder.${layer}.${what}`
    const self = `${name}.attention.self`
    const query = dense(parameters, `${self}.query`, only === "all" ? x : firstRows(x, tokens), width)
    const valueWeight = parameters.get(`${self}.value.weight`, width, width)
    // Scaling the scores instead of the queries costs nothing: onnxruntime makes it a factor of their product.
    const scaled = (scores: Floats): Floats => Onnx.multiply(scores, size ** -0.5)
    const drop = (p: Floats): Floats => dropout(p, place("attention.probabilities"))
    const context =
      only === "all"
        ? selfAttention(tokens, divided, {
            query,
            key: dense(parameters, `${self}.key`, x, width),
            value: Onnx.linear(x, valueWeight),
            keyBias: Onnx.reshape(tokens.visibility, [tokens.batch, tokens.sequence, 1, 1]),
            rule: scaled,
            dropout: drop,
          })
        : singleQueryAttention(tokens, divided, {
            query,
            states: x,
            key: { weight: parameters.get(`${self}.key.weight`, width, width) },
            valueWeight,
            rule: (scores) => Onnx.add(scaled(scores), tokens.visibility),
            dropout: drop,
          })
    // The probabilities of a query sum to 1, so that a bias of the values comes to the same for all tokens: behind the output's
    // projection it is part of that one's bias, which onnxruntime computes once.
    const output = `${name}.attention.output.dense`
    const outputWeight = parameters.get(`${output}.weight`, width, width)
    const valueBias = Onnx.reshape(parameters.get(`${self}.value.bias`, width), [1, width])
    const bias = Onnx.linear(valueBias, outputWeight, parameters.get(`${output}.bias`, width))
    const attended = dropout(Onnx.linear(context, outputWeight, Onnx.reshape(bias, [width])), place("attention"))
    const residual = only === "all" ? x : firstRows(x, tokens)
    const middle = normalize(Onnx.add(residual, attended), `${name}.attention.output`, width)
    const inner = activate(dense(parameters, `${name}.intermediate.dense`, middle, innerWidth), config.activation)
    const fed = dropout(dense(parameters, `${name}.output.dense`, inner, width), place("feedForward"))
    return normalize(Onnx.add(middle, fed), `${name}.output`, width)
  }

  let x = embed()
  for (let layer = 0; layer < layers - 1; layer++) x = layerOf(x, layer, "all")
  const before = x
  return {
    width,
    states: () => layerOf(before, layers - 1, "all"),
    first: () => layerOf(before, layers - 1, "first"),
    last: () => lastRows(layerOf(before, layers - 1, "all"), tokens),
  }
}

const classifier = (config: BertConfig, encoder: Encoder, { dropout, parameters }: Place, labels: number): Floats => {
  const first = encoder.first()
  switch (config.kind) {
    case "bert": {
      const pooled = Onnx.tanh(dense(parameters, "pooler.dense", first, config.width))
      return dense(parameters, "classifier", dropout(pooled, "head"), labels)
    }
    case "roberta": {
      const inner = Onnx.tanh(dense(parameters, "classifier.dense", dropout(first, "head.input"), config.width))
      return dense(parameters, "classifier.out_proj", dropout(inner, "head"), labels)
    }
    case "electra": {
      const inner = dense(parameters, "classifier.dense", dropout(first, "head.input"), config.width)
      return dense(parameters, "classifier.out_proj", dropout(Onnx.gelu(inner, "none"), "head"), labels)
    }
  }
}

/** The architecture of an encoder of BERT's family. */
export const bert = (config: BertConfig): Architecture => {
  const { heads, innerWidth, kind, layers, vocabulary, width } = config
  // The longest text that the position table has rows for.
  const positionLimit = config.positions - config.firstPosition
  const prefix = `${kind}.`
  return {
    family: "bert",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { "token types": config.tokenTypes, positions: positionLimit },
    positionLimit,
    // RoBERTa counts the tokens that are no padding.
    countsPadding: kind !== "roberta",
    // A family with one token type has no use for the input of types.
    tokenTypes: config.tokenTypes > 1,
    encoder: (place) => bertEncoder(config, place),
    classifier: (encoder, place, labels) => classifier(config, encoder, place, labels),
    headOfClass: headOfEncoderClass,
    aliases: (name) => {
      const old = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
      const names = old === name ? [name] : [name, old]
      return [...names.slice(1), ...names.map((each) => `${prefix}${each}`)]
    },
    ignores: ignoresBeside(prefix),
    template: () => "pair",
    unitGain: 1,
  }
}
