export {
  layerOnnxRuntime,
  type ModelSource,
  OnnxRuntime,
  type Session,
  type SessionOptions,
} from "./Session.ts"
export { Device, DeviceChoice, DeviceUnavailable, InferenceFailed, ModelRejected } from "./SessionError.ts"
export { floats, int64s, type Tensor, type TensorDescription, type TensorOf, type TensorType } from "./Tensor.ts"
