import type { DuckDBConnection } from "@duckdb/node-api"
import { fileChunks } from "./files.ts"
import { beginsAsJson, jsonRunRows } from "./JsonRun.ts"
import { linesOf } from "./Lines.ts"
import type { RunBatches } from "./Rows.ts"
import { runRows } from "./RunColumns.ts"
import { isParquet, parquetRun } from "./RunParquet.ts"

/** The rows of a ranking as text: columns or JSON. The first bytes settle which. */
export async function* rankingRows(file: string, chunks: AsyncGenerator<Uint8Array>): RunBatches {
  const first = await chunks.next()
  if (first.done === true) return { scores: "score", checkRanks: false, said: [] }
  async function* whole(start: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      yield start
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  }
  return yield* beginsAsJson(first.value)
    ? jsonRunRows(file, whole(first.value))
    : runRows(linesOf(file, whole(first.value)))
}

/**
 * The rows of a ranking's file, told by its content: Parquet, or columns or JSON, packed or not.
 *
 * @param connection reads Parquet
 */
export async function* runFile(path: string, shown: string, connection: () => Promise<DuckDBConnection>): RunBatches {
  if (await isParquet(path)) return yield* parquetRun(await connection(), path, shown)
  return yield* rankingRows(shown, fileChunks(path, shown))
}
