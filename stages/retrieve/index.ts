/** First stages: from passages and queries to runs. Each stage's implementation is loaded when it has to run. */
import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { StoredStage } from "../../schemas/index.ts"
import { IndexConfig, indexInputs, indexOutputs, RerankTfIdfConfig, rerankTfIdfInputs, runOutputs } from "./contract.ts"

export { Bm25Searcher, defaultBm25, queryAnalyzer } from "./Bm25.ts"
export type { Asked } from "./contract.ts"
export { docidAt } from "./Docids.ts"
export { analyze, englishStopWords } from "./EnglishAnalyzer.ts"
export type { FirstStage, FirstStageSystem, SearchGround, WiredVectors } from "./FirstStage.ts"
export { chosenFirstStages, firstStageFields } from "./firstStageSettings.ts"
export { IndexBuilder } from "./InvertedIndex.ts"
export {
  broughtFirstStages,
  defineOutsideFirstStage,
  type OutsideCollection,
  type OutsideFirstStage,
  type OutsideFirstStageSpec,
  type OutsideHit,
  type OutsidePassage,
  type OutsideQuery,
  type OutsideSearcher,
} from "./outsideFirstStages.ts"
export {
  allFirstStages,
  firstStages,
  indexImpacts,
  retrieve,
  retrieveDense,
  retrieveOutside,
  retrieveRm3,
  retrieveRocchio,
  retrieveSparse,
  retrieveTfIdf,
  retrieveWink,
} from "./registry.ts"

/** Builds the inverted index of a collection: title and text joined by a space, analyzed as Lucene's EnglishAnalyzer does. */
export const indexPassages = stage({
  name: "index",
  config: IndexConfig,
  inputs: indexInputs,
  outputs: indexOutputs,
  code: "stages/retrieve/buildIndex.ts",
  load: () => import("./buildIndex.ts"),
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

/** Opens first stages of an earlier run for queries that are typed. */
export const openSearchers = (stages: ReadonlyArray<StoredStage>) =>
  Effect.flatMap(
    Effect.promise(() => import("./openSearchers.ts")),
    (loaded) => loaded.openSearchers(stages),
  )
