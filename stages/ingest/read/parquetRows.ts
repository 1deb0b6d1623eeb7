import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type DuckDbError, literalPath, rowsOf, sqlString, streamRows } from "../../../pipeline/index.ts"
import { causeText } from "../../../schemas/index.ts"
import { UnreadableFile } from "../IngestError.ts"

const orThrow = async <A>(effect: Effect.Effect<A, DuckDbError>): Promise<A> => {
  const result = await Effect.runPromise(Effect.either(effect))
  if (Either.isRight(result)) return result.right
  throw result.left.cause
}

/**
 * What DuckDB says of a Parquet file that it cannot read, which names columns and pages, and not rows.
 *
 * @param path as DuckDB was told it
 * @param shown the file's name in errors
 * @param read how many rows came before
 */
export const unreadableParquet = (path: string, shown: string, read: number, cause: unknown): UnreadableFile => {
  const [said = ""] = causeText(cause).split("\n")
  const where = read === 0 ? "" : ` after row ${read}`
  const detail = `DuckDB cannot read it${where}: ${said.replaceAll(path, shown)}`
  return new UnreadableFile({ file: shown, reason: "corrupt", detail, fix: "Fetch it again, or write it anew." })
}

/**
 * The rows that a query has of a Parquet file, in batches: as many as the file's footer says, or it throws.
 *
 * @param sql reads all rows of the file, and of nothing else
 * @throws what DuckDB says
 */
export async function* parquetRows(connection: DuckDBConnection, path: string, sql: string) {
  const stored = `SELECT num_rows FROM parquet_file_metadata(${sqlString(literalPath(path))})`
  const next = await orThrow(streamRows(connection, sql, stored))
  for (let batch = await orThrow(next); batch !== undefined; batch = await orThrow(next)) yield rowsOf(batch)
}
