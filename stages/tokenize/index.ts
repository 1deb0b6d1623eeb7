/** Texts to token ids: each query and each passage once, for every model that reads them alike. */
import { stage } from "../../pipeline/index.ts"
import {
  TokenizeConfig,
  TokenizePassagesConfig,
  TokenizeQueriesConfig,
  tokenizeInputs,
  tokenizeOutputs,
  tokenizePassagesInputs,
  tokenizeQueriesInputs,
} from "./contract.ts"

/** How tokenizing is divided: by the texts. */
const byTexts = {
  shards: ({ shards = 1 }: { readonly shards?: number }) => shards,
  code: "stages/tokenize/joinTokens.ts",
  load: () => import("./joinTokens.ts"),
} as const

/**
 * Token ids of the queries and passages that candidates name, in the collection's order: title and text joined by a space.
 * Nothing is shortened yet and nothing put around: models join and shorten as they need.
 */
export const tokenize = stage({
  name: "tokenize",
  config: TokenizeConfig,
  inputs: tokenizeInputs,
  outputs: tokenizeOutputs,
  code: "stages/tokenize/tokenize.ts",
  load: () => import("./tokenize.ts"),
  native: ["duckdb"],
  split: byTexts,
})

/** Token ids of every passage: what is encoded to be searched. */
export const tokenizePassages = stage({
  name: "tokenize.passages",
  config: TokenizePassagesConfig,
  inputs: tokenizePassagesInputs,
  outputs: tokenizeOutputs,
  code: "stages/tokenize/tokenizePassages.ts",
  load: () => import("./tokenizePassages.ts"),
  native: ["duckdb"],
  split: byTexts,
})

/** Token ids of the queries of the splits. Apart from the passages' so that other queries do not encode passages anew. */
export const tokenizeQueries = stage({
  name: "tokenize.queries",
  config: TokenizeQueriesConfig,
  inputs: tokenizeQueriesInputs,
  outputs: tokenizeOutputs,
  code: "stages/tokenize/tokenizeQueries.ts",
  load: () => import("./tokenizeQueries.ts"),
  native: ["duckdb"],
})
