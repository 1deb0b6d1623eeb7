import * as Effect from "effect/Effect"
import { type DuckDb, type DuckDbError, duckDbPromise } from "../../pipeline/index.ts"

/** A connection of the DuckDB service. */
export type Connection = Effect.Effect.Success<DuckDb["Type"]["connect"]>

/** Runs a statement for its effect. */
export const execute = (connection: Connection, sql: string): Effect.Effect<void, DuckDbError> =>
  Effect.asVoid(duckDbPromise(connection, sql, () => connection.run(sql)))

/** The result of a query by columns; for results that are small beside the tables they come from. */
export const columns = (
  connection: Connection,
  sql: string,
): Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>, DuckDbError> =>
  duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getColumnsJS())

/** One row of numbers, as of an aggregate without groups. */
export const numbers = (connection: Connection, sql: string): Effect.Effect<ReadonlyArray<number>, DuckDbError> =>
  Effect.map(columns(connection, sql), (all) => all.map((column) => Number(column[0])))

/** A value of a VARCHAR column. */
export const text = (value: unknown): string => (typeof value === "string" ? value : "")
