import { stage } from "../../pipeline/index.ts"
import {
  Bm25Config,
  passageInputs,
  RetrieveBm25Config,
  RetrieveTfIdfConfig,
  RetrieveWinkConfig,
  runOutputs,
  searchInputs,
  TfIdfConfig,
  WinkConfig,
} from "./contract.ts"
import { defineFirstStage, type FirstStage } from "./FirstStage.ts"

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
  inputs: passageInputs,
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

/** Every first stage, in the order of the table; the configuration, suggestions, documentation and tests follow from it. */
export const firstStages: ReadonlyArray<FirstStage> = [
  defineFirstStage({
    name: "tfidf",
    description: "Cosine over tf-idf",
    settings: TfIdfConfig,
    wire: (config, { index, label, queries }) => retrieveTfIdf(config, { index, queries }, label).run,
  }),
  defineFirstStage({
    name: "wink-bm25",
    section: "wink",
    description: "wink-bm25-text-search",
    settings: WinkConfig,
    wire: (config, { label, passages, queries }) => retrieveWink(config, { passages, queries }, label).run,
  }),
  defineFirstStage({
    name: "bm25",
    description: "Our BM25, Lucene's scoring",
    settings: Bm25Config,
    anySize: true,
    wire: (config, { index, label, queries }) => retrieve(config, { index, queries }, label).run,
  }),
]
