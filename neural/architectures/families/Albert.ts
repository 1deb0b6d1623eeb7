import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { activationOf } from "../activation.ts"
import { type BertEmbeddingSizes, bertEmbeddings } from "../bertEmbeddings.ts"
import { checkHeads, configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { dense } from "../dense.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import { type Family, pooledHeads } from "../Family.ts"
import type { Floats } from "../Parameters.ts"
import { type PostNormSizes, postNormLayer } from "../postNormLayer.ts"

const AlbertJson = Schema.Struct({
  vocab_size: or(size, 30000),
  embedding_size: or(size, 128),
  hidden_size: or(size, 4096),
  num_hidden_layers: or(depth, 12),
  num_hidden_groups: or(depth, 1),
  inner_group_num: or(depth, 1),
  num_attention_heads: or(size, 64),
  intermediate_size: or(size, 16384),
  hidden_act: or(Schema.String, "gelu_new"),
  max_position_embeddings: or(size, 512),
  type_vocab_size: or(size, 2),
  layer_norm_eps: or(positive, 1e-12),
})

const honoured: Readonly<Record<keyof typeof AlbertJson.fields, string>> = {
  vocab_size: "rows of the embedding",
  embedding_size: "width of the embeddings",
  hidden_size: "width of the layers",
  num_hidden_layers: "how often a group of layers is passed",
  num_hidden_groups: "groups of layers, each passed several times with the same weights",
  inner_group_num: "layers in a group",
  num_attention_heads: "attention heads; it divides hidden_size",
  intermediate_size: "inner width of the feed-forward layers",
  hidden_act: "activation of the feed-forward layers: gelu, gelu_new or relu",
  max_position_embeddings: "rows of the position table",
  type_vocab_size: "rows of the token type table",
  layer_norm_eps: "epsilon of the layer normalisations",
}

const fields = configFields({
  honoured,
  harmless: {
    tie_word_embeddings: "of the language model's head, which is not used",
    classifier_dropout_prob: "acts in training only",
    net_structure_type: "of Google's own code; transformers does not read it",
    gap_size: "of Google's own code; transformers does not read it",
    num_memory_blocks: "of Google's own code; transformers does not read it",
    down_scale_factor: "of Google's own code; transformers does not read it",
  },
  only: {
    position_embedding_type: { values: ["absolute"], because: "positions other than absolute are not built" },
    is_encoder_decoder: { values: [false], because: "it is an encoder here" },
  },
})

interface AlbertConfig extends PostNormSizes, BertEmbeddingSizes {
  /** Passes through groups of layers. */
  readonly passes: number
  readonly groups: number
  /** Layers in a group. */
  readonly inner: number
}

const encoderOf = (config: AlbertConfig, place: Place): Encoder => {
  const { parameters, tokens } = place
  const { groups, inner, passes, width } = config
  // There too where the widths are equal, unlike ELECTRA's.
  const embedded = dense(parameters, "encoder.embedding_hidden_mapping_in", bertEmbeddings(config, place), width)
  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    // As transformers divides, in floating point.
    const group = Math.trunc(Math.floor(layer / inner) / (passes / groups))
    const name = `encoder.albert_layer_groups.${group}.albert_layers.${layer % inner}`
    return postNormLayer(
      place,
      config,
      x,
      only,
      {
        query: `${name}.attention.query`,
        key: `${name}.attention.key`,
        value: `${name}.attention.value`,
        output: `${name}.attention.dense`,
        attentionNorm: `${name}.attention.LayerNorm`,
        inner: `${name}.ffn`,
        outer: `${name}.ffn_output`,
        norm: `${name}.full_layer_layer_norm`,
        dropout: `encoder.${layer}`,
      },
      { keepsFed: true },
    )
  }
  return layeredEncoder(tokens, { layers: passes * inner, width }, embedded, layerOf)
}

const albert = (config: AlbertConfig): Architecture => {
  const { heads, innerWidth, positions, vocabulary, width } = config
  return {
    family: "albert",
    ...{ vocabulary, width, innerWidth, layers: config.passes * config.inner, heads },
    sizes: {
      "layers with weights of their own": config.groups * config.inner,
      "embedding width": config.embeddingWidth,
      "token types": config.tokenTypes,
      positions,
    },
    positionLimit: positions,
    countsPadding: true,
    tokenTypes: config.tokenTypes > 1,
    encoder: (place) => encoderOf(config, place),
    classifier: (encoder, { dropout, parameters }, labels) => {
      const pooled = Onnx.tanh(dense(parameters, "pooler", encoder.first(), width))
      return dense(parameters, "classifier", dropout(pooled, "head"), labels)
    },
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`albert.${name}`],
    ignores: ignoresBeside("albert.", ["predictions.", "sop_classifier.", "qa_outputs."], ".attention.key.bias"),
    template: () => "pair",
    unitGain: 1,
  }
}

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded("albert", AlbertJson, json)
    const activation = yield* activationOf("albert", "hidden_act", part.hidden_act)
    yield* checkHeads("albert", ["num_attention_heads", part.num_attention_heads], ["hidden_size", part.hidden_size])
    if (part.num_hidden_groups > part.num_hidden_layers) {
      return yield* invalid(
        "albert",
        "num_hidden_groups",
        "more groups than num_hidden_layers: some would never be passed",
      )
    }
    if (part.num_hidden_layers * part.inner_group_num > 1000) {
      return yield* invalid("albert", "inner_group_num", "with num_hidden_layers it makes more than 1,000 layers")
    }
    const architecture = albert({
      vocabulary: part.vocab_size,
      embeddingWidth: part.embedding_size,
      width: part.hidden_size,
      innerWidth: part.intermediate_size,
      passes: part.num_hidden_layers,
      groups: part.num_hidden_groups,
      inner: part.inner_group_num,
      heads: part.num_attention_heads,
      activation,
      positions: part.max_position_embeddings,
      firstPosition: 0,
      tokenTypes: part.type_vocab_size,
      epsilon: part.layer_norm_eps,
    })
    return architecture
  })

/** ALBERT: layers that share their weights, and embeddings narrower than they are. */
export const albertFamily: Family = {
  name: "albert",
  modelTypes: { albert: { fields, read } },
  proven: { albert: ["classifier", ...pooledHeads] },
  repositories: [
    { name: "albert/albert-base-v2", modelType: "albert", head: "embedding" },
    { name: "sentence-transformers/paraphrase-albert-small-v2", modelType: "albert", head: "embedding" },
  ],
}
