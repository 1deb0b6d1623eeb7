import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { TableKind } from "../../schemas/index.ts"
import type { DuckDb, DuckDbError } from "./DuckDb.ts"
import { readBatches, type StoredTable, tableWriter } from "./Table.ts"

/**
 * Writes the rows of tables, one table behind another, as one: the bytes that the same rows have anyway, in bounded memory.
 *
 * @param directory exists and is empty
 * @returns how many rows there are
 */
export function joinTables<K extends TableKind>(
  parts: ReadonlyArray<StoredTable<K>>,
  kind: K,
  directory: string,
): Effect.Effect<number, DuckDbError, DuckDb>
// Parts and whole are of one kind, so that what is read of the one fits the other.
export function joinTables(
  parts: ReadonlyArray<StoredTable>,
  kind: TableKind,
  directory: string,
): Effect.Effect<number, DuckDbError, DuckDb> {
  return Effect.scoped(
    Effect.gen(function* () {
      const writer = yield* tableWriter(kind, directory)
      const columns = Object.keys(kind.columns)
      for (const part of parts) yield* Stream.runForEach(readBatches(part, columns), writer.writeColumns)
      return yield* writer.finish
    }),
  )
}
