import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Facts, type MergeContext, readBatches, tableWriter } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import type { RerankConfig, rerankInputs, rerankOutputs } from "./contract.ts"

/** What the parts counted, added; of what they do not count, what the first of them says. */
const joinedFacts = (facts: ReadonlyArray<Facts>): Facts => {
  const [first = {}] = facts
  return Object.fromEntries(
    Object.entries(first)
      // A share of a part is none of the whole.
      .filter(([name]) => name !== "shareBefore")
      .map(([name, value]) => [
        name,
        typeof value !== "number"
          ? value
          : facts.reduce((sum, { [name]: part }) => sum + (typeof part === "number" ? part : 0), 0),
      ]),
  )
}

/** Joins the rankings of the parts, each of queries of its own, in the order of the candidates. */
export const merge = ({
  shards,
  facts,
  outputs,
}: MergeContext<RerankConfig, typeof rerankInputs, typeof rerankOutputs>) =>
  Effect.gen(function* () {
    const writer = yield* tableWriter(Kinds.Run, outputs.run)
    for (const part of shards.run) {
      yield* Stream.runForEach(readBatches(part, ["system", "qid", "docid", "rank", "score"]), writer.writeColumns)
    }
    return { rows: { run: yield* writer.finish }, facts: { ...joinedFacts(facts), shards: shards.run.length } }
  }).pipe(Effect.scoped)
