import * as Effect from "effect/Effect"
import { readCard } from "../../neural/index.ts"
import { joinedFacts, joinTables, type MergeContext } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { RerankConfig, rerankInputs, rerankOutputs } from "./contract.ts"
import { tellShortened } from "./tellShortened.ts"

const counts = [
  "pairs",
  "queries",
  "truncated",
  "truncatedQueries",
  "queriesWithoutRoom",
  "tokens",
  "paddedTokens",
] as const

/** Joins the rankings of the parts, each of queries of its own, in the order of the candidates. */
export const merge = ({
  facts,
  inputs,
  outputs,
  shards,
  warn,
}: MergeContext<RerankConfig, typeof rerankInputs, typeof rerankOutputs>) =>
  Effect.gen(function* () {
    const run = yield* joinTables(shards.run, Kinds.Run, outputs.run)
    const joined = joinedFacts(facts, counts)
    const count = (name: (typeof counts)[number]): number => Number(joined[name] ?? 0)
    const shortened = {
      pairs: count("pairs"),
      queries: count("queries"),
      truncated: count("truncated"),
      truncatedQueries: count("truncatedQueries"),
      queriesWithoutRoom: count("queriesWithoutRoom"),
    }
    tellShortened(warn, shortened, yield* readCard(inputs.model.path))
    return { rows: { run }, facts: { ...joined, shards: shards.run.length } }
  })
