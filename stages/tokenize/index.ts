/** Texts to token ids: each query and each passage once, for every model that reads them alike. */
import { stage } from "../../pipeline/index.ts"
import { TokenizeConfig, tokenizeInputs, tokenizeOutputs } from "./contract.ts"

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
})
