export { countRows } from "./countRows.ts"
export { DuckDb, DuckDbError, duckDbPromise, layerDuckDb } from "./DuckDb.ts"
export { joinTables } from "./joinTables.ts"
export { type Columns, type NextRows, rowStream, rowsOf, streamRows } from "./RowStream.ts"
export {
  type ColumnBatch,
  type RowRange,
  readBatches,
  readRows,
  type StoredTable,
  type TableWriter,
  tableWriter,
} from "./Table.ts"
export { literalPath, parquetOptions, sqlIdentifier, sqlString, tableCopy, tableSource } from "./TableSource.ts"
