import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { type BertEmbeddingSizes, bertEmbeddings } from "../bertEmbeddings.ts"
import { dense } from "../dense.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import type { Floats } from "../Parameters.ts"
import { type PostNormSizes, postNormLayer } from "../postNormLayer.ts"

/** The relatives that share BERT's encoder: they differ in names, positions and the classifier. */
export type BertKind = "bert" | "roberta" | "electra"

/** What an encoder of BERT's family is made of. */
export interface BertConfig extends PostNormSizes, BertEmbeddingSizes {
  readonly kind: BertKind
  readonly layers: number
}

/** An encoder of BERT's family over a batch of tokens. Names are without the prefix («bert.») of a model with a head. */
const bertEncoder = (config: BertConfig, place: Place): Encoder => {
  const { parameters, tokens } = place
  const { embeddingWidth, width } = config
  const normed = bertEmbeddings(config, place)
  const embedded = embeddingWidth === width ? normed : dense(parameters, "embeddings_project", normed, width)

  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layer.${layer}`
    return postNormLayer(place, config, x, only, {
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

  return layeredEncoder(tokens, config, embedded, layerOf)
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
