import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Architecture } from "../Architecture.ts"
import { activationOf } from "../activation.ts"
import { checkHeads, configFields, decoded, depth, type Outcome, or, positive, size } from "../ConfigJson.ts"
import { type Family, type ModelType, pooledHeads } from "../Family.ts"
import { type BertKind, bert } from "./BertEncoder.ts"

/** What files leave out where it equals the default of Hugging Face's class. */
const usual = {
  bert: { vocab_size: 30522, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072 },
  roberta: { vocab_size: 50265, hidden_size: 768, num_attention_heads: 12, intermediate_size: 3072 },
  electra: { vocab_size: 30522, hidden_size: 256, num_attention_heads: 4, intermediate_size: 1024 },
} as const satisfies Record<BertKind, object>

/** Classes that are RoBERTa's but for the size of their vocabulary, which files leave out as well. */
const usualVocabulary: ReadonlyMap<string, number> = new Map([
  ["xlm-roberta", 30522],
  ["camembert", 30522],
])

const bertJson = (kind: BertKind, modelType: string) =>
  Schema.Struct({
    vocab_size: or(size, usualVocabulary.get(modelType) ?? usual[kind].vocab_size),
    embedding_size: or(Schema.NullOr(size), null),
    hidden_size: or(size, usual[kind].hidden_size),
    num_hidden_layers: or(depth, 12),
    num_attention_heads: or(size, usual[kind].num_attention_heads),
    intermediate_size: or(size, usual[kind].intermediate_size),
    hidden_act: or(Schema.String, "gelu"),
    max_position_embeddings: or(size, 512),
    type_vocab_size: or(size, 2),
    layer_norm_eps: or(positive, 1e-12),
    pad_token_id: or(Schema.NullOr(Schema.NonNegativeInt), null),
  })

const general = {
  vocab_size: "rows of the embedding",
  hidden_size: "width of the layers",
  num_hidden_layers: "layers",
  num_attention_heads: "attention heads; it divides hidden_size",
  intermediate_size: "inner width of the feed-forward layers",
  hidden_act: "activation of the feed-forward layers: gelu, gelu_new or relu",
  max_position_embeddings: "rows of the position table",
  type_vocab_size: "rows of the token type table",
  layer_norm_eps: "epsilon of the layer normalisations",
} as const satisfies Partial<Record<keyof ReturnType<typeof bertJson>["fields"], string>>

const asEncoder = {
  harmless: {
    tie_word_embeddings: "of the language model's head, which is not used",
    directionality: "of Google's own code; transformers does not read it",
    pooler_fc_size: "of Google's own code; transformers does not read it",
    pooler_num_attention_heads: "of Google's own code; transformers does not read it",
    pooler_num_fc_layers: "of Google's own code; transformers does not read it",
    pooler_size_per_head: "of Google's own code; transformers does not read it",
    pooler_type: "of Google's own code; transformers does not read it",
  },
  only: {
    position_embedding_type: {
      values: ["absolute"],
      because: "positions other than absolute are not built",
    },
    is_encoder_decoder: { values: [false], because: "it is an encoder here" },
  },
} as const

/** What becomes of the fields of a BERT's, RoBERTa's (XLM-R's) and ELECTRA's `config.json`. */
const fields = {
  bert: configFields({ ...asEncoder, honoured: general }),
  roberta: configFields({
    ...asEncoder,
    honoured: { ...general, pad_token_id: "positions are counted from this id + 1" },
  }),
  electra: configFields({
    ...asEncoder,
    honoured: { ...general, embedding_size: "width of the embeddings" },
    harmless: {
      ...asEncoder.harmless,
      generator_size: "of the generator, which is another model",
      summary_type: "of the head for multiple choice, which is not used",
      summary_use_proj: "of the head for multiple choice, which is not used",
      summary_activation: "of the head for multiple choice, which is not used",
      summary_last_dropout: "of the head for multiple choice, which is not used",
    },
  }),
}

const readBert = (kind: BertKind, modelType: string, json: unknown): Outcome<Architecture> =>
  Either.gen(function* () {
    const part = yield* decoded(modelType, bertJson(kind, modelType), json)
    const activation = yield* activationOf(modelType, "hidden_act", part.hidden_act)
    yield* checkHeads(modelType, ["num_attention_heads", part.num_attention_heads], ["hidden_size", part.hidden_size])
    const architecture = bert({
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
    })
    return architecture
  })

const modelType = (kind: BertKind, name: string = kind, sameGraph?: string): Readonly<Record<string, ModelType>> => ({
  [name]: {
    fields: fields[kind],
    read: (json) => readBert(kind, name, json),
    ...(sameGraph === undefined ? {} : { sameGraph }),
  },
})

/** BERT and the relatives that share its encoder. */
export const bertFamily: Family = {
  name: "bert",
  modelTypes: {
    ...modelType("bert"),
    ...modelType("roberta"),
    ...modelType("roberta", "xlm-roberta", "roberta"),
    ...modelType("roberta", "camembert"),
    ...modelType("electra"),
  },
  proven: {
    bert: ["classifier", ...pooledHeads],
    roberta: ["classifier"],
    "xlm-roberta": ["classifier"],
    camembert: ["classifier"],
    electra: ["classifier"],
  },
  repositories: [
    { name: "cross-encoder/ms-marco-MiniLM-L6-v2", modelType: "bert", head: "classifier" },
    { name: "cross-encoder/ms-marco-MiniLM-L12-v2", modelType: "bert", head: "classifier" },
    { name: "cross-encoder/ms-marco-electra-base", modelType: "electra", head: "classifier" },
    { name: "sentence-transformers/all-MiniLM-L6-v2", modelType: "bert", head: "embedding" },
    { name: "BAAI/bge-small-en-v1.5", modelType: "bert", head: "embedding" },
    { name: "BAAI/bge-reranker-base", modelType: "xlm-roberta", head: "classifier" },
    { name: "BAAI/bge-reranker-v2-m3", modelType: "xlm-roberta", head: "classifier" },
    { name: "cross-encoder/stsb-roberta-base", modelType: "roberta", head: "classifier" },
    { name: "antoinelouis/crossencoder-camembert-base-mmarcoFR", modelType: "camembert", head: "classifier" },
  ],
}
