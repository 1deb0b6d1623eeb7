/** First stages: from passages and queries to runs. Each stage's implementation is loaded when it has to run. */
import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { Bm25Config, Kinds, Split, TfIdfConfig, WinkConfig } from "../../schemas/index.ts"

// The stages take settings whose defaults are filled in: `typeSchema` of what the experiment's file may leave out.
const asked = {
  splits: Schema.NonEmptyArray(Split),
  depth: Schema.Int.pipe(Schema.positive()),
  /** Whether the passage whose docid is the query's qid is left out. */
  leaveOutOwn: Schema.Boolean,
}

/** What the index reads of the configuration: nothing. */
export const IndexConfig = Schema.typeSchema(Schema.Struct({}))
export type IndexConfig = typeof IndexConfig.Type

export const RetrieveBm25Config = Schema.typeSchema(Schema.Struct({ ...Bm25Config.fields, ...asked }))
export type RetrieveBm25Config = typeof RetrieveBm25Config.Type

export const RetrieveWinkConfig = Schema.typeSchema(Schema.Struct({ ...WinkConfig.fields, ...asked }))
export type RetrieveWinkConfig = typeof RetrieveWinkConfig.Type

export const RetrieveTfIdfConfig = Schema.typeSchema(Schema.Struct({ ...TfIdfConfig.fields, ...asked }))
export type RetrieveTfIdfConfig = typeof RetrieveTfIdfConfig.Type

/** Builds the inverted index of a collection: title and text joined by a space, analyzed as Lucene's EnglishAnalyzer does. */
export const indexPassages = stage({
  name: "index",
  config: IndexConfig,
  inputs: { passages: Kinds.Passages },
  outputs: { index: Kinds.Bm25Index },
  code: "stages/retrieve/buildIndex.ts",
  load: () => import("./buildIndex.ts"),
})

/** Our BM25: the `depth` best passages for each query of the splits. */
export const retrieve = stage({
  name: "retrieve.bm25",
  config: RetrieveBm25Config,
  inputs: { index: Kinds.Bm25Index, queries: Kinds.Queries },
  outputs: { run: Kinds.Run },
  code: "stages/retrieve/retrieveBm25.ts",
  load: () => import("./retrieveBm25.ts"),
  native: ["duckdb"],
})

/** wink-bm25-text-search over the passages themselves. */
export const retrieveWink = stage({
  name: "retrieve.wink-bm25",
  config: RetrieveWinkConfig,
  inputs: { passages: Kinds.Passages, queries: Kinds.Queries },
  outputs: { run: Kinds.Run },
  code: "stages/retrieve/retrieveWink.ts",
  load: () => import("./retrieveWink.ts"),
  native: ["duckdb"],
})

/** Cosine over tf-idf. */
export const retrieveTfIdf = stage({
  name: "retrieve.tfidf",
  config: RetrieveTfIdfConfig,
  inputs: { index: Kinds.Bm25Index, queries: Kinds.Queries },
  outputs: { run: Kinds.Run },
  code: "stages/retrieve/retrieveTfIdf.ts",
  load: () => import("./retrieveTfIdf.ts"),
  native: ["duckdb"],
})

/** Cosine over tf-idf of given candidates: the same passages for each query, in another order. */
export const rerankTfIdf = stage({
  name: "rerank.tfidf",
  config: Schema.typeSchema(TfIdfConfig),
  inputs: { index: Kinds.Bm25Index, queries: Kinds.Queries, candidates: Kinds.Candidates },
  outputs: { run: Kinds.Run },
  code: "stages/retrieve/rerankTfIdf.ts",
  load: () => import("./rerankTfIdf.ts"),
  native: ["duckdb"],
})
