import * as Effect from "effect/Effect"
import { joinedFacts, joinTables, type MergeContext } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { runOutputs, searchInputs } from "./contract.ts"

const counts = ["queries", "leftOutOwn", "inFull", "again"] as const

/** Joins the runs of the parts, each of queries of its own, in the order of the queries. */
export const merge = ({
  facts,
  outputs,
  shards,
}: Pick<MergeContext<unknown, typeof searchInputs, typeof runOutputs>, "facts" | "outputs" | "shards">) =>
  Effect.map(joinTables(shards.run, Kinds.Run, outputs.run), (run) => {
    // One passage may be feedback in several parts: their counts are not the whole's.
    const { feedbackDocuments: _, ...joined } = joinedFacts(facts, counts)
    return { rows: { run }, facts: { ...joined, shards: shards.run.length } }
  })
