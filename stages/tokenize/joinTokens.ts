import * as Effect from "effect/Effect"
import { joinTokenTables } from "../../neural/index.ts"
import { joinedFacts, type MergeContext } from "../../pipeline/index.ts"
import type { tokenizeOutputs, tokenizePassagesInputs } from "./contract.ts"

const counts = ["queries", "passages", "tokens"] as const

/** Joins the token ids of the parts, one behind another. */
export const merge = ({
  facts,
  outputs,
  shards,
}: Pick<
  MergeContext<unknown, typeof tokenizePassagesInputs, typeof tokenizeOutputs>,
  "facts" | "outputs" | "shards"
>) =>
  Effect.as(
    joinTokenTables(
      shards.tokens.map(({ path }) => path),
      outputs.tokens,
    ),
    { facts: { ...joinedFacts(facts, counts), shards: shards.tokens.length } },
  )
