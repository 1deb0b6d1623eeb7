export { DuckDb, DuckDbError, duckDbPromise, layerDuckDb } from "./DuckDb.ts"
export {
  type Artifact,
  type Json,
  many,
  type Outputs,
  type Progress,
  type StageContext,
  type StageError,
  type StageResult,
  type StageRun,
  type StageServices,
  type StoredArtifact,
  sourceFiles,
  stage,
} from "./Stage.ts"
export {
  type ColumnBatch,
  readBatches,
  readRows,
  sqlIdentifier,
  sqlString,
  type TableWriter,
  tableWriter,
} from "./Table.ts"
