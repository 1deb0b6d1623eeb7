export { ArtifactStore, type Damage, type Depth, type Lookup } from "./ArtifactStore.ts"
export type { Environment } from "./AwsSettings.ts"
export { type CacheReport, shrinkCache } from "./CacheSize.ts"
export { FileRecord } from "./FolderContent.ts"
export {
  ageOf,
  collectGarbage,
  collectorLock,
  decideGc,
  type GcOptions,
  type GcReport,
  type GcState,
  newestRun,
} from "./Gc.ts"
export { type Lineage, type LineageResult, lineage, lineageNodes, renderLineage, UnknownArtifact } from "./Lineage.ts"
export {
  type FormerResult,
  type InputOrigin,
  MadeBy,
  type Manifest,
  type OutputRecord,
  storeVersion,
} from "./Manifest.ts"
export { RemoteError } from "./Remote.ts"
export { RunRecord } from "./RunRecord.ts"
export { openRecord, sealedRecord } from "./SealedRecord.ts"
export { describeOwner, type Owner, readOnlySession, type Session, StoreBusy } from "./Session.ts"
export type { Moved, SharedResults } from "./SharedResults.ts"
export { manifestAnywhere, storedOutput } from "./StoredOutput.ts"
export { io, ioSync, StoreError, saysDiskFull } from "./StoreError.ts"
export { isS3, layerArtifactStore, type StorePlace } from "./StorePlace.ts"
export { planRenewedSeconds } from "./TaskPapers.ts"
export { type VerifyOptions, type VerifyReport, verifyStore } from "./Verify.ts"
