export type { ModelSource } from "./nativeSession.ts"
export { packTexts, type TokenInput, type TokenSequence } from "./packTexts.ts"
export {
  InterfaceUnexpected,
  openScorer,
  ScoreNotFinite,
  type Scorer,
  type ScorerInterface,
  type ScorerOptions,
  scorerInterface,
  scoringLanes,
} from "./Scorer.ts"
export {
  chooseHardware,
  layerOnnxRuntime,
  OnnxRuntime,
  type Session,
  type SessionOptions,
} from "./Session.ts"
export { Device, DeviceChoice, DeviceUnavailable, InferenceFailed, ModelRejected } from "./SessionError.ts"
export {
  floats,
  int32s,
  int64s,
  stacked,
  type Tensor,
  type TensorDescription,
  type TensorOf,
  type TensorType,
} from "./Tensor.ts"
