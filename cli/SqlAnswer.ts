import type { DuckDBConnection, DuckDBType } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DuckDbError, duckDbPromise, type Json, rowsOf, streamRows } from "../pipeline/index.ts"
import { querySql, type SqlFormat, type SqlResult } from "./SqlResult.ts"

/** An answer that is read row by row, as far as somebody wants it. */
export interface SqlAnswer {
  readonly columns: ReadonlyArray<string>
  /** The next rows; `undefined` after the last. */
  readonly next: Effect.Effect<ReadonlyArray<ReadonlyArray<Json>> | undefined, DuckDbError>
}

interface Column {
  readonly name: string
  readonly type: DuckDBType
}

/** A query's columns, with a number after names that come again, or `undefined` of what cannot stand in brackets. */
const columnsOfQuery = (connection: DuckDBConnection, sql: string) =>
  duckDbPromise(connection, sql, async (): Promise<ReadonlyArray<Column> | undefined> => {
    const { StatementType } = await import("@duckdb/node-api")
    const prepared = await connection.prepare(sql)
    try {
      if (prepared.statementType !== StatementType.SELECT || prepared.parameterCount > 0) return undefined
      const seen = new Map<string, number>()
      return Array.from({ length: prepared.columnCount }, (_, column) => {
        const name = prepared.columnName(column)
        const times = seen.get(name) ?? 0
        seen.set(name, times + 1)
        return { name: times === 0 ? name : `${name}:${times}`, type: prepared.columnType(column) }
      })
    } finally {
      prepared.destroySync()
    }
  }).pipe(Effect.orElseSucceed(() => undefined))

const isQuery = (connection: DuckDBConnection, sql: string) =>
  duckDbPromise(connection, sql, async () => (await connection.prepare(sql)).destroySync()).pipe(
    Effect.match({ onSuccess: () => true, onFailure: () => false }),
  )

const readAtOnce = (connection: DuckDBConnection, sql: string) =>
  Effect.map(querySql(connection, sql), ({ columns, rows }): SqlAnswer => {
    let left: SqlResult["rows"] | undefined = rows
    const next = Effect.sync(() => {
      const all = left
      left = undefined
      return all
    })
    return { columns, next }
  })

/**
 * Asks, and reads the answer as it is wanted: memory does not grow with it. The rows, their order and the spelling of values are
 * those of `querySql`; so is what cannot be asked of a query in brackets (several statements, `PRAGMA`), which is read whole.
 */
export const streamSql = (connection: DuckDBConnection, sql: string): Effect.Effect<SqlAnswer, DuckDbError> =>
  Effect.gen(function* () {
    const query = sql.replace(/[;\s]+$/, "")
    const columns = yield* columnsOfQuery(connection, query)
    // Names of its own for each column: those of an answer may come twice. The brackets' end is not to end up in a comment.
    const answer = `FROM (${query}\n) AS answer(${columns?.map((_, column) => `c${column}`).join(", ")})`
    if (columns === undefined || !(yield* isQuery(connection, answer))) return yield* readAtOnce(connection, sql)
    const { JsonDuckDBValueConverter: json } = yield* duckDbPromise(connection, sql, () => import("@duckdb/node-api"))
    // A stream that breaks off does not say why; the same query says it where all its values are made and none is kept.
    const explained = Effect.catchAll((error: DuckDbError) =>
      Effect.zipRight(
        duckDbPromise(connection, sql, () => connection.run(`${answer} SELECT max(hash(answer))`)),
        Effect.fail(error),
      ),
    )
    const next = yield* explained(streamRows(connection, answer))
    return {
      columns: columns.map(({ name }) => name),
      next: Effect.map(explained(next), (batch) =>
        batch === undefined
          ? undefined
          : rowsOf(batch).map((row) => columns.map(({ type }, column): Json => json(row[column] ?? null, type, json))),
      ),
    }
  }).pipe(Effect.withSpan("streamSql"))

/** As many rows as are laid out as a table: what people read, and what memory holds whatever the rows are. */
export const largestTable = 250_000

/** An answer has more rows than a table may have, whose columns are as wide as their widest value. */
export class AnswerTooLong extends Schema.TaggedError<AnswerTooLong>()("AnswerTooLong", { format: Schema.String }) {
  override get message(): string {
    return (
      `The answer has more than ${largestTable.toLocaleString("en")} rows, and a ${this.format === "table" ? "table" : `table in ${this.format}`} is laid out when all are read. ` +
      "Ask for fewer (LIMIT 100), or print them row by row: --format csv, tsv or json"
    )
  }
}

/** Reads an answer that is to be laid out. */
export const readForTable = (
  { columns, next }: SqlAnswer,
  format: SqlFormat,
): Effect.Effect<SqlResult, DuckDbError | AnswerTooLong> =>
  Effect.gen(function* () {
    const rows: Array<ReadonlyArray<Json>> = []
    for (;;) {
      const batch = yield* next
      if (batch === undefined) return { columns, rows }
      if (rows.length + batch.length > largestTable) return yield* new AnswerTooLong({ format })
      for (const row of batch) rows.push(row)
    }
  })
