import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import { ConfigInvalid, knownModelTypes, UnknownArchitecture } from "./ArchitectureError.ts"
import type { BertConfig, BertKind } from "./Bert.ts"
import type { T5Config } from "./T5.ts"
import type { T5GemmaConfig } from "./T5Gemma.ts"

/** What a model is made of, without its head. */
export type Architecture = T5Config | T5GemmaConfig | BertConfig

/** What `config.json` says besides: for choosing a head and reading its output. */
export interface PretrainedConfig {
  readonly architecture: Architecture
  /** The class names it was saved from: `["T5ForConditionalGeneration"]`. */
  readonly classes: readonly string[]
  /** How many labels a classifier has: the entries of id2label, else num_labels, else Hugging Face's default of 2. */
  readonly labels: number
}

const size = Schema.Int.pipe(Schema.positive(), Schema.lessThanOrEqualTo(2 ** 31 - 1))
/** No published model is nearly as deep; a graph has nodes for each layer. */
const depth = Schema.Int.pipe(Schema.positive(), Schema.lessThanOrEqualTo(1000))
const positive = Schema.Number.pipe(Schema.positive())
const or = <A, I>(schema: Schema.Schema<A, I>, value: NoInfer<A>) =>
  Schema.optionalWith(schema, { default: () => value })

const Common = Schema.Struct({
  model_type: or(Schema.String, ""),
  architectures: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  id2label: or(Schema.NullOr(Schema.Record({ key: Schema.String, value: Schema.Unknown })), null),
  num_labels: or(Schema.NullOr(size), null),
})

/** The defaults are those of Hugging Face's classes: files leave out what equals them. */
const T5Json = Schema.Struct({
  vocab_size: or(size, 32128),
  d_model: or(size, 512),
  d_kv: or(size, 64),
  d_ff: or(size, 2048),
  num_layers: or(depth, 6),
  num_decoder_layers: or(Schema.NullOr(depth), null),
  num_heads: or(size, 8),
  relative_attention_num_buckets: or(Schema.Int.pipe(Schema.between(4, 65_536)), 32),
  relative_attention_max_distance: or(Schema.Int.pipe(Schema.between(2, 65_536)), 128),
  layer_norm_epsilon: or(positive, 1e-6),
  feed_forward_proj: or(Schema.String, "relu"),
  tie_word_embeddings: or(Schema.NullOr(Schema.Boolean), null),
  scale_decoder_outputs: or(Schema.NullOr(Schema.Boolean), null),
  decoder_start_token_id: or(Schema.NullOr(Schema.NonNegativeInt), 0),
})

const Rope = Schema.NullOr(
  Schema.Struct({ rope_type: or(Schema.String, "default"), rope_theta: or(Schema.NullOr(positive), null) }),
)

const T5GemmaPart = Schema.Struct({
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
  rope_parameters: or(Rope, null),
  rope_scaling: or(Schema.Unknown, null),
  attention_bias: or(Schema.NullOr(Schema.Boolean), false),
  query_pre_attn_scalar: or(positive, 256),
  sliding_window: or(Schema.NullOr(size), 4096),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  attn_logit_softcapping: or(Schema.NullOr(positive), 50),
})

const T5GemmaJson = Schema.Struct({ encoder: T5GemmaPart })

const BertJson = Schema.Struct({
  vocab_size: or(size, 30522),
  embedding_size: or(Schema.NullOr(size), null),
  hidden_size: or(size, 768),
  num_hidden_layers: or(depth, 12),
  num_attention_heads: or(size, 12),
  intermediate_size: or(size, 3072),
  hidden_act: or(Schema.String, "gelu"),
  max_position_embeddings: or(size, 512),
  type_vocab_size: or(size, 2),
  layer_norm_eps: or(positive, 1e-12),
  pad_token_id: or(Schema.NullOr(Schema.NonNegativeInt), null),
  position_embedding_type: or(Schema.NullOr(Schema.String), null),
})

type Outcome<A> = Either.Either<A, UnknownArchitecture | ConfigInvalid>

const decoded = <A, I>(modelType: string, schema: Schema.Schema<A, I>, json: unknown): Outcome<A> =>
  Either.mapLeft(Schema.decodeUnknownEither(schema)(json), (error) => {
    const issue = ParseResult.ArrayFormatter.formatErrorSync(error)[0]
    return new ConfigInvalid({
      modelType,
      field: issue?.path.map(String).join(".") ?? "",
      why: issue?.message ?? error.message,
    })
  })

const invalid = (modelType: string, field: string, why: string) =>
  Either.left(new ConfigInvalid({ modelType, field, why }))

const t5 = (json: unknown): Outcome<T5Config> =>
  Either.flatMap(decoded("t5", T5Json, json), (part) => {
    const feedForward = part.feed_forward_proj
    if (feedForward !== "relu" && feedForward !== "gated-gelu") {
      return invalid("t5", "feed_forward_proj", `«${feedForward}» is not built; relu and gated-gelu are`)
    }
    return Either.right({
      family: "t5",
      vocabulary: part.vocab_size,
      width: part.d_model,
      headSize: part.d_kv,
      innerWidth: part.d_ff,
      layers: part.num_layers,
      decoderLayers: part.num_decoder_layers ?? part.num_layers,
      heads: part.num_heads,
      buckets: part.relative_attention_num_buckets,
      maximumDistance: part.relative_attention_max_distance,
      epsilon: part.layer_norm_epsilon,
      feedForward,
      // Newer files say it in a field of its own, and call every output tied.
      tiedOutput: part.scale_decoder_outputs ?? part.tie_word_embeddings ?? true,
      decoderStart: part.decoder_start_token_id ?? 0,
    } as const)
  })

const t5gemma = (json: unknown): Outcome<T5GemmaConfig> =>
  Either.flatMap(decoded("t5gemma", T5GemmaJson, json), ({ encoder }) => {
    const refuse = (field: string, why: string) => invalid("t5gemma", `encoder.${field}`, why)
    const layers = encoder.num_hidden_layers
    const kinds =
      encoder.layer_types ??
      Array.from({ length: layers }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention"))
    const strange = kinds.find((kind) => kind !== "sliding_attention" && kind !== "full_attention")
    if (strange !== undefined) return refuse("layer_types", `«${strange}» is not built`)
    if (kinds.length !== layers) return refuse("layer_types", `${kinds.length} entries for ${layers} layers`)
    if (encoder.hidden_activation !== "gelu_pytorch_tanh") {
      return refuse("hidden_activation", `«${encoder.hidden_activation}» is not built; gelu_pytorch_tanh is`)
    }
    if (encoder.attention_bias === true) return refuse("attention_bias", "biases in attention are not built")
    const rope = encoder.rope_parameters
    if (encoder.rope_scaling !== null || (rope !== null && rope.rope_type !== "default")) {
      return refuse("rope_parameters", "scaled rotary positions are not built; the default ones are")
    }
    if (encoder.num_attention_heads % encoder.num_key_value_heads !== 0) {
      return refuse("num_key_value_heads", "it must divide num_attention_heads")
    }
    if (encoder.head_dim % 2 !== 0) return refuse("head_dim", "rotary positions need an even number")
    return Either.right({
      family: "t5gemma",
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
      sliding: kinds.map((kind) => kind === "sliding_attention"),
    } as const)
  })

const activations = ["gelu", "gelu_new", "relu"] as const

const bert = (kind: BertKind, modelType: string, json: unknown): Outcome<BertConfig> =>
  Either.flatMap(decoded(modelType, BertJson, json), (part) => {
    const activation = activations.find((known) => known === part.hidden_act)
    if (activation === undefined) {
      return invalid(modelType, "hidden_act", `«${part.hidden_act}» is not built; ${activations.join(", ")} are`)
    }
    if (part.hidden_size % part.num_attention_heads !== 0) {
      return invalid(modelType, "num_attention_heads", "it must divide hidden_size")
    }
    const positions = part.position_embedding_type ?? "absolute"
    if (positions !== "absolute") {
      return invalid(modelType, "position_embedding_type", `«${positions}» is not built; absolute is`)
    }
    return Either.right({
      family: "bert",
      kind,
      vocabulary: part.vocab_size,
      embeddingWidth: kind === "electra" ? (part.embedding_size ?? 128) : part.hidden_size,
      width: part.hidden_size,
      innerWidth: part.intermediate_size,
      layers: part.num_hidden_layers,
      heads: part.num_attention_heads,
      activation,
      positions: part.max_position_embeddings,
      firstPosition: kind === "roberta" ? (part.pad_token_id ?? 1) + 1 : 0,
      tokenTypes: part.type_vocab_size,
      epsilon: part.layer_norm_eps,
    } as const)
  })

const architectureOf = (modelType: string, json: unknown): Outcome<Architecture> => {
  const known = knownModelTypes.find((name) => name === modelType)
  switch (known) {
    case "t5":
      return t5(json)
    case "t5gemma":
      return t5gemma(json)
    case "bert":
    case "electra":
      return bert(known, known, json)
    case "roberta":
    case "xlm-roberta":
      return bert("roberta", known, json)
    case undefined:
      return Either.left(new UnknownArchitecture({ modelType }))
  }
}

/** Reads the content of a Hugging Face `config.json`. Fields that do not change the forward pass are not looked at. */
export const decodeConfig = (json: unknown): Outcome<PretrainedConfig> =>
  Either.flatMap(decoded("model", Common, json), (common) =>
    Either.map(architectureOf(common.model_type, json), (architecture) => ({
      architecture,
      classes: common.architectures ?? [],
      labels: common.id2label === null ? (common.num_labels ?? 2) : Math.max(1, Object.keys(common.id2label).length),
    })),
  )
