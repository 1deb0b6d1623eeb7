import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { activationOf } from "../activation.ts"
import { checkHeads, configFields, decoded, depth, type Outcome, or, size } from "../ConfigJson.ts"
import { dense } from "../dense.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import { type Family, pooledHeads } from "../Family.ts"
import type { Floats } from "../Parameters.ts"
import { normalized, type PostNormSizes, postNormLayer } from "../postNormLayer.ts"
import { byText, flatIds } from "../TokenBatch.ts"

const DistilBertJson = Schema.Struct({
  vocab_size: or(size, 30522),
  dim: or(size, 768),
  n_layers: or(depth, 6),
  n_heads: or(size, 12),
  hidden_dim: or(size, 3072),
  activation: or(Schema.String, "gelu"),
  max_position_embeddings: or(size, 512),
})

const honoured: Readonly<Record<keyof typeof DistilBertJson.fields, string>> = {
  vocab_size: "rows of the embedding",
  dim: "width of the layers",
  n_layers: "layers",
  n_heads: "attention heads; it divides dim",
  hidden_dim: "inner width of the feed-forward layers",
  activation: "activation of the feed-forward layers: gelu, gelu_new or relu",
  max_position_embeddings: "rows of the position table",
}

const byAnotherName = (name: string) => ({
  values: [],
  because: `transformers reads it as ${name}, and which of the two counts is not said`,
  remedy: `Write it as ${name}.`,
})

const fields = configFields({
  honoured,
  harmless: {
    sinusoidal_pos_embds: "of new weights: the position table is stored",
    tie_weights_: "of the language model's head, which is not used",
    tie_word_embeddings: "of the language model's head, which is not used",
    dropout: "acts in training only",
    qa_dropout: "acts in training only",
    seq_classif_dropout: "acts in training only",
  },
  only: {
    hidden_size: byAnotherName("dim"),
    num_attention_heads: byAnotherName("n_heads"),
    num_hidden_layers: byAnotherName("n_layers"),
    is_encoder_decoder: { values: [false], because: "it is an encoder here" },
  },
})

interface DistilBertConfig extends PostNormSizes {
  readonly vocabulary: number
  readonly layers: number
  readonly positions: number
}

const encoderOf = (config: DistilBertConfig, place: Place): Encoder => {
  const { dropout, parameters, tokens } = place
  const { epsilon, positions, vocabulary, width } = config
  const rows = Onnx.dimensions.multiply(tokens.batch, tokens.sequence)
  const words = Onnx.gather(parameters.get("embeddings.word_embeddings.weight", vocabulary, width), flatIds(tokens))
  const table = parameters.get("embeddings.position_embeddings.weight", positions, width)
  const placed = Onnx.add(byText(words, tokens), Onnx.gather(table, Onnx.range(tokens.sequence, "int64")))
  const sum = Onnx.reshape(placed, [rows, width])
  const embedded = dropout(normalized(parameters, "embeddings.LayerNorm", sum, epsilon), "encoder.embedding")
  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `transformer.layer.${layer}`
    return postNormLayer(place, config, x, only, {
      query: `${name}.attention.q_lin`,
      key: `${name}.attention.k_lin`,
      value: `${name}.attention.v_lin`,
      output: `${name}.attention.out_lin`,
      attentionNorm: `${name}.sa_layer_norm`,
      inner: `${name}.ffn.lin1`,
      outer: `${name}.ffn.lin2`,
      norm: `${name}.output_layer_norm`,
      dropout: `encoder.${layer}`,
    })
  }
  return layeredEncoder(tokens, config, embedded, layerOf)
}

const distilBert = (config: DistilBertConfig): Architecture => {
  const { heads, innerWidth, layers, positions, vocabulary, width } = config
  return {
    family: "distilbert",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { positions },
    positionLimit: positions,
    countsPadding: true,
    tokenTypes: false,
    encoder: (place) => encoderOf(config, place),
    classifier: (encoder, { dropout, parameters }, labels) => {
      const inner = Onnx.relu(dense(parameters, "pre_classifier", encoder.first(), width))
      return dense(parameters, "classifier", dropout(inner, "head"), labels)
    },
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`distilbert.${name}`],
    ignores: ignoresBeside(
      "distilbert.",
      ["pre_classifier.", "vocab_transform.", "vocab_layer_norm.", "vocab_projector.", "qa_outputs."],
      ".attention.k_lin.bias",
    ),
    template: () => "pair",
    unitGain: 1,
  }
}

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded("distilbert", DistilBertJson, json)
    const activation = yield* activationOf("distilbert", "activation", part.activation)
    yield* checkHeads("distilbert", ["n_heads", part.n_heads], ["dim", part.dim])
    const architecture = distilBert({
      vocabulary: part.vocab_size,
      width: part.dim,
      innerWidth: part.hidden_dim,
      layers: part.n_layers,
      heads: part.n_heads,
      positions: part.max_position_embeddings,
      activation,
      // Not in its configuration: transformers has it so.
      epsilon: 1e-12,
    })
    return architecture
  })

/** DistilBERT: half of BERT's layers, without token types and pooler. */
export const distilBertFamily: Family = {
  name: "distilbert",
  modelTypes: { distilbert: { fields, read } },
  proven: { distilbert: ["classifier", ...pooledHeads] },
  repositories: [
    { name: "distilbert/distilbert-base-uncased", modelType: "distilbert", head: "embedding" },
    { name: "sentence-transformers/msmarco-distilbert-base-tas-b", modelType: "distilbert", head: "embedding" },
    { name: "sentence-transformers/msmarco-distilbert-base-v4", modelType: "distilbert", head: "embedding" },
  ],
}
