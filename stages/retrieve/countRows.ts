import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, type StoredArtifact, tableSource } from "../../pipeline/index.ts"
import { type TableKind } from "../../schemas/index.ts"

/** Rows of a stored table, from its files' footers. */
export const countRows = (table: StoredArtifact<TableKind>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      const sql = `SELECT count(*) FROM ${tableSource(table)}`
      const rows = yield* duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRows())
      return Number(rows[0]?.[0] ?? 0)
    }),
  )
