export { type Reason, renderReason } from "./Decision.ts"
export { Fingerprint, type FingerprintError, hintsFileOf, layerFingerprint } from "./Fingerprint.ts"
export {
  actionKey,
  canonicalJson,
  type KeyDifference,
  KeyDocument,
  keySchema,
  nearest,
  type RecordedKey,
  renderDifference,
  renderKeyDocument,
  sharedParts,
} from "./KeyDocument.ts"
export { outsideCode } from "./outsideCode.ts"
export { builtFrom, projectRoot } from "./RunningCode.ts"
export type { SourceError } from "./SourceHash.ts"
