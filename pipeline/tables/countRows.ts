import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise } from "./DuckDb.ts"
import { tableSource } from "./TableSource.ts"

/** Rows of a stored table, from its files' footers. */
export const countRows = (table: { readonly path: string }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      const sql = `SELECT count(*) FROM ${tableSource(table)}`
      const rows = yield* duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRows())
      return Number(rows[0]?.[0] ?? 0)
    }),
  )
