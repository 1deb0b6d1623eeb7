/** First stages: from passages and queries to runs. Each stage's implementation is loaded when it has to run. */
import { stage } from "../../pipeline/index.ts"
import {
  IndexConfig,
  indexInputs,
  indexOutputs,
  RerankTfIdfConfig,
  RetrieveBm25Config,
  RetrieveTfIdfConfig,
  RetrieveWinkConfig,
  rerankTfIdfInputs,
  runOutputs,
  searchInputs,
  winkInputs,
} from "./contract.ts"

/** Builds the inverted index of a collection: title and text joined by a space, analyzed as Lucene's EnglishAnalyzer does. */
export const indexPassages = stage({
  name: "index",
  config: IndexConfig,
  inputs: indexInputs,
  outputs: indexOutputs,
  code: "stages/retrieve/buildIndex.ts",
  load: () => import("./buildIndex.ts"),
})

/** Our BM25: the `depth` best passages for each query of the splits. */
export const retrieve = stage({
  name: "retrieve.bm25",
  config: RetrieveBm25Config,
  inputs: searchInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveBm25.ts",
  load: () => import("./retrieveBm25.ts"),
  native: ["duckdb"],
})

/** wink-bm25-text-search over the passages themselves. */
export const retrieveWink = stage({
  name: "retrieve.wink-bm25",
  config: RetrieveWinkConfig,
  inputs: winkInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveWink.ts",
  load: () => import("./retrieveWink.ts"),
  native: ["duckdb"],
})

/** Cosine over tf-idf. */
export const retrieveTfIdf = stage({
  name: "retrieve.tfidf",
  config: RetrieveTfIdfConfig,
  inputs: searchInputs,
  outputs: runOutputs,
  code: "stages/retrieve/retrieveTfIdf.ts",
  load: () => import("./retrieveTfIdf.ts"),
  native: ["duckdb"],
})

/** Cosine over tf-idf of given candidates: the same passages for each query, in another order. */
export const rerankTfIdf = stage({
  name: "rerank.tfidf",
  config: RerankTfIdfConfig,
  inputs: rerankTfIdfInputs,
  outputs: runOutputs,
  code: "stages/retrieve/rerankTfIdf.ts",
  load: () => import("./rerankTfIdf.ts"),
  native: ["duckdb"],
})
