import { artifactKind } from "./ArtifactKind.ts"
import { column, optionalColumn, tableKind } from "./TableKind.ts"

/** Files outside the store that an experiment starts from; what is hashed is their bytes and relative names. */
export const SourceFiles = artifactKind("source-files")
export type SourceFiles = typeof SourceFiles

/** Rows of `PassageRow`, in the collection's order. */
export const Passages = tableKind("passages", {
  docid: column("VARCHAR"),
  title: optionalColumn("VARCHAR"),
  text: column("VARCHAR"),
})
export type Passages = typeof Passages

/** Rows of `QueryRow`, sorted by qid (bytes). */
export const Queries = tableKind("queries", {
  qid: column("VARCHAR"),
  text: column("VARCHAR"),
  kind: column("VARCHAR"),
  split: column("VARCHAR"),
})
export type Queries = typeof Queries

/** Rows of `QrelRow`, sorted by qid, then docid (bytes). */
export const Qrels = tableKind("qrels", {
  qid: column("VARCHAR"),
  docid: column("VARCHAR"),
  grade: column("INTEGER"),
})
export type Qrels = typeof Qrels

/** Rows of `RunRow` of one system, sorted by qid (bytes), then rank. */
export const Run = tableKind("run", {
  system: column("VARCHAR"),
  qid: column("VARCHAR"),
  docid: column("VARCHAR"),
  rank: column("INTEGER"),
  score: column("DOUBLE"),
})
export type Run = typeof Run

/** Rows of `CandidateRow`, sorted by qid (bytes), then rank. */
export const Candidates = tableKind("candidates", {
  qid: column("VARCHAR"),
  docid: column("VARCHAR"),
  rank: column("INTEGER"),
  score: column("DOUBLE"),
  grade: optionalColumn("INTEGER"),
})
export type Candidates = typeof Candidates

/** Rows of `ScoreRow`, sorted by system, split, measure (in the order asked for), qid (bytes). */
export const Scores = tableKind("scores", {
  system: column("VARCHAR"),
  split: column("VARCHAR"),
  qid: column("VARCHAR"),
  kind: column("VARCHAR"),
  measure: column("VARCHAR"),
  value: column("DOUBLE"),
})
export type Scores = typeof Scores

/** An inverted index over passages: see `stages/retrieve`. */
export const Bm25Index = artifactKind("bm25-index")
export type Bm25Index = typeof Bm25Index

/** An index of learned term weights over passages: see `stages/retrieve/sparse`. */
export const ImpactIndex = artifactKind("impact-index")
export type ImpactIndex = typeof ImpactIndex

/** `summary.json`, an `EvaluationSummary`: what the result table prints. */
export const Summary = artifactKind("summary")
export type Summary = typeof Summary

/**
 * A ranking model: `model.json` (a `ModelCard`), `model.onnx`, its weights in `model.safetensors` under Hugging Face's names,
 * `config.json` and the tokenizer's files. In 8 bits weights are whole numbers with scales, under names of their own. A ready ONNX model has its own data files instead of safetensors.
 */
export const Model = artifactKind("model")
export type Model = typeof Model

/**
 * What was trained beside a model whose weights stay: `adapter_config.json` and `adapter_model.safetensors` as peft has them,
 * `head.safetensors` where the head is one of ours, and `adapter.json` (an `AdapterCard`), which names the model by a hash.
 */
export const Adapter = artifactKind("adapter")
export type Adapter = typeof Adapter

/**
 * A model's weights in fewer bits, as trainings map them in which they stay: `model.safetensors`, with names that say the form of each
 * (see `neural/architectures/quantizeModel.ts`).
 */
export const FrozenWeights = artifactKind("frozen-weights")
export type FrozenWeights = typeof FrozenWeights

/** `agreement.json`, an `Agreement`: how alike a model in another precision orders pairs as in fp32. */
export const Agreement = artifactKind("agreement")
export type Agreement = typeof Agreement

/**
 * A tokenizer's files and `input.json` (an `InputSpec`). It stands beside the model so that models which read texts alike,
 * a base and what was trained from it, share the tokens.
 */
export const Tokenizer = artifactKind("tokenizer")
export type Tokenizer = typeof Tokenizer

/** The token ids of a collection's queries and passages, each text once: see `neural/tokenizers/TokenTable.ts`. */
export const Tokens = artifactKind("tokens")
export type Tokens = typeof Tokens

/** The vectors of a collection's passages or queries by an embedding model: see `neural/vectors/VectorTable.ts`. */
export const Vectors = artifactKind("vectors")
export type Vectors = typeof Vectors

/**
 * What a training logged: a row for each value of each series at a step: `loss`, `loss.<component>`,
 * `learningRate.<group>`, `gradientNorm`, `dev.<measure>`. Sorted by step, then series (bytes). `phase` is the curriculum's.
 */
export const TrainingLog = tableKind("training-log", {
  system: column("VARCHAR"),
  step: column("INTEGER"),
  epoch: column("DOUBLE"),
  phase: column("VARCHAR"),
  series: column("VARCHAR"),
  value: column("DOUBLE"),
})
export type TrainingLog = typeof TrainingLog

/**
 * Means of a measure at every depth of the ranking, from `AP@1` to `AP@100`: a row for each system, split, kind (`all`, `question`,
 * `browse`), measure (`nDCG`, `P`, `R`, `RR`, `AP`) and depth, in this order. `lower` and `upper` bound the mean's 95 % interval.
 */
export const DepthProfile = tableKind("depth-profile", {
  system: column("VARCHAR"),
  split: column("VARCHAR"),
  kind: column("VARCHAR"),
  measure: column("VARCHAR"),
  depth: column("INTEGER"),
  value: column("DOUBLE"),
  lower: optionalColumn("DOUBLE"),
  upper: optionalColumn("DOUBLE"),
})
export type DepthProfile = typeof DepthProfile

/**
 * Systems compared with baselines: a row for each split, kind (`all`, `question`, `browse`), measure, baseline, system and test, in
 * this order. Differences are system less baseline; `lower` and `upper` bound their mean (by Tukey's test all of them at once). `effect` is Cohen's d_z,
 * `standardized` the difference in units of the systems' spread; none where it has no value. `adjusted` is p after the correction over
 * the family of comparisons. `needed` is the number of queries with which the difference would be seen. `note` says what a reader of
 * p has to know.
 */
export const Comparisons = tableKind("comparisons", {
  split: column("VARCHAR"),
  kind: column("VARCHAR"),
  measure: column("VARCHAR"),
  baseline: column("VARCHAR"),
  system: column("VARCHAR"),
  queries: column("INTEGER"),
  mean_baseline: column("DOUBLE"),
  mean_system: column("DOUBLE"),
  difference: column("DOUBLE"),
  lower: optionalColumn("DOUBLE"),
  upper: optionalColumn("DOUBLE"),
  effect: optionalColumn("DOUBLE"),
  standardized: optionalColumn("DOUBLE"),
  wins: column("INTEGER"),
  ties: column("INTEGER"),
  losses: column("INTEGER"),
  test: column("VARCHAR"),
  statistic: optionalColumn("DOUBLE"),
  p: column("DOUBLE"),
  adjusted: column("DOUBLE"),
  needed: optionalColumn("INTEGER"),
  note: optionalColumn("VARCHAR"),
})
export type Comparisons = typeof Comparisons

/** `significance.json`, a `SignificanceSummary`: what the result table marks. */
export const Significance = artifactKind("significance")
export type Significance = typeof Significance

/** `index.html`: a page that shows an experiment's results, complete in one file. */
export const Report = artifactKind("report")
export type Report = typeof Report
