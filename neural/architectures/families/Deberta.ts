import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Architecture } from "../Architecture.ts"
import { activationOf, activations } from "../activation.ts"
import { checkHeads, configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { type Family, pooledHeads } from "../Family.ts"
import { deberta, type RelativeAttention } from "./DebertaEncoder.ts"

/** The defaults are those of Hugging Face's class: files leave out what equals them. */
const DebertaJson = Schema.Struct({
  vocab_size: or(size, 128100),
  embedding_size: or(Schema.NullOr(size), null),
  hidden_size: or(size, 1536),
  num_hidden_layers: or(depth, 24),
  num_attention_heads: or(size, 24),
  attention_head_size: or(Schema.NullOr(size), null),
  intermediate_size: or(size, 6144),
  hidden_act: or(Schema.String, "gelu"),
  max_position_embeddings: or(size, 512),
  type_vocab_size: or(Schema.NonNegativeInt, 0),
  layer_norm_eps: or(positive, 1e-7),
  relative_attention: or(Schema.Boolean, false),
  max_relative_positions: or(Schema.Int, -1),
  position_buckets: or(Schema.Int, -1),
  position_biased_input: or(Schema.Boolean, true),
  pos_att_type: or(Schema.NullOr(Schema.Union(Schema.String, Schema.Array(Schema.String))), null),
  share_att_key: or(Schema.Boolean, false),
  norm_rel_ebd: or(Schema.String, "none"),
  pooler_hidden_size: or(Schema.NullOr(size), null),
  pooler_hidden_act: or(Schema.String, "gelu"),
})

const honoured: Readonly<Record<keyof typeof DebertaJson.fields, string>> = {
  vocab_size: "rows of the embedding",
  embedding_size: "width of the embeddings; left out, hidden_size",
  hidden_size: "width of the layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads; it divides hidden_size",
  attention_head_size: "must be hidden_size / num_attention_heads",
  intermediate_size: "inner width of the feed-forward layers",
  hidden_act: "activation of the feed-forward layers: gelu, gelu_new or relu",
  max_position_embeddings: "rows of the table of absolute positions, where position_biased_input is true",
  type_vocab_size: "rows of the token type table; 0: none",
  layer_norm_eps: "epsilon of the layer normalisations",
  relative_attention: "whether attention has products with relative positions",
  max_relative_positions: "the distance at which relative positions end; below 1, max_position_embeddings",
  position_buckets: "buckets of relative positions on either side; below 1, each distance has its own row",
  position_biased_input: "whether absolute positions are added to the embeddings",
  pos_att_type:
    "which products with relative positions there are: c2p, p2c; it counts in the scores' scale also without relative_attention",
  share_att_key: "whether the projections of tokens serve relative positions too",
  norm_rel_ebd: "layer_norm: the table of relative positions is normalised; none",
  pooler_hidden_size: "must be hidden_size",
  pooler_hidden_act: "activation of the classifier's pooler: gelu, gelu_new, relu or tanh",
}

const fields = configFields({
  honoured,
  harmless: {
    conv_act: "of the convolution, which is not built",
    conv_groups: "of the convolution, which is not built",
    pooler_dropout: "acts in training only",
    cls_dropout: "acts in training only",
    legacy: "of the language model's head, which is not used",
    tie_word_embeddings: "of the language model's head, which is not used",
  },
  only: {
    conv_kernel_size: {
      values: [0],
      because: "the convolution beside the first layer (DeBERTa-v2 xlarge) is not built",
    },
    is_encoder_decoder: { values: [false], because: "it is an encoder here" },
  },
})

const modelType = "deberta-v2"

const read = (json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded(modelType, DebertaJson, json)
    const refuse = (field: string, why: string) => invalid(modelType, field, why)
    const activation = yield* activationOf(modelType, "hidden_act", part.hidden_act)
    const pooling = [...activations, "tanh"] as const
    const poolerActivation = pooling.find((known) => known === part.pooler_hidden_act)
    if (poolerActivation === undefined) {
      return yield* refuse("pooler_hidden_act", `«${part.pooler_hidden_act}» is not built; ${pooling.join(", ")} are`)
    }
    const { hidden_size: width, num_attention_heads: heads } = part
    yield* checkHeads(modelType, ["num_attention_heads", heads], ["hidden_size", width])
    if ((part.attention_head_size ?? width / heads) !== width / heads) {
      return yield* refuse(
        "attention_head_size",
        `${part.attention_head_size} is not hidden_size / num_attention_heads`,
      )
    }
    if ((part.pooler_hidden_size ?? width) !== width) {
      return yield* refuse("pooler_hidden_size", `${part.pooler_hidden_size} is not hidden_size`)
    }
    const listed = part.pos_att_type ?? []
    const kinds = (typeof listed === "string" ? listed.toLowerCase().split("|") : listed).map((kind) => kind.trim())
    const strange = kinds.find((kind) => !["c2p", "p2c", ""].includes(kind))
    if (strange !== undefined) return yield* refuse("pos_att_type", `«${strange}» is not built; c2p and p2c are`)
    const norms = part.norm_rel_ebd
      .toLowerCase()
      .split("|")
      .map((norm) => norm.trim())
    const strangeNorm = norms.find((norm) => norm !== "none" && norm !== "layer_norm")
    if (strangeNorm !== undefined)
      return yield* refuse("norm_rel_ebd", `«${strangeNorm}» is not built; layer_norm and none are`)

    const maximumDistance = part.max_relative_positions < 1 ? part.max_position_embeddings : part.max_relative_positions
    const buckets = part.position_buckets > 0 ? part.position_buckets : undefined
    const relative: RelativeAttention | undefined = part.relative_attention
      ? {
          span: buckets ?? maximumDistance,
          buckets,
          maximumDistance,
          normalized: norms.includes("layer_norm"),
          sharedProjections: part.share_att_key,
        }
      : undefined
    if (relative !== undefined && kinds.join("") === "") {
      return yield* refuse("pos_att_type", "relative_attention without a product is not built")
    }
    if (
      relative !== undefined &&
      buckets !== undefined &&
      (buckets < 4 || maximumDistance - 1 <= Math.floor(buckets / 2))
    ) {
      return yield* refuse("position_buckets", `${buckets} buckets do not end within ${maximumDistance} positions`)
    }
    const architecture = deberta({
      vocabulary: part.vocab_size,
      embeddingWidth: part.embedding_size ?? width,
      width,
      innerWidth: part.intermediate_size,
      layers: part.num_hidden_layers,
      heads,
      activation,
      poolerActivation,
      epsilon: part.layer_norm_eps,
      tokenTypes: part.type_vocab_size,
      positions: part.position_biased_input ? part.max_position_embeddings : undefined,
      relative,
      contentToPosition: kinds.includes("c2p"),
      positionToContent: kinds.includes("p2c"),
    })
    return architecture
  })

/** DeBERTa-v2 and v3, which have one model type. */
export const debertaFamily: Family = {
  name: "deberta",
  modelTypes: { [modelType]: { fields, read } },
  proven: { [modelType]: ["classifier", ...pooledHeads] },
  repositories: [
    { name: "mixedbread-ai/mxbai-rerank-base-v1", modelType, head: "classifier" },
    { name: "mixedbread-ai/mxbai-rerank-xsmall-v1", modelType, head: "classifier" },
    { name: "mixedbread-ai/mxbai-rerank-large-v1", modelType, head: "classifier" },
    { name: "cross-encoder/nli-deberta-v3-base", modelType, head: "classifier" },
  ],
}
