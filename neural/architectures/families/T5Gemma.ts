import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Architecture } from "../Architecture.ts"
import { configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { type Family, pooledHeads } from "../Family.ts"
import { plainRopeFields, RopeJson, slidingLayers } from "./rotaryFields.ts"
import { t5Gemma } from "./T5GemmaArchitecture.ts"

/** The defaults are those of Hugging Face's classes: files leave out what equals them. */
const PartJson = Schema.Struct({
  vocab_size: or(size, 256000),
  hidden_size: or(size, 2304),
  intermediate_size: or(size, 9216),
  num_hidden_layers: or(depth, 26),
  num_attention_heads: or(size, 8),
  num_key_value_heads: or(size, 4),
  head_dim: or(size, 256),
  hidden_activation: or(Schema.String, "gelu_pytorch_tanh"),
  rms_norm_eps: or(positive, 1e-6),
  rope_theta: or(positive, 10_000),
  rope_parameters: or(Schema.NullOr(RopeJson), null),
  query_pre_attn_scalar: or(positive, 256),
  sliding_window: or(Schema.NullOr(size), 4096),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  attn_logit_softcapping: or(Schema.NullOr(positive), 50),
})

const T5GemmaJson = Schema.Struct({ encoder: PartJson })

const honoured: Readonly<Record<Exclude<keyof typeof PartJson.fields, "rope_parameters">, string>> = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  intermediate_size: "inner width of the feed-forward layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads",
  num_key_value_heads: "heads of keys and values; it divides num_attention_heads",
  head_dim: "size of an attention head",
  hidden_activation: "must be gelu_pytorch_tanh",
  rms_norm_eps: "epsilon of the normalisations",
  rope_theta: "base of the rotary positions, in files of transformers 4; rope_parameters goes before",
  query_pre_attn_scalar: "scores are divided by its square root",
  sliding_window: "how far sliding layers see, in each direction",
  layer_types: "which layers slide; left out, every other from the first on",
  attn_logit_softcapping: "soft cap of the attention scores; null: none",
}

const encoder = configFields({
  honoured,
  harmless: {
    max_position_embeddings: "rotary positions have no end",
    final_logit_softcapping: "of the language model's head, which is not used",
    tie_word_embeddings: "of the language model's head, which is not used",
    is_encoder_decoder: "the encoder alone is used",
  },
  only: { attention_bias: { values: [false], because: "biases in attention are not built" } },
  within: { rope_parameters: plainRopeFields },
})

const fields = configFields({
  harmless: {
    decoder: "the encoder alone is used",
    vocab_size: "encoder.vocab_size is taken",
    tie_word_embeddings: "of the language model's head, which is not used",
    is_encoder_decoder: "the encoder alone is used",
    classifier_dropout_rate: "acts in training only",
  },
  within: { encoder },
})

const read = (json: unknown): Outcome<Architecture> =>
  Either.flatMap(decoded("t5gemma", T5GemmaJson, json), ({ encoder }) => {
    const refuse = (field: string, why: string) => invalid("t5gemma", `encoder.${field}`, why)
    const layers = encoder.num_hidden_layers
    const kinds = slidingLayers(encoder.layer_types, layers, (layer) => layer % 2 === 0)
    if (typeof kinds === "string") return refuse("layer_types", kinds)
    if (encoder.hidden_activation !== "gelu_pytorch_tanh") {
      return refuse("hidden_activation", `«${encoder.hidden_activation}» is not built; gelu_pytorch_tanh is`)
    }
    const rope = encoder.rope_parameters
    if (rope !== null && rope.rope_type !== "default") {
      return refuse("rope_parameters", `«${rope.rope_type}» is not built; the default rotary positions are`)
    }
    if (encoder.num_attention_heads % encoder.num_key_value_heads !== 0) {
      return refuse("num_key_value_heads", "it must divide num_attention_heads")
    }
    if (encoder.head_dim % 2 !== 0) return refuse("head_dim", "rotary positions need an even number")
    const architecture = t5Gemma({
      vocabulary: encoder.vocab_size,
      width: encoder.hidden_size,
      innerWidth: encoder.intermediate_size,
      layers,
      heads: encoder.num_attention_heads,
      keyHeads: encoder.num_key_value_heads,
      headSize: encoder.head_dim,
      queryScale: encoder.query_pre_attn_scalar,
      softCap: encoder.attn_logit_softcapping ?? undefined,
      ropeTheta: rope?.rope_theta ?? encoder.rope_theta,
      epsilon: encoder.rms_norm_eps,
      window: encoder.sliding_window ?? Number.MAX_SAFE_INTEGER,
      sliding: kinds,
    })
    return Either.right(architecture)
  })

/** T5Gemma, of the encoder alone. */
export const t5GemmaFamily: Family = {
  name: "t5gemma",
  modelTypes: { t5gemma: { fields, read } },
  proven: { t5gemma: pooledHeads },
  repositories: [{ name: "google/t5gemma-b-b-ul2", modelType: "t5gemma", head: "masked-mean" }],
  scratch: ({ headSize, heads, innerWidth, layers, maximumTokens, vocabulary, width }) => {
    const tokens = { pad_token_id: 0, eos_token_id: 1 }
    // What equals the classes' defaults is left out: they take whole numbers for floats badly.
    const part = {
      model_type: "t5_gemma_module",
      vocab_size: vocabulary,
      hidden_size: width,
      intermediate_size: innerWidth,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: heads,
      head_dim: headSize,
      hidden_activation: "gelu_pytorch_tanh",
      query_pre_attn_scalar: headSize,
      max_position_embeddings: maximumTokens,
      sliding_window: maximumTokens,
      layer_types: Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention")),
      rms_norm_eps: 1e-6,
      attention_bias: false,
      tie_word_embeddings: true,
      ...tokens,
    }
    return {
      architectures: ["T5GemmaEncoderModel"],
      model_type: "t5gemma",
      vocab_size: vocabulary,
      is_encoder_decoder: false,
      use_cache: false,
      tie_word_embeddings: true,
      encoder: part,
      decoder: part,
      ...tokens,
    }
  },
}
