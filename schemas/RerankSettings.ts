import * as Schema from "effect/Schema"
import { Head } from "./Head.ts"
import { SystemName } from "./Ids.ts"
import { PrecisionChoice } from "./Precision.ts"
import { choice, count, setting, share } from "./Setting.ts"
import { Truncation } from "./Truncation.ts"

/** Heads by name, with the usual vocabulary entries of T5's decoder. */
export const HeadName = Schema.Literal(
  "first-token",
  "masked-mean",
  "attention-pooling",
  "decoder-logit",
  "decoder-choice",
  "classifier",
  "embedding",
)
export type HeadName = typeof HeadName.Type

/** A model to use, and what its files do not say. */
export const ModelSettings = Schema.Struct({
  source: Schema.NonEmptyString.annotations({
    description: "A checkpoint's folder, or a repository of the hub: cross-encoder/ms-marco-MiniLM-L6-v2",
  }),
  revision: setting(Schema.NonEmptyString, "main", "Branch, tag or commit of a hub's repository"),
  adapter: choice(
    Schema.NonEmptyString,
    "A folder with an adapter (LoRA) as peft or `export adapter` writes it, whose changes are put into the weights; the folder may also be the source, if its configuration says where the model is",
  ),
  name: choice(SystemName, "Its name in the table; left out, the end of the source"),
  head: choice(
    Schema.Union(HeadName, Head),
    "What makes the score; left out, what the checkpoint was saved with. RankT5 with a decoder: decoder-logit; monoT5: decoder-choice",
  ),
  label: choice(
    Schema.Union(Schema.NonNegativeInt, Schema.NonEmptyString),
    "Of a classifier with several labels, the one that means relevant, by number or name; left out, label 1 of two",
  ),
  template: choice(
    Schema.Union(Schema.NonEmptyString, Schema.NonEmptyArray(Schema.String)),
    "How query and passage become one text, with {query} and {document}, or the name of a known prompt (qwen3-reranker); a list is of parts that are tokenized apart, as they stand. Left out, that of the published model, else the family's usual: pair for BERT's, RankT5's or monoT5's for T5",
  ),
  instruction: choice(
    Schema.NonEmptyString,
    "What a known prompt tells the model to look for; left out, the one that its authors give",
  ),
  bos: choice(Schema.Boolean, "Whether the tokenizer's bos goes before a template's text; left out, no"),
  eos: choice(Schema.Boolean, "Whether its eos goes behind; left out, yes for T5 and no for T5Gemma"),
  queryPrefix: choice(
    Schema.String,
    "What stands right before a query, as it is («query: » with its space); left out, the prompt that the model was saved with",
  ),
  passagePrefix: choice(
    Schema.String,
    "Of a bi-encoder: what stands right before a passage; left out, the prompt that the model was saved with",
  ),
  maximumTokens: choice(
    count,
    "Most tokens of an input; left out, what the model's files say, else what its positions allow, else 512",
  ),
  truncation: choice(
    Truncation,
    "What is shortened of a pair that is too long: passage; longest-first, as transformers does it; query:64, the query to 64 tokens, then the passage. Left out, longest-first in a tokenizer's layout for pairs, passage in a template",
  ),
  precision: choice(
    PrecisionChoice,
    "Of its arithmetic when it reranks (left out, rerank.precision) or encodes for a first stage (left out, fp32)",
  ),
})
export type ModelSettings = typeof ModelSettings.Type

/** A model's settings, or its source alone. */
export const ModelChoice = Schema.Union(Schema.NonEmptyString, ModelSettings)
export type ModelChoice = typeof ModelChoice.Type

/** Interpolation of a reranker's score with the first stage's. */
export const InterpolateSettings = Schema.Struct({
  enabled: choice(
    Schema.Boolean,
    "Whether each reranker also gets a row mixed with the first stage's score; left out, those do that are trained on the synthetic collection",
  ),
  normalise: setting(
    Schema.Literal("z-score", "min-max"),
    "z-score",
    "What makes the two scores of a query comparable",
  ),
  weight: choice(share, "The reranker's share; left out, the best of 0, 0.05, …, 1 on the dev split"),
  measure: setting(Schema.NonEmptyString, "nDCG@10", "By which the best share is found"),
})
export type InterpolateSettings = typeof InterpolateSettings.Type

/** Neural reranking. */
export const RerankSettings = Schema.Struct({
  models: setting(
    Schema.Array(ModelChoice),
    [],
    "Models as they are: folders, names of the hub, or objects with source and what its files do not say",
  ),
  tokensPerBatch: choice(count, "How many tokens a batch may have, padding included; left out, what suits the device"),
  threads: choice(count, "Threads on the CPU; left out, all that there are"),
  precision: setting(
    PrecisionChoice,
    "fp32",
    "Of the arithmetic, for every model that does not say it itself: fp32, int8 (on a CPU) or weights8; several (int8,fp32), each a row, with what they agree in and its test",
  ),
  agreement: setting(
    Schema.NonNegativeInt,
    256,
    "How many pairs are also scored in fp32 where a model runs in another precision alone, to say how alike they are ordered; 0: none",
  ),
  truncation: choice(
    Truncation,
    "What is shortened of a pair that is too long, for every model that does not say it itself",
  ),
  shards: setting(
    count,
    1,
    "In how many parts the queries of each model's reranking are divided, which other processes and machines can take; results are those of one to 1e-5",
  ),
  strict: setting(
    Schema.Boolean,
    false,
    "Whether a query that leaves no room for a passage is an error, here and in training, not a counted warning",
  ),
  interpolate: Schema.optionalWith(InterpolateSettings, {
    default: () => Schema.decodeUnknownSync(InterpolateSettings)({}),
  }).annotations({ description: "Mixing with the first stage's score" }),
})
export type RerankSettings = typeof RerankSettings.Type
