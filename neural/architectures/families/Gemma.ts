import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import type { Architecture } from "../Architecture.ts"
import { configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import type { Family } from "../Family.ts"
import { causalDecoder } from "./causalDecoder.ts"
import { gemma3 } from "./Gemma3.ts"
import {
  decoderHarmless,
  fourNorms,
  headProblem,
  RopeJson,
  ropeFields,
  slidingLayers,
  twoNorms,
} from "./rotaryFields.ts"

/** What Gemma 1 and 2 share. The defaults are those of Gemma 2's class. */
const shared = {
  vocab_size: or(size, 256_000),
  head_dim: or(size, 256),
  rms_norm_eps: or(positive, 1e-6),
  rope_theta: or(positive, 10_000),
  rope_parameters: or(Schema.NullOr(RopeJson), null),
  tie_word_embeddings: or(Schema.Boolean, true),
  pad_token_id: or(Schema.NullOr(Schema.NonNegativeInt), 0),
} as const

const GemmaJson = Schema.Struct({
  ...shared,
  hidden_size: or(size, 3072),
  intermediate_size: or(size, 24_576),
  num_hidden_layers: or(depth, 28),
  num_attention_heads: or(size, 16),
  num_key_value_heads: or(size, 16),
  hidden_act: or(Schema.NullOr(Schema.String), null),
  hidden_activation: or(Schema.NullOr(Schema.String), null),
})

const Gemma2Json = Schema.Struct({
  ...shared,
  hidden_size: or(size, 2304),
  intermediate_size: or(size, 9216),
  num_hidden_layers: or(depth, 26),
  num_attention_heads: or(size, 8),
  num_key_value_heads: or(size, 4),
  hidden_activation: or(Schema.String, "gelu_pytorch_tanh"),
  query_pre_attn_scalar: or(positive, 256),
  sliding_window: or(Schema.NullOr(size), 4096),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  attn_logit_softcapping: or(Schema.NullOr(positive), 50),
  final_logit_softcapping: or(Schema.NullOr(positive), 30),
})

const sharedHonoured = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  intermediate_size: "inner width of the feed-forward layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads",
  num_key_value_heads: "heads of keys and values; it divides num_attention_heads",
  head_dim: "size of an attention head",
  rms_norm_eps: "epsilon of the normalisations",
  rope_theta: "base of the rotary positions, in files of transformers 4; rope_parameters goes before",
  tie_word_embeddings: "whether the embedding is the output's table",
  pad_token_id: "a classifier reads the last token that is another",
} as const

const gemmaHonoured: Readonly<Record<Exclude<keyof typeof GemmaJson.Type, "rope_parameters">, string>> = {
  ...sharedHonoured,
  hidden_act: "gelu or gelu_pytorch_tanh, which here both mean the tanh approximation",
  hidden_activation: "as hidden_act, before which it goes, in files of transformers 4",
}

const gemma2Honoured: Readonly<Record<Exclude<keyof typeof Gemma2Json.Type, "rope_parameters">, string>> = {
  ...sharedHonoured,
  hidden_activation: "must be gelu_pytorch_tanh",
  query_pre_attn_scalar: "scores are divided by its square root",
  sliding_window: "how many tokens sliding layers see, the token itself among them",
  layer_types: "which layers slide; left out, every other from the first on",
  attn_logit_softcapping: "soft cap of the attention scores; null: none",
  final_logit_softcapping: "soft cap of a decoder's logits; null: none",
}

const only = {
  attention_bias: { values: [false], because: "biases in attention are not built" },
  is_causal: { values: [true], because: "a Gemma that sees what is behind a token is not built" },
  use_bidirectional_attention: {
    values: [false],
    because:
      "transformers 5.24 then computes with or without a causal mask, as its implementation and the padding have it",
    remedy: "Set it to false for a causal mask, which eager attention has all the same.",
  },
} as const

const within = { rope_parameters: ropeFields }
const gemmaFields: FieldTable = configFields({ honoured: gemmaHonoured, harmless: decoderHarmless, only, within })
const gemma2Fields: FieldTable = configFields({
  honoured: gemma2Honoured,
  harmless: { ...decoderHarmless, hidden_act: "hidden_activation is taken" },
  only,
  within,
})

const tanhNames: ReadonlySet<string> = new Set(["gelu", "gelu_pytorch_tanh"])

/** What of the stack does not depend on the generation. */
const common = (json: typeof GemmaJson.Type | typeof Gemma2Json.Type) => ({
  vocabulary: json.vocab_size,
  width: json.hidden_size,
  innerWidth: json.intermediate_size,
  heads: json.num_attention_heads,
  keyHeads: json.num_key_value_heads,
  headSize: json.head_dim,
  epsilon: json.rms_norm_eps,
  activation: "gelu_tanh" as const,
  embeddingScale: Math.sqrt(json.hidden_size),
  unitGain: 0 as const,
  headNorms: false,
  biases: { inputs: false, output: false },
  prefix: "",
})

const problemOf = (modelType: string, json: typeof GemmaJson.Type | typeof Gemma2Json.Type) =>
  headProblem(modelType, json.num_attention_heads, json.num_key_value_heads, json.head_dim)

const readGemma = (json: unknown): Outcome<Architecture> =>
  Either.flatMap(decoded("gemma", GemmaJson, json), (config): Outcome<Architecture> => {
    const problem = problemOf("gemma", config)
    if (problem !== undefined) return problem
    const activation = config.hidden_activation ?? config.hidden_act ?? "gelu_pytorch_tanh"
    if (!tanhNames.has(activation)) return invalid("gemma", "hidden_act", `«${activation}» is not built`)
    const theta = config.rope_parameters?.rope_theta ?? config.rope_theta
    return Either.right(
      causalDecoder({
        family: "gemma",
        stack: {
          ...common(config),
          layers: Array.from({ length: config.num_hidden_layers }, () => ({
            theta,
            stretch: 1,
            reach: { before: undefined, after: 0 },
          })),
          scale: config.head_dim ** -0.5,
          softCap: undefined,
          norms: twoNorms,
        },
        tied: config.tie_word_embeddings,
        logitCap: undefined,
        padding: config.pad_token_id ?? undefined,
      }),
    )
  })

const readGemma2 = (json: unknown): Outcome<Architecture> =>
  Either.flatMap(decoded("gemma2", Gemma2Json, json), (config): Outcome<Architecture> => {
    const problem = problemOf("gemma2", config)
    if (problem !== undefined) return problem
    const { hidden_activation: activation, num_hidden_layers: count, sliding_window: window } = config
    if (activation !== "gelu_pytorch_tanh")
      return invalid("gemma2", "hidden_activation", `«${activation}» is not built`)
    const kinds = slidingLayers(config.layer_types, count, (layer) => layer % 2 === 0)
    if (typeof kinds === "string") return invalid("gemma2", "layer_types", kinds)
    const theta = config.rope_parameters?.rope_theta ?? config.rope_theta
    return Either.right(
      causalDecoder({
        family: "gemma",
        stack: {
          ...common(config),
          layers: kinds.map((slides) => ({
            theta,
            stretch: 1,
            reach: { before: slides && window !== null ? window - 1 : undefined, after: 0 },
          })),
          scale: config.query_pre_attn_scalar ** -0.5,
          softCap: config.attn_logit_softcapping ?? undefined,
          norms: fourNorms,
        },
        tied: config.tie_word_embeddings,
        logitCap: config.final_logit_softcapping ?? undefined,
        padding: config.pad_token_id ?? undefined,
      }),
    )
  })

/** Gemma 1, 2 and 3 (of text), decoders; Gemma 3 may see in both directions. */
export const gemmaFamily: Family = {
  name: "gemma",
  modelTypes: {
    gemma: { fields: gemmaFields, read: readGemma },
    gemma2: { fields: gemma2Fields, read: readGemma2 },
    gemma3_text: gemma3,
  },
  proven: {
    gemma: ["decoder-logit", "decoder-choice"],
    gemma2: ["decoder-logit", "decoder-choice"],
    gemma3_text: ["classifier", "decoder-logit", "decoder-choice", "masked-mean", "attention-pooling", "embedding"],
  },
  repositories: [
    { name: "BAAI/bge-reranker-v2-gemma", modelType: "gemma", head: "decoder-logit" },
    { name: "google/embeddinggemma-300m", modelType: "gemma3_text", head: "embedding" },
  ],
}
