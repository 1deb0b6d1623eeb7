export * from "./CheckpointError.ts"
export { bfloatToFloat, floatToBfloat, floatToHalf, halfToFloat } from "./HalfPrecision.ts"
export { checkpointFiles, fetchCheckpoint, type HubCheckpoint, type HubOptions, snapshotIn } from "./Hub.ts"
export * from "./HubError.ts"
export type { HubProgress } from "./hubDownload.ts"
export { type ExpectedTensor, matchTensors, type TensorMatch } from "./matchTensors.ts"
export {
  openWeights,
  requireTensors,
  type Slice,
  type StoredTensor,
  type Weights,
  type WrittenPart,
  type WrittenTensor,
  writeSafetensors,
} from "./Safetensors.ts"
export { elements, type FloatDtype, type TensorPlace } from "./SafetensorsHeader.ts"
