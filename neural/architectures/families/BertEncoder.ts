import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { dense } from "../dense.ts"
import type { Encoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { type Activation, normalized, postNormLayer } from "../postNormLayer.ts"
import { byText, flatIds, lastRows } from "../TokenBatch.ts"

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
  readonly activation: Activation
  /** Rows of the position table. */
  readonly positions: number
  /** The row of a text's first token: 0, but padding + 1 for RoBERTa. */
  readonly firstPosition: number
  readonly tokenTypes: number
  readonly epsilon: number
}

/** An encoder of BERT's family over a batch of tokens. Names are without the prefix («bert.») of a model with a head. */
const bertEncoder = (config: BertConfig, place: Place): Encoder => {
  const { dropout, parameters, tokens } = place
  const { activation, epsilon, heads, innerWidth, layers, width } = config

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
    const embedded = dropout(normalized(parameters, "embeddings.LayerNorm", sum, epsilon), "encoder.embedding")
    return embeddingWidth === width ? embedded : dense(parameters, "embeddings_project", embedded, width)
  }

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layer.${layer}`
    return postNormLayer(place, { width, innerWidth, heads, epsilon, activation }, x, only, {
      query: `${name}.attention.self.query`,
      key: `${name}.attention.self.key`,
      value: `${name}.attention.self.value`,
      output: `${name}.attention.output.dense`,
      attentionNorm: `${name}.attention.output.LayerNorm`,
      inner: `${name}.intermediate.dense`,
      outer: `${name}.output.dense`,
      norm: `${name}.output.LayerNorm`,
      dropout: `encoder.${layer}`,
    })
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
