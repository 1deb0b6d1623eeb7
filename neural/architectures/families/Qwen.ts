import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import type { Architecture } from "../Architecture.ts"
import { configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import type { Family } from "../Family.ts"
import type { RotaryLayer } from "../RotaryStack.ts"
import type { Window } from "../slidingWindow.ts"
import { causalDecoder } from "./causalDecoder.ts"
import { decoderHarmless, headProblem, RopeJson, ropeFields, slidingLayers, twoNorms } from "./rotaryFields.ts"

type Generation = "qwen2" | "qwen3"

const activations: Readonly<Record<string, "silu" | "gelu" | "gelu_tanh" | "relu">> = {
  silu: "silu",
  swish: "silu",
  gelu: "gelu",
  gelu_pytorch_tanh: "gelu_tanh",
  gelu_new: "gelu_tanh",
  relu: "relu",
}

/** The defaults are those of Hugging Face's classes: files leave out what equals them. */
const QwenJson = Schema.Struct({
  vocab_size: or(size, 151_936),
  hidden_size: or(size, 4096),
  intermediate_size: or(size, 22_016),
  num_hidden_layers: or(depth, 32),
  num_attention_heads: or(size, 32),
  num_key_value_heads: or(Schema.NullOr(size), 32),
  head_dim: or(Schema.NullOr(size), null),
  hidden_act: or(Schema.String, "silu"),
  rms_norm_eps: or(positive, 1e-6),
  rope_theta: or(positive, 10_000),
  rope_parameters: or(Schema.NullOr(RopeJson), null),
  attention_bias: or(Schema.Boolean, false),
  use_sliding_window: or(Schema.Boolean, false),
  sliding_window: or(Schema.NullOr(size), 4096),
  max_window_layers: or(Schema.NonNegativeInt, 28),
  layer_types: or(Schema.NullOr(Schema.Array(Schema.String)), null),
  is_causal: or(Schema.Boolean, true),
  tie_word_embeddings: or(Schema.Boolean, false),
  pad_token_id: or(Schema.NullOr(Schema.NonNegativeInt), null),
})
type QwenJson = typeof QwenJson.Type

const honoured: Readonly<Record<Exclude<keyof QwenJson, "rope_parameters">, string>> = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  intermediate_size: "inner width of the feed-forward layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads",
  num_key_value_heads: "heads of keys and values; it divides num_attention_heads",
  head_dim: "size of an attention head; left out, 128 in Qwen 3 and hidden_size over the heads in Qwen 2",
  hidden_act: "activation of the feed-forward layers",
  rms_norm_eps: "epsilon of the normalisations",
  rope_theta: "base of the rotary positions, in files of transformers 4; rope_parameters goes before",
  attention_bias: "whether attention has biases, in Qwen 3; Qwen 2 has them before attention, whatever this says",
  use_sliding_window: "whether sliding layers slide: false, as in published files, makes sliding_window void",
  sliding_window: "how many tokens sliding layers see, the token itself among them",
  max_window_layers: "the first layer that slides, where layer_types is left out",
  layer_types: "which layers slide",
  is_causal: "false: tokens see what is behind them too",
  tie_word_embeddings: "whether the embedding is the output's table",
  pad_token_id: "a classifier reads the last token that is another",
}

const fields: FieldTable = configFields({
  honoured,
  harmless: decoderHarmless,
  within: { rope_parameters: ropeFields },
})

/** The layers' reach: the window of Qwen 3 stands in its files, and is used only where use_sliding_window says so. */
const layersOf = (json: QwenJson, theta: number): readonly RotaryLayer[] | string => {
  const count = json.num_hidden_layers
  const window = json.use_sliding_window ? json.sliding_window : null
  const kinds = slidingLayers(json.layer_types, count, (layer) => window !== null && layer >= json.max_window_layers)
  if (typeof kinds === "string") return kinds
  if (window === null && kinds.includes(true)) return "a layer slides, and no sliding_window is in use"
  const after = json.is_causal ? 0 : undefined
  // Without a direction the window is to both sides, and does not count the token itself.
  const sliding: Window =
    window === null
      ? { before: undefined, after }
      : json.is_causal
        ? { before: window - 1, after }
        : { before: window, after: window }
  return kinds.map((slides) => ({ theta, stretch: 1, reach: slides ? sliding : { before: undefined, after } }))
}

const read =
  (generation: Generation) =>
  (json: unknown): Outcome<Architecture> =>
    Either.flatMap(decoded(generation, QwenJson, json), (config): Outcome<Architecture> => {
      const { hidden_size: width, num_attention_heads: heads } = config
      const keyHeads = config.num_key_value_heads ?? heads
      const headSize = config.head_dim ?? (generation === "qwen3" ? 128 : width / heads)
      const problem = headProblem(generation, heads, keyHeads, headSize)
      if (problem !== undefined) return problem
      const activation = activations[config.hidden_act]
      if (activation === undefined) return invalid(generation, "hidden_act", `«${config.hidden_act}» is not built`)
      const layers = layersOf(config, config.rope_parameters?.rope_theta ?? config.rope_theta)
      if (typeof layers === "string") return invalid(generation, "layer_types", layers)
      return Either.right(
        causalDecoder({
          family: "qwen",
          stack: {
            vocabulary: config.vocab_size,
            width,
            innerWidth: config.intermediate_size,
            heads,
            keyHeads,
            headSize,
            layers,
            epsilon: config.rms_norm_eps,
            scale: headSize ** -0.5,
            softCap: undefined,
            activation,
            embeddingScale: 1,
            unitGain: 1,
            headNorms: generation === "qwen3",
            biases:
              generation === "qwen2"
                ? { inputs: true, output: false }
                : { inputs: config.attention_bias, output: config.attention_bias },
            norms: twoNorms,
            prefix: "",
          },
          tied: config.tie_word_embeddings,
          logitCap: undefined,
          padding: config.pad_token_id ?? undefined,
        }),
      )
    })

/** Qwen 2 and 3, decoders: rerankers by the logits of two words, classifiers, embeddings of the last token. */
export const qwenFamily: Family = {
  name: "qwen",
  modelTypes: { qwen2: { fields, read: read("qwen2") }, qwen3: { fields, read: read("qwen3") } },
  proven: {
    qwen2: ["classifier", "decoder-logit", "decoder-choice"],
    qwen3: ["classifier", "decoder-logit", "decoder-choice", "masked-mean", "attention-pooling", "embedding"],
  },
  repositories: [
    { name: "Qwen/Qwen3-Reranker-0.6B", modelType: "qwen3", head: "decoder-choice" },
    { name: "Qwen/Qwen3-Reranker-4B", modelType: "qwen3", head: "decoder-choice" },
    { name: "Qwen/Qwen3-Reranker-8B", modelType: "qwen3", head: "decoder-choice" },
    { name: "tomaarsen/Qwen3-Reranker-0.6B-seq-cls", modelType: "qwen3", head: "classifier" },
    { name: "Qwen/Qwen3-Embedding-0.6B", modelType: "qwen3", head: "embedding" },
    { name: "mixedbread-ai/mxbai-rerank-base-v2", modelType: "qwen2", head: "decoder-choice" },
    { name: "mixedbread-ai/mxbai-rerank-large-v2", modelType: "qwen2", head: "decoder-choice" },
  ],
}
