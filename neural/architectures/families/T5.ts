import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { FieldTable } from "../../../schemas/index.ts"
import type { Architecture } from "../Architecture.ts"
import { configFields, decoded, depth, invalid, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { type Family, type ModelType, pooledHeads } from "../Family.ts"
import { t5 } from "./T5Architecture.ts"
import type { FeedForward } from "./T5Encoder.ts"

/** What files leave out where it equals the default of Hugging Face's class. */
const usual = {
  t5: { vocab_size: 32128, d_ff: 2048, num_layers: 6, num_heads: 8, feed_forward_proj: "relu" },
  mt5: { vocab_size: 250112, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: "gated-gelu" },
  umt5: { vocab_size: 250112, d_ff: 1024, num_layers: 8, num_heads: 6, feed_forward_proj: "gated-gelu" },
} as const
type T5Kind = keyof typeof usual

const t5Json = (kind: T5Kind) =>
  Schema.Struct({
    vocab_size: or(size, usual[kind].vocab_size),
    d_model: or(size, 512),
    d_kv: or(size, 64),
    d_ff: or(size, usual[kind].d_ff),
    num_layers: or(depth, usual[kind].num_layers),
    num_decoder_layers: or(Schema.NullOr(depth), null),
    num_heads: or(size, usual[kind].num_heads),
    relative_attention_num_buckets: or(Schema.Int.pipe(Schema.between(4, 65_536)), 32),
    relative_attention_max_distance: or(Schema.Int.pipe(Schema.between(2, 65_536)), 128),
    layer_norm_epsilon: or(positive, 1e-6),
    feed_forward_proj: or(Schema.String, usual[kind].feed_forward_proj),
    dense_act_fn: or(Schema.NullOr(Schema.String), null),
    is_gated_act: or(Schema.NullOr(Schema.Boolean), null),
    tie_word_embeddings: or(Schema.NullOr(Schema.Boolean), null),
    scale_decoder_outputs: or(Schema.NullOr(Schema.Boolean), null),
    decoder_start_token_id: or(Schema.NullOr(Schema.NonNegativeInt), 0),
  })

const honoured: Readonly<Record<keyof ReturnType<typeof t5Json>["fields"], string>> = {
  vocab_size: "rows of the embedding",
  d_model: "width of the layers",
  d_kv: "size of an attention head",
  d_ff: "inner width of the feed-forward layers",
  num_layers: "layers of the encoder",
  num_decoder_layers: "layers of the decoder; left out, as many",
  num_heads: "attention heads",
  relative_attention_num_buckets: "buckets of relative positions",
  relative_attention_max_distance: "the distance from which the last bucket counts",
  layer_norm_epsilon: "epsilon of the normalisations",
  feed_forward_proj: "feed-forward layers: relu or gated-gelu",
  dense_act_fn: "must be what feed_forward_proj says",
  is_gated_act: "must be what feed_forward_proj says",
  tie_word_embeddings: "whether the decoder's output uses the embedding; false asks for lm_head.weight",
  scale_decoder_outputs: "whether the decoder's output is scaled; left out, as tie_word_embeddings",
  decoder_start_token_id: "the token that the decoder begins with",
}

const harmless = {
  n_positions: "relative positions have no end",
  is_encoder_decoder: "the head says whether the decoder is used",
} as const
const { scale_decoder_outputs: _, ...honouredOfMt5 } = honoured

const fields = {
  t5: configFields({ honoured, harmless }),
  mt5: configFields({
    honoured: honouredOfMt5,
    harmless: {
      ...harmless,
      scale_decoder_outputs: "transformers does not read it; an mT5's decoder output is not scaled",
    },
  }),
  umt5: configFields({
    honoured,
    harmless: { ...harmless, scalable_attention: "of Google's own code; transformers does not read it" },
  }),
} satisfies Record<T5Kind, FieldTable>

const activations: Readonly<Record<FeedForward, readonly [activation: string, gated: boolean]>> = {
  relu: ["relu", false],
  "gated-gelu": ["gelu_new", true],
}

const read = (kind: T5Kind, json: unknown): Outcome<Architecture> =>
  Either.flatMap(decoded(kind, t5Json(kind), json), (part) => {
    const feedForward = part.feed_forward_proj
    if (feedForward !== "relu" && feedForward !== "gated-gelu") {
      return invalid(kind, "feed_forward_proj", `«${feedForward}» is not built; relu and gated-gelu are`)
    }
    const [activation, gated] = activations[feedForward]
    if ((part.dense_act_fn ?? activation) !== activation) {
      const why = `«${part.dense_act_fn}» contradicts feed_forward_proj «${feedForward}», whose activation is ${activation}`
      return invalid(kind, "dense_act_fn", why)
    }
    if ((part.is_gated_act ?? gated) !== gated) {
      return invalid(kind, "is_gated_act", `${part.is_gated_act} contradicts feed_forward_proj «${feedForward}»`)
    }
    const architecture = t5({
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
      // transformers 5 says it in a field of its own, and writes that every output is tied.
      tiedOutput: kind !== "mt5" && (part.scale_decoder_outputs ?? part.tie_word_embeddings ?? true),
      sharedOutput: part.tie_word_embeddings ?? true,
      decoderStart: part.decoder_start_token_id ?? 0,
      // monoT5's; and those of the rerankers that were trained on mMARCO from mT5.
      choice: kind === "t5" ? { yes: "\u2581true", no: "\u2581false" } : { yes: "\u2581yes", no: "\u2581no" },
      biasInEachLayer: kind === "umt5",
    })
    return Either.right(architecture)
  })

const modelType = (kind: T5Kind): Readonly<Record<string, ModelType>> => ({
  [kind]: { fields: fields[kind], read: (json) => read(kind, json) },
})

/** T5 1.0, T5 1.1 and Flan-T5; mT5; UMT5. */
export const t5Family: Family = {
  name: "t5",
  modelTypes: { ...modelType("t5"), ...modelType("mt5"), ...modelType("umt5") },
  proven: {
    t5: ["decoder-logit", "decoder-choice", ...pooledHeads],
    mt5: ["decoder-logit", "decoder-choice"],
    umt5: ["decoder-logit", "decoder-choice", ...pooledHeads],
  },
  repositories: [
    { name: "castorini/monot5-base-msmarco", modelType: "t5", head: "decoder-choice" },
    { name: "unicamp-dl/mt5-base-mmarco-v2", modelType: "mt5", head: "decoder-choice" },
  ],
  scratch: ({ headSize, heads, innerWidth, layers, vocabulary, width }) => ({
    architectures: ["T5EncoderModel"],
    model_type: "t5",
    vocab_size: vocabulary,
    d_model: width,
    d_kv: headSize,
    d_ff: innerWidth,
    num_layers: layers,
    num_decoder_layers: layers,
    num_heads: heads,
    // T5's own: 32 buckets, the last from 128 tokens on.
    relative_attention_num_buckets: 32,
    relative_attention_max_distance: 128,
    feed_forward_proj: "relu",
    layer_norm_epsilon: 1e-6,
    is_encoder_decoder: false,
    use_cache: false,
    decoder_start_token_id: 0,
    pad_token_id: 0,
    eos_token_id: 1,
  }),
}
