export { DuckDb, DuckDbError, duckDbPromise, layerDuckDb } from "./DuckDb.ts"
export { type Columns, type NextRows, rowStream, rowsOf, streamRows } from "./RowStream.ts"
export { type ColumnBatch, readBatches, readRows, type StoredTable, type TableWriter, tableWriter } from "./Table.ts"
export { literalPath, parquetOptions, sqlIdentifier, sqlString, tableCopy, tableSource } from "./TableSource.ts"
