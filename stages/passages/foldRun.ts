import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, type StageContext, tableCopy, tableSource } from "../../pipeline/index.ts"
import type { FoldConfig, foldInputs, foldOutputs } from "./contract.ts"
import { foldSql } from "./foldSql.ts"

/** Folds a run over passages to one over documents. */
export const run = (context: StageContext<FoldConfig, typeof foldInputs, typeof foldOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const connection = yield* (yield* DuckDb).connect
      const rows = tableSource(inputs.run)
      const sql = tableCopy(
        `SELECT (SELECT any_value(system) FROM ${rows}) AS system, qid, docid, rank, score FROM (${foldSql(rows, config)}) ORDER BY qid, rank`,
        outputs.run,
      )
      yield* duckDbPromise(connection, sql, () => connection.run(sql))
      const count = (table: string) => {
        const counted = `SELECT count(*)::INTEGER FROM ${table}`
        return Effect.map(
          duckDbPromise(connection, counted, async () => (await connection.runAndReadAll(counted)).getRowsJson()),
          ([row]) => Number(row?.[0]),
        )
      }
      const documents = yield* count(tableSource({ path: outputs.run }))
      return { rows: { run: documents }, facts: { passages: yield* count(rows), documents } }
    }),
  )
