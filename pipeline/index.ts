export { ArtifactStore, type Damage, type Lookup, layerArtifactStore } from "./ArtifactStore.ts"
export { type Reason, renderReason } from "./Decision.ts"
export { DuckDb, DuckDbError, duckDbPromise, layerDuckDb } from "./DuckDb.ts"
export { Fingerprint, type FingerprintError, hintsFileOf, layerFingerprint } from "./Fingerprint.ts"
export { FileRecord } from "./FolderContent.ts"
export { collectGarbage, decideGc, type GcOptions, type GcReport, type GcState, runRecords } from "./Gc.ts"
export { type KeyDifference, KeyDocument, renderDifference, renderKeyDocument } from "./KeyDocument.ts"
export { type Lineage, type LineageResult, lineage, renderLineage, UnknownArtifact } from "./Lineage.ts"
export { type FormerResult, type Manifest, type OutputRecord, storeVersion } from "./Manifest.ts"
export {
  checkPlanDocument,
  makePlan,
  namesNode,
  nodesNamed,
  type Plan,
  PlanDocument,
  PlanError,
  type PlannedNode,
  planDocument,
  selectTargets,
  UnknownTarget,
} from "./Plan.ts"
export { type GraphFormat, type NodeState, renderGraph } from "./planGraph.ts"
export type { RunEvent } from "./RunEvent.ts"
export {
  CodeChanged,
  type NodePreview,
  OutputNotWritten,
  preview,
  type RunnerServices,
  type RunOptions,
  run,
  SourceChanged,
  StageDefect,
} from "./Runner.ts"
export { builtFrom, projectRoot } from "./RunningCode.ts"
export { type NodeReport, type OutputReport, RunFailed, RunRecord, type RunReport } from "./RunReport.ts"
export { describeOwner, type Owner, StoreBusy } from "./Session.ts"
export {
  type AnyStage,
  type Artifact,
  type Json,
  many,
  type NodeProvenance,
  type Outputs,
  type PlanNode,
  type Progress,
  type SourceNode,
  type StageContext,
  type StageError,
  type StageNode,
  type StageResult,
  type StageRun,
  type StageServices,
  type StoredArtifact,
  sourceFiles,
  stage,
} from "./Stage.ts"
export { StoreError } from "./StoreError.ts"
export {
  type ColumnBatch,
  readBatches,
  readRows,
  sqlIdentifier,
  sqlString,
  type TableWriter,
  tableWriter,
} from "./Table.ts"
export { type VerifyOptions, type VerifyReport, verifyStore } from "./Verify.ts"
