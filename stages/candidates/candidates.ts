import { join } from "node:path"
import * as Effect from "effect/Effect"
import type { StageContext } from "../../pipeline/index.ts"
import { candidateRows } from "./CandidateRows.ts"
import { CandidatesNotWritten } from "./CandidatesError.ts"
import { type Candidate, openCandidatesFile } from "./candidatesFile.ts"
import type { CandidatesConfig, candidatesInputs, candidatesOutputs } from "./index.ts"

/** Writes the first `depth` results of every query, with grades where there are any, sorted by qid (bytes), rank. */
export const run = (context: StageContext<CandidatesConfig, typeof candidatesInputs, typeof candidatesOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const file = join(outputs.candidates, "part-00000.parquet")
      const writing = <A>(write: () => Promise<A>) =>
        Effect.tryPromise({ try: write, catch: (cause) => new CandidatesNotWritten({ file, cause }) })
      const next = yield* candidateRows(inputs.run, inputs.qrels, config.depth)
      const writer = yield* writing(() => openCandidatesFile(file))
      const append = async (batch: ReadonlyArray<Candidate>): Promise<void> => {
        for (const { qid, docid, rank, score, grade } of batch) {
          await writer.appendRow({ qid, docid, rank, score, grade })
        }
      }
      let rows = 0
      let judged = 0
      let queries = 0
      for (let batch = yield* next; batch !== null; batch = yield* next) {
        const rowsNow = batch
        yield* writing(() => append(rowsNow))
        rows += rowsNow.length
        for (const { rank, grade } of rowsNow) {
          if (rank === 1) queries++
          if (grade !== null) judged++
        }
        context.progress({ done: queries, unit: "queries" })
      }
      yield* writing(() => writer.close())
      return { rows: { candidates: rows }, facts: { queries, judged } }
    }),
  )
