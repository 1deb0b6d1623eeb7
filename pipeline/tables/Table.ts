import type { DuckDBType, DuckDBValue } from "@duckdb/node-api"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ColumnTypes, RowOf, TableKind } from "../../schemas/index.ts"
import { DuckDb, type DuckDbError, duckDbPromise } from "./DuckDb.ts"
import { rowStream } from "./RowStream.ts"
import { parquetCopy, sqlIdentifier, storedRows, tableSource } from "./TableSource.ts"

/** A table that exists: what reading it takes of an artifact. */
export interface StoredTable<out K extends TableKind = TableKind> {
  readonly kind: K
  /** Absolute path of its folder. */
  readonly path: string
}

/** Columns of equal length, by name: a batch of rows without an object for each. */
export type ColumnBatch<K extends TableKind, N extends keyof K["columns"] & string = keyof K["columns"] & string> = {
  readonly [C in N]: ReadonlyArray<RowOf<K["columns"]>[C]>
}

/** Writes one table's Parquet parts in bounded memory. Use by one fiber at a time. */
export interface TableWriter<K extends TableKind> {
  /** Appends rows, in order. */
  readonly writeRows: (rows: Iterable<RowOf<K["columns"]>>) => Effect.Effect<void, DuckDbError>
  /** Appends rows given as columns, in order. */
  readonly writeColumns: (batch: ColumnBatch<K>) => Effect.Effect<void, DuckDbError>
  /** Writes what is left and returns the number of rows in all. An empty table still gets one, empty, part. */
  readonly finish: Effect.Effect<number, DuckDbError>
}

/** Rows a vector holds in DuckDB. */
const vectorRows = 2048

/** Rows of a part: four of DuckDB's default row groups, so that a reader can skip and a writer stays small. */
const partRows = 4 * 122_880

const duckDbType = async (type: keyof ColumnTypes): Promise<DuckDBType> => {
  const duckdb = await import("@duckdb/node-api")
  switch (type) {
    case "VARCHAR":
      return duckdb.VARCHAR
    case "INTEGER":
      return duckdb.INTEGER
    case "DOUBLE":
      return duckdb.DOUBLE
    case "FLOAT":
      return duckdb.FLOAT
  }
}

let tablesWritten = 0

/**
 * Opens a table for writing into `directory` (which exists and is empty). Parts are Parquet with zstd, their bytes a function
 * of the rows and of DuckDB's version alone; a part is written when it is full, so memory does not grow with the table.
 */
export const tableWriter = <K extends TableKind>(
  kind: K,
  directory: string,
): Effect.Effect<TableWriter<K>, DuckDbError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const names = Object.keys(kind.columns)
    const types = yield* Effect.promise(() =>
      Promise.all(Object.values(kind.columns).map((column) => duckDbType(column.type))),
    )
    const { DuckDBDataChunk } = yield* Effect.promise(() => import("@duckdb/node-api"))
    const table = sqlIdentifier(`writing_${kind.name}_${tablesWritten++}`)
    const declaration = Object.entries(kind.columns)
      .map(([name, column]) => `${sqlIdentifier(name)} ${column.type}${column.optional ? "" : " NOT NULL"}`)
      .join(", ")
    const run = (sql: string) => duckDbPromise(connection, sql, () => connection.run(sql))
    yield* run(`CREATE TEMP TABLE ${table} (${declaration})`)
    yield* Effect.addFinalizer(() => Effect.ignore(run(`DROP TABLE IF EXISTS ${table}`)))

    let parts = 0
    let inPart = 0
    let total = 0
    let pending: Array<Array<DuckDBValue>> = names.map(() => [])

    const openAppender = () => connection.createAppender(table.slice(1, -1), undefined, "temp")
    let appender = yield* duckDbPromise(connection, `append to ${table}`, openAppender)

    const appendVectors = (all: boolean) => {
      const rows = pending[0]?.length ?? 0
      let from = 0
      while (rows - from >= vectorRows || (all && from < rows)) {
        const count = Math.min(vectorRows, rows - from)
        const chunk = DuckDBDataChunk.create(types, count)
        for (let column = 0; column < names.length; column++) {
          chunk.setColumnValues(column, pending[column]!.slice(from, from + count))
        }
        appender.appendDataChunk(chunk)
        from += count
        inPart += count
        total += count
      }
      if (from > 0) pending = pending.map((values) => values.slice(from))
    }

    const writePart = Effect.gen(function* () {
      yield* duckDbPromise(connection, `append to ${table}`, async () => appender.closeSync())
      const file = `${directory}/part-${String(parts++).padStart(5, "0")}.parquet`
      yield* run(parquetCopy(table, file))
      yield* run(`TRUNCATE ${table}`)
      inPart = 0
      appender = yield* duckDbPromise(connection, `append to ${table}`, openAppender)
    })

    const append = (all: boolean) =>
      Effect.flatMap(
        duckDbPromise(connection, `append to ${table}`, async () => appendVectors(all)),
        () => (inPart >= partRows ? writePart : Effect.void),
      )

    return {
      writeRows: (rows) =>
        Effect.suspend(() => {
          for (const row of rows) {
            for (let column = 0; column < names.length; column++) pending[column]!.push(row[names[column]!] ?? null)
          }
          return (pending[0]?.length ?? 0) >= vectorRows ? append(false) : Effect.void
        }),
      writeColumns: (batch) =>
        Effect.suspend(() => {
          const columns = new Map<string, ReadonlyArray<DuckDBValue>>(Object.entries(batch))
          for (let column = 0; column < names.length; column++) {
            const into = pending[column]!
            for (const value of columns.get(names[column]!) ?? []) into.push(value)
          }
          return append(false)
        }),
      finish: Effect.gen(function* () {
        yield* append(true)
        if (inPart > 0 || parts === 0) yield* writePart
        yield* duckDbPromise(connection, `append to ${table}`, async () => appender.closeSync())
        return total
      }),
    }
  })

/** The rows from a place up to another, `[from, to)`. */
export interface RowRange {
  readonly from: number
  readonly to: number
}

/**
 * Streams a table's rows in their order, as batches of at most 2,048 rows: as many as its files' footers say, or it fails. Memory
 * does not grow with the table.
 *
 * @param columns which columns to read; the others are not touched on disk.
 * @param rows which rows, which have to be there; left out, all
 */
export function readBatches<K extends TableKind, const N extends keyof K["columns"] & string>(
  artifact: StoredTable<K>,
  columns: ReadonlyArray<N>,
  rows?: RowRange,
): Stream.Stream<ColumnBatch<K, N>, DuckDbError, DuckDb>
// The store's tables were written by `tableWriter` from the same kind, and their bytes are checked by their hash.
export function readBatches(
  artifact: StoredTable,
  columns: ReadonlyArray<string>,
  rows?: RowRange,
): Stream.Stream<unknown, DuckDbError, DuckDb> {
  const count = rows && Math.max(0, rows.to - rows.from)
  const which = rows === undefined ? "" : ` LIMIT ${count} OFFSET ${rows.from}`
  const sql = `SELECT ${columns.map(sqlIdentifier).join(", ")} FROM ${tableSource(artifact)}${which}`
  return Stream.map(rowStream(sql, count === undefined ? storedRows(artifact) : String(count)), (batch) =>
    Object.fromEntries(columns.map((name, column) => [name, batch[column] ?? []])),
  )
}

/** Reads a whole table as row objects, in order: for tables that are small by nature (queries, qrels, one split's scores). */
export const readRows = <K extends TableKind>(
  artifact: StoredTable<K>,
): Effect.Effect<ReadonlyArray<RowOf<K["columns"]>>, DuckDbError, DuckDb> =>
  Effect.map(Stream.runCollect(rowBatches(artifact)), (batches) => Chunk.toReadonlyArray(batches).flat())

function rowBatches<K extends TableKind>(
  artifact: StoredTable<K>,
): Stream.Stream<ReadonlyArray<RowOf<K["columns"]>>, DuckDbError, DuckDb>
function rowBatches(artifact: StoredTable): Stream.Stream<unknown, DuckDbError, DuckDb> {
  const names = Object.keys(artifact.kind.columns)
  return Stream.map(readBatches(artifact, names), (batch) => {
    const rows = batch[names[0]!]?.length ?? 0
    return Array.from({ length: rows }, (_, row) => Object.fromEntries(names.map((name) => [name, batch[name]?.[row]])))
  })
}
