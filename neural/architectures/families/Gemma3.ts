import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import type { Architecture } from "../Architecture.ts"
import { configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import type { ModelType } from "../Family.ts"
import type { NormNames, RotaryStack } from "../RotaryStack.ts"
import type { Window } from "../slidingWindow.ts"
import { causalDecoder } from "./causalDecoder.ts"
import { decoderHarmless, fourNorms, headProblem, RopeJson, ropeFields, slidingLayers } from "./rotaryFields.ts"

/** Rotary positions may be stretched: angles divided by a factor. */
const StretchedRopeJson = Schema.Struct({ ...RopeJson.fields, factor: or(Schema.NullOr(positive), null) })

const RopesJson = Schema.Struct({
  full_attention: or(Schema.NullOr(StretchedRopeJson), null),
  sliding_attention: or(Schema.NullOr(StretchedRopeJson), null),
})

/** The text part of a Gemma 3, and the encoder of a T5Gemma 2. The defaults are those of Hugging Face's classes. */
export const Gemma3Json = Schema.Struct({
  vocab_size: or(size, 262_208),
  hidden_size: or(size, 2304),
  intermediate_size: or(size, 9216),
  num_hidden_layers: or(depth, 26),
  num_attention_heads: or(size, 8),
  num_key_value_heads: or(size, 4),
  head_dim: or(size, 256),
  hidden_activation: or(Schema.String, "gelu_pytorch_tanh"),
  rms_norm_eps: or(positive, 1e-6),
  rope_theta: or(positive, 1_000_000),
  rope_local_base_freq: or(positive, 10_000),
  rope_parameters: or(Schema.NullOr(RopesJson), null),
  query_pre_attn_scalar: or(positive, 256),
  sliding_window: or(Schema.NullOr(size), 4096),
  sliding_window_pattern: or(size, 6),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
})
export type Gemma3Json = typeof Gemma3Json.Type

const honoured: Readonly<Record<Exclude<keyof Gemma3Json, "rope_parameters">, string>> = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  intermediate_size: "inner width of the feed-forward layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads",
  num_key_value_heads: "heads of keys and values; it divides num_attention_heads",
  head_dim: "size of an attention head",
  hidden_activation: "must be gelu_pytorch_tanh",
  rms_norm_eps: "epsilon of the normalisations",
  rope_theta: "base of the rotary positions of full layers; rope_parameters goes before",
  rope_local_base_freq: "the same of sliding layers",
  query_pre_attn_scalar: "scores are divided by its square root",
  sliding_window: "how many tokens sliding layers see, the token itself among them",
  sliding_window_pattern: "every so manieth layer is full, where layer_types is left out",
  layer_types: "which layers slide",
}

const rope: FieldTable = {
  ...ropeFields,
  honoured: { ...ropeFields.honoured, factor: "what angles are divided by, where rope_type is linear" },
  only: {
    ...ropeFields.only,
    rope_type: { values: ["default", "linear"], because: "rotary positions scaled so are not built" },
  },
}

/** What becomes of the fields of a Gemma 3's text part. */
export const gemma3Table: Partial<FieldTable> = {
  honoured,
  harmless: {
    ...decoderHarmless,
    attn_logit_softcapping: "transformers 5.24 reads it and never applies it",
    _sliding_window_pattern: "layer_types says it",
  },
  only: {
    attention_bias: { values: [false], because: "biases in attention are not built" },
    is_causal: { values: [true], because: "use_bidirectional_attention says it, and sizes the window with it" },
  },
  within: {
    rope_parameters: {
      honoured: {},
      harmless: {},
      only: {},
      within: { full_attention: rope, sliding_attention: rope },
    },
  },
}

interface Gemma3Kind {
  /** What stands before names. */
  readonly prefix: string
  readonly norms: NormNames
  /** What a layer that slides, and one that does not, sees. */
  readonly sliding: (window: number) => Window
  readonly full: Window
  /** The name of the file's part, for messages. */
  readonly part: string
}

/** The stack of a Gemma 3's text part. */
export const gemma3Stack = (modelType: string, json: Gemma3Json, kind: Gemma3Kind): Outcome<RotaryStack> => {
  const at = (field: string): string => `${kind.part}${field}`
  const { head_dim: headSize, hidden_activation: activation, num_hidden_layers: count, sliding_window: window } = json
  const problem = headProblem(modelType, json.num_attention_heads, json.num_key_value_heads, headSize)
  if (problem !== undefined) return problem
  if (activation !== "gelu_pytorch_tanh") {
    return invalid(modelType, at("hidden_activation"), `«${activation}» is not built; gelu_pytorch_tanh is`)
  }
  const kinds = slidingLayers(json.layer_types, count, (layer) => (layer + 1) % json.sliding_window_pattern !== 0)
  if (typeof kinds === "string") return invalid(modelType, at("layer_types"), kinds)
  if (window === null && kinds.includes(true))
    return invalid(modelType, at("sliding_window"), "a layer slides, and it is null")
  const ropes = json.rope_parameters
  const turn = (slides: boolean) => {
    const own = slides ? ropes?.sliding_attention : ropes?.full_attention
    return {
      theta: own?.rope_theta ?? (slides ? json.rope_local_base_freq : json.rope_theta),
      stretch: own?.rope_type === "linear" ? (own.factor ?? 1) : 1,
    }
  }
  return Either.right({
    vocabulary: json.vocab_size,
    width: json.hidden_size,
    innerWidth: json.intermediate_size,
    heads: json.num_attention_heads,
    keyHeads: json.num_key_value_heads,
    headSize,
    layers: kinds.map((slides) => ({
      ...turn(slides),
      reach: slides && window !== null ? kind.sliding(window) : kind.full,
    })),
    epsilon: json.rms_norm_eps,
    scale: json.query_pre_attn_scalar ** -0.5,
    softCap: undefined,
    activation: "gelu_tanh",
    embeddingScale: Math.sqrt(json.hidden_size),
    unitGain: 0,
    headNorms: true,
    biases: { inputs: false, output: false },
    norms: kind.norms,
    prefix: kind.prefix,
  })
}

const DecoderJson = Schema.Struct({
  ...Gemma3Json.fields,
  use_bidirectional_attention: or(Schema.NullOr(Schema.Boolean), false),
  final_logit_softcapping: or(Schema.NullOr(positive), null),
  tie_word_embeddings: or(Schema.Boolean, true),
  pad_token_id: or(Schema.NullOr(Schema.NonNegativeInt), 0),
})

const own: Readonly<Record<Exclude<keyof typeof DecoderJson.Type, keyof Gemma3Json>, string>> = {
  use_bidirectional_attention:
    "true: tokens see what is behind them too, in sliding layers half of sliding_window to each side",
  final_logit_softcapping: "soft cap of a decoder's logits; null: none",
  tie_word_embeddings: "whether the embedding is the output's table",
  pad_token_id: "a classifier reads the last token that is another",
}

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const config = yield* decoded("gemma3_text", DecoderJson, json)
    const both = config.use_bidirectional_attention === true
    const stack = yield* gemma3Stack("gemma3_text", config, {
      prefix: "",
      norms: fourNorms,
      sliding: (window) => {
        const half = Math.floor(window / 2)
        return both ? { before: half, after: half } : { before: window - 1, after: 0 }
      },
      full: { before: undefined, after: both ? undefined : 0 },
      part: "",
    })
    return causalDecoder({
      family: "gemma",
      stack,
      tied: config.tie_word_embeddings,
      logitCap: config.final_logit_softcapping ?? undefined,
      padding: config.pad_token_id ?? undefined,
    })
  })

/** Gemma 3, its text part, as a folder of its own. */
export const gemma3: ModelType = {
  fields: configFields({ ...gemma3Table, honoured: { ...honoured, ...own } }),
  read,
}
