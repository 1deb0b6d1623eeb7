export { ArtifactStore, type Damage, type Depth, type Lookup, layerArtifactStore } from "./ArtifactStore.ts"
export { FileRecord } from "./FolderContent.ts"
export {
  collectGarbage,
  collectorLock,
  decideGc,
  type GcOptions,
  type GcReport,
  type GcState,
  newestRun,
} from "./Gc.ts"
export { type Lineage, type LineageResult, lineage, lineageNodes, renderLineage, UnknownArtifact } from "./Lineage.ts"
export { type FormerResult, type InputOrigin, type Manifest, type OutputRecord, storeVersion } from "./Manifest.ts"
export { RunRecord } from "./RunRecord.ts"
export { describeOwner, type Owner, readOnlySession, type Session, StoreBusy } from "./Session.ts"
export { io, StoreError, saysDiskFull } from "./StoreError.ts"
export { type VerifyOptions, type VerifyReport, verifyStore } from "./Verify.ts"
