import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, readRows, type StageContext, tableSource, tableWriter } from "../../pipeline/index.ts"
import { Kinds, Random } from "../../schemas/index.ts"
import { NothingToTrainOn } from "./CandidatesError.ts"
import type { TrainQueriesConfig, trainQueriesInputs, trainQueriesOutputs } from "./contract.ts"

/** Writes the train queries that have a relevant passage, or so many of them as are asked for, in the table's order. */
export const run = (context: StageContext<TrainQueriesConfig, typeof trainQueriesInputs, typeof trainQueriesOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const connection = yield* (yield* DuckDb).connect
      const others = config.leaveOutOwn ? "AND docid <> qid" : ""
      const sql = `SELECT DISTINCT qid FROM ${tableSource(inputs.qrels)} WHERE grade > 0 ${others}`
      const [judged = []] = yield* duckDbPromise(connection, sql, async () =>
        (await connection.runAndReadAll(sql)).getColumns(),
      )
      const withRelevant = new Set(judged.map(String))
      const train = (yield* readRows(inputs.queries)).filter(({ split }) => split === "train")
      const usable = train.filter(({ qid }) => withRelevant.has(qid))
      if (usable.length === 0) return yield* new NothingToTrainOn({ queries: train.length, found: "judged" })
      const { most = usable.length, seed } = config
      const drawn = Int32Array.from(usable, (_, i) => i)
      new Random(seed).shuffle(drawn, most)
      const chosen = drawn.slice(0, most).sort()
      const writer = yield* tableWriter(Kinds.Queries, outputs.queries)
      yield* writer.writeRows(Array.from(chosen, (i) => usable[i]!))
      const rows = yield* writer.finish
      return { rows: { queries: rows }, facts: { train: train.length, withRelevant: usable.length } }
    }),
  )
