import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { StageContext } from "../../pipeline/index.ts"
import { candidateRows } from "./CandidateRows.ts"
import { candidatesFile } from "./candidatesFile.ts"
import type { CandidatesConfig, candidatesInputs, candidatesOutputs } from "./contract.ts"

/** Writes the first `depth` results of every query, with grades where there are any, sorted by qid (bytes), rank. */
export const run = (context: StageContext<CandidatesConfig, typeof candidatesInputs, typeof candidatesOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const next = yield* candidateRows(inputs.run, inputs.qrels, config.depth)
      const file = yield* candidatesFile(join(outputs.candidates, "part-00000.parquet"))
      let rows = 0
      let judged = 0
      let queries = 0
      for (let batch = yield* next; batch !== null; batch = yield* next) {
        yield* file.append(batch)
        rows += batch.length
        for (const { rank, grade } of batch) {
          if (rank === 1) queries++
          if (grade !== null) judged++
        }
        context.progress({ done: queries, unit: "queries" })
      }
      yield* file.finish
      return { rows: { candidates: rows }, facts: { queries, judged } }
    }),
  )
