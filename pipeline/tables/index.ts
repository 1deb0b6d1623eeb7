export { DuckDb, DuckDbError, duckDbPromise, layerDuckDb } from "./DuckDb.ts"
export {
  type ColumnBatch,
  readBatches,
  readRows,
  type StoredTable,
  sqlIdentifier,
  sqlString,
  type TableWriter,
  tableWriter,
} from "./Table.ts"
