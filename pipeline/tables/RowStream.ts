import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { DuckDb, DuckDbError, duckDbPromise } from "./DuckDb.ts"

/** Values of some rows, column by column, in the order of the query's columns. */
export type Columns = ReadonlyArray<ReadonlyArray<DuckDBValue>>

/** The column that says that the row before was the last one. */
const mark = '"rankdag.end"'

/** Reads a result's next rows; `undefined` after the last. */
export type NextRows = Effect.Effect<Columns | undefined, DuckDbError>

const cutShort = (sql: string, read: number, expected: number | undefined): DuckDbError =>
  new DuckDbError({
    during: sql.trim().slice(0, 200),
    cause: new Error(
      `the result broke off after ${read} ${expected === undefined ? "rows" : `of ${expected} rows`}, and DuckDB does not say why. ` +
        "A file may be damaged (`verify` names it), or memory ran out",
    ),
  })

/**
 * Streams a query's rows in their order, in batches of at most 2,048: all of them, or it fails. Memory does not grow with the
 * result. DuckDB's client ends a stream in silence when an error comes after its first buffer, or when another statement runs on
 * its connection; so the query is asked with a last row that says that it is the last.
 *
 * @param sql whose columns have names of their own.
 * @param expected SQL of how many rows there have to be, where that is known: the sum of the files' own counts.
 */
export const streamRows = (
  connection: DuckDBConnection,
  sql: string,
  expected = "-1",
): Effect.Effect<NextRows, DuckDbError> =>
  Effect.map(
    duckDbPromise(connection, sql, () =>
      connection.stream(
        `SELECT *, NULL::BIGINT AS ${mark} FROM (${sql}) UNION ALL BY NAME SELECT (${expected})::BIGINT AS ${mark}`,
      ),
    ),
    (result) => {
      let read = 0
      let ended = false
      return Effect.suspend(() =>
        ended
          ? Effect.succeed(undefined)
          : Effect.flatMap(
              duckDbPromise(connection, sql, () => result.fetchChunk()),
              (chunk) => {
                if (chunk === null || chunk.rowCount === 0) return Effect.fail(cutShort(sql, read, undefined))
                const rows = chunk.rowCount
                const last = chunk.getColumnVector(chunk.columnCount - 1).getItem(rows - 1)
                ended = last !== null
                read += ended ? rows - 1 : rows
                const wanted = Number(last ?? -1)
                if (wanted >= 0 && wanted !== read) return Effect.fail(cutShort(sql, read, wanted))
                if (ended && rows === 1) return Effect.succeed(undefined)
                const columns: Array<ReadonlyArray<DuckDBValue>> = []
                for (let column = 0; column < chunk.columnCount - 1; column++) {
                  const values = chunk.getColumnValues(column)
                  columns.push(ended ? values.slice(0, -1) : values)
                }
                return Effect.succeed(columns)
              },
            ),
      )
    },
  )

/** `streamRows` as a stream, over a connection of its own. */
export const rowStream = (sql: string, expected?: string): Stream.Stream<Columns, DuckDbError, DuckDb> =>
  Stream.unwrapScoped(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      const next = yield* streamRows(connection, sql, expected)
      return Stream.repeatEffectOption(
        Effect.flatMap(Effect.mapError(next, Option.some), (columns) =>
          columns === undefined ? Effect.fail(Option.none()) : Effect.succeed(columns),
        ),
      )
    }),
  )

/** Rows of columns. */
export const rowsOf = (columns: Columns): ReadonlyArray<ReadonlyArray<DuckDBValue>> =>
  Array.from({ length: columns[0]?.length ?? 0 }, (_, row) => columns.map((values) => values[row] ?? null))
