import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import type { Architecture } from "../Architecture.ts"
import { activationOf } from "../activation.ts"
import { checkHeads, configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { type Family, pooledHeads } from "../Family.ts"
import { modernBert } from "./ModernBertEncoder.ts"
import { plainRopeFields, RopeJson, slidingLayers } from "./rotaryFields.ts"

const RopesJson = Schema.Struct({
  full_attention: or(Schema.NullOr(RopeJson), null),
  sliding_attention: or(Schema.NullOr(RopeJson), null),
})

/** The defaults are those of Hugging Face's class: files leave out what equals them. */
const ModernBertJson = Schema.Struct({
  vocab_size: or(size, 50368),
  hidden_size: or(size, 768),
  intermediate_size: or(size, 1152),
  num_hidden_layers: or(depth, 22),
  num_attention_heads: or(size, 12),
  hidden_activation: or(Schema.String, "gelu"),
  max_position_embeddings: or(size, 8192),
  norm_eps: or(positive, 1e-5),
  norm_bias: or(Schema.Boolean, false),
  attention_bias: or(Schema.Boolean, false),
  mlp_bias: or(Schema.Boolean, false),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  global_attn_every_n_layers: or(size, 3),
  local_attention: or(size, 128),
  sliding_window: or(Schema.NullOr(size), null),
  rope_parameters: or(Schema.NullOr(RopesJson), null),
  global_rope_theta: or(positive, 160_000),
  local_rope_theta: or(positive, 10_000),
  classifier_pooling: or(Schema.Literal("cls", "mean"), "cls"),
  classifier_bias: or(Schema.Boolean, false),
  classifier_activation: or(Schema.String, "gelu"),
})

const honoured: Readonly<Record<Exclude<keyof typeof ModernBertJson.fields, "rope_parameters">, string>> = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  intermediate_size: "inner width of the feed-forward layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads; it divides hidden_size",
  hidden_activation: "activation of the feed-forward layers' first half: gelu, gelu_new or relu",
  max_position_embeddings: "the longest text; rotary positions as such have no end",
  norm_eps: "epsilon of the normalisations",
  norm_bias: "whether normalisations have biases",
  attention_bias: "whether attention has biases",
  mlp_bias: "whether feed-forward layers have biases",
  layer_types: "which layers are local (sliding_attention)",
  global_attn_every_n_layers: "without layer_types: the first layer and every so many are global, the others local",
  local_attention: "of half of it, rounded down, local layers see tokens at most as far on each side",
  sliding_window: "half of local_attention, before which it goes",
  global_rope_theta: "base of global layers' rotary positions; rope_parameters goes before",
  local_rope_theta: "base of local layers' rotary positions; rope_parameters goes before",
  classifier_pooling: "what a classifier sees: the first token (cls) or the mean of all",
  classifier_bias: "whether the classifier's dense layer has a bias",
  classifier_activation: "activation of the classifier's dense layer: gelu, gelu_new or relu",
}

const fields = configFields({
  honoured,
  harmless: {
    layer_norm_eps: "transformers does not read it; norm_eps is taken",
    position_embedding_type: "transformers does not read it; positions are rotary",
    tie_word_embeddings: "of the language model's head, which is not used",
    decoder_bias: "of the language model's head, which is not used",
    sparse_prediction: "of the language model's head, which is not used",
    sparse_pred_ignore_index: "of the language model's head, which is not used",
    embedding_dropout: "acts in training only",
    mlp_dropout: "acts in training only",
    deterministic_flash_attn: "how attention is computed, not what",
    reference_compile: "how it is computed, not what",
    repad_logits_with_grad: "how it is computed, not what",
    initializer_cutoff_factor: "of new weights, not of stored ones",
  },
  only: { is_encoder_decoder: { values: [false], because: "it is an encoder here" } },
  within: {
    rope_parameters: {
      honoured: {},
      harmless: {},
      only: {},
      within: { full_attention: plainRopeFields, sliding_attention: plainRopeFields } satisfies Record<
        keyof typeof RopesJson.fields,
        FieldTable
      >,
    },
  },
})

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded("modernbert", ModernBertJson, json)
    const refuse = (field: string, why: string) => invalid("modernbert", field, why)
    const activation = yield* activationOf("modernbert", "hidden_activation", part.hidden_activation)
    const classifierActivation = yield* activationOf("modernbert", "classifier_activation", part.classifier_activation)
    const layers = part.num_hidden_layers
    const kinds = slidingLayers(part.layer_types, layers, (layer) => layer % part.global_attn_every_n_layers !== 0)
    if (typeof kinds === "string") return yield* refuse("layer_types", kinds)
    yield* checkHeads(
      "modernbert",
      ["num_attention_heads", part.num_attention_heads],
      ["hidden_size", part.hidden_size],
    )
    if ((part.hidden_size / part.num_attention_heads) % 2 !== 0) {
      return yield* refuse("num_attention_heads", "rotary positions need heads of an even size")
    }
    const { full_attention: full, sliding_attention: sliding } = part.rope_parameters ?? {
      full_attention: null,
      sliding_attention: null,
    }
    const scaled = [full, sliding].find((rope) => rope !== null && rope.rope_type !== "default")
    if (scaled) {
      return yield* refuse("rope_parameters", `«${scaled.rope_type}» is not built; the default rotary positions are`)
    }
    const architecture = modernBert({
      vocabulary: part.vocab_size,
      width: part.hidden_size,
      innerWidth: part.intermediate_size,
      layers,
      heads: part.num_attention_heads,
      activation,
      epsilon: part.norm_eps,
      window: part.sliding_window ?? Math.floor(part.local_attention / 2),
      local: kinds,
      ropeBase: {
        global: full?.rope_theta ?? part.global_rope_theta,
        local: sliding?.rope_theta ?? part.local_rope_theta,
      },
      biases: {
        attention: part.attention_bias,
        feedForward: part.mlp_bias,
        norm: part.norm_bias,
        classifier: part.classifier_bias,
      },
      classifierPooling: part.classifier_pooling,
      classifierActivation,
      positions: part.max_position_embeddings,
    })
    return architecture
  })

/** ModernBERT and the models that were trained from it. */
export const modernBertFamily: Family = {
  name: "modernbert",
  modelTypes: { modernbert: { fields, read } },
  proven: { modernbert: ["classifier", ...pooledHeads] },
  repositories: [
    { name: "Alibaba-NLP/gte-reranker-modernbert-base", modelType: "modernbert", head: "classifier" },
    { name: "Alibaba-NLP/gte-modernbert-base", modelType: "modernbert", head: "embedding" },
    { name: "nomic-ai/modernbert-embed-base", modelType: "modernbert", head: "embedding" },
    { name: "lightonai/modernbert-embed-large", modelType: "modernbert", head: "embedding" },
  ],
}
