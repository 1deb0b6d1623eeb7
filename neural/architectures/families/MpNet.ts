import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Onnx from "../../onnx/index.ts"
import { type Architecture, headOfEncoderClass, ignoresBeside, type Place } from "../Architecture.ts"
import { activationOf } from "../activation.ts"
import { checkHeads, configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { dense } from "../dense.ts"
import { type Encoder, layeredEncoder } from "../Encoder.ts"
import { type Family, pooledHeads } from "../Family.ts"
import type { Floats } from "../Parameters.ts"
import { normalized, type PostNormSizes, postNormLayer } from "../postNormLayer.ts"
import { relativePositionBias } from "../relativePositions.ts"
import { byText, flatIds } from "../TokenBatch.ts"

const MpNetJson = Schema.Struct({
  vocab_size: or(size, 30527),
  hidden_size: or(size, 768),
  num_hidden_layers: or(depth, 12),
  num_attention_heads: or(size, 12),
  intermediate_size: or(size, 3072),
  hidden_act: or(Schema.String, "gelu"),
  max_position_embeddings: or(size, 512),
  relative_attention_num_buckets: or(size, 32),
  layer_norm_eps: or(positive, 1e-12),
})

const honoured: Readonly<Record<keyof typeof MpNetJson.fields, string>> = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads; it divides hidden_size",
  intermediate_size: "inner width of the feed-forward layers",
  hidden_act: "activation of the feed-forward layers: gelu, gelu_new or relu",
  max_position_embeddings: "rows of the position table",
  relative_attention_num_buckets: "rows of the table of relative positions, at least 32; transformers uses 32 of them",
  layer_norm_eps: "epsilon of the layer normalisations",
}

const fields = configFields({
  honoured,
  harmless: { tie_word_embeddings: "of the language model's head, which is not used" },
  only: { is_encoder_decoder: { values: [false], because: "it is an encoder here" } },
})

/** What transformers has in its code, whatever the configuration says. */
const usedBuckets = 32
const maximumDistance = 128
/** Positions are counted from the padding's id + 1, and that id is 1 in its code. */
const firstPosition = 2

interface MpNetConfig extends PostNormSizes {
  readonly vocabulary: number
  readonly layers: number
  readonly positions: number
  readonly buckets: number
}

const encoderOf = (config: MpNetConfig, place: Place): Encoder => {
  const { dropout, parameters, tokens } = place
  const { buckets, epsilon, heads, vocabulary, width } = config
  const rows = Onnx.dimensions.multiply(tokens.batch, tokens.sequence)
  const words = Onnx.gather(parameters.get("embeddings.word_embeddings.weight", vocabulary, width), flatIds(tokens))
  const table = parameters.get("embeddings.position_embeddings.weight", config.positions, width)
  const places = Onnx.gather(table, Onnx.add(Onnx.range(tokens.sequence, "int64"), firstPosition))
  const sum = Onnx.reshape(Onnx.add(byText(words, tokens), places), [rows, width])
  const relative = parameters.get("encoder.relative_attention_bias.weight", buckets, heads)
  const biasOf = (queries: Onnx.Dim) =>
    relativePositionBias(tokens, relative, { buckets: usedBuckets, maximumDistance }, queries)
  const bias = { all: biasOf(tokens.sequence), first: biasOf(1) }
  const embedded = dropout(normalized(parameters, "embeddings.LayerNorm", sum, epsilon), "encoder.embedding")
  const layerOf = (x: Floats, layer: number, only: "all" | "first"): Floats => {
    const name = `encoder.layer.${layer}`
    return postNormLayer(
      place,
      config,
      x,
      only,
      {
        query: `${name}.attention.attn.q`,
        key: `${name}.attention.attn.k`,
        value: `${name}.attention.attn.v`,
        output: `${name}.attention.attn.o`,
        attentionNorm: `${name}.attention.LayerNorm`,
        inner: `${name}.intermediate.dense`,
        outer: `${name}.output.dense`,
        norm: `${name}.output.LayerNorm`,
        dropout: `encoder.${layer}`,
      },
      { bias },
    )
  }
  return layeredEncoder(tokens, config, embedded, layerOf)
}

const mpNet = (config: MpNetConfig): Architecture => {
  const { heads, innerWidth, layers, vocabulary, width } = config
  const positions = config.positions - firstPosition
  return {
    family: "mpnet",
    ...{ vocabulary, width, innerWidth, layers, heads },
    sizes: { positions },
    positionLimit: positions,
    // It counts the tokens that are no padding.
    countsPadding: false,
    tokenTypes: false,
    encoder: (place) => encoderOf(config, place),
    classifier: (encoder, { dropout, parameters }, labels) => {
      const first = dropout(encoder.first(), "head.input")
      const inner = Onnx.tanh(dense(parameters, "classifier.dense", first, width))
      return dense(parameters, "classifier.out_proj", dropout(inner, "head"), labels)
    },
    headOfClass: headOfEncoderClass,
    aliases: (name) => [`mpnet.${name}`],
    ignores: ignoresBeside("mpnet.", ["qa_outputs."], ".attention.attn.k.bias"),
    template: () => "pair",
    unitGain: 1,
  }
}

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded("mpnet", MpNetJson, json)
    const activation = yield* activationOf("mpnet", "hidden_act", part.hidden_act)
    yield* checkHeads("mpnet", ["num_attention_heads", part.num_attention_heads], ["hidden_size", part.hidden_size])
    if (part.relative_attention_num_buckets < usedBuckets) {
      const why = `${part.relative_attention_num_buckets} rows; transformers looks up ${usedBuckets}, whatever stands here`
      return yield* invalid("mpnet", "relative_attention_num_buckets", why)
    }
    if (part.max_position_embeddings <= firstPosition) {
      return yield* invalid("mpnet", "max_position_embeddings", `positions begin at row ${firstPosition}`)
    }
    const architecture = mpNet({
      vocabulary: part.vocab_size,
      width: part.hidden_size,
      innerWidth: part.intermediate_size,
      layers: part.num_hidden_layers,
      heads: part.num_attention_heads,
      positions: part.max_position_embeddings,
      buckets: part.relative_attention_num_buckets,
      activation,
      epsilon: part.layer_norm_eps,
    })
    return architecture
  })

/** MPNet: absolute positions, and relative ones in buckets as T5's. */
export const mpNetFamily: Family = {
  name: "mpnet",
  modelTypes: { mpnet: { fields, read } },
  proven: { mpnet: ["classifier", ...pooledHeads] },
  repositories: [
    { name: "sentence-transformers/all-mpnet-base-v2", modelType: "mpnet", head: "embedding" },
    { name: "sentence-transformers/multi-qa-mpnet-base-dot-v1", modelType: "mpnet", head: "embedding" },
    { name: "microsoft/mpnet-base", modelType: "mpnet", head: "embedding" },
  ],
}
