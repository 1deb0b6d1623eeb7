export type { Architecture, Place } from "./Architecture.ts"
export { ConfigInvalid, HeadUnsuitable, UnknownArchitecture } from "./ArchitectureError.ts"
export { commonFields } from "./commonFields.ts"
export { architectureFields, decodeConfig, type PretrainedConfig } from "./config.ts"
export {
  type Conversion,
  type ConvertedModel,
  convertCheckpoint,
  describeCheckpoint,
  readConfig,
  writeModelFiles,
} from "./convertCheckpoint.ts"
export { denseTensor } from "./denseLayers.ts"
export { type Dropout, keepAll } from "./Encoder.ts"
export type { Family, KnownRepository, ModelType, ScratchSizes } from "./Family.ts"
export { families, knownModelTypes, modelTypes } from "./families.ts"
export { classifierHead, Head, type HeadKind, headKindOf, headOf, headsOf, monoT5Tokens, rankT5Token } from "./Head.ts"
export type { Initialisation } from "./Initialisation.ts"
export { initialHead, initialWeights } from "./initialWeights.ts"
export {
  type ModelDescription,
  type ModelGraph,
  type ModelTensor,
  modelExpression,
  modelGraph,
  type PublishedGraph,
  publishedGraph,
} from "./Model.ts"
export { normalWeights } from "./normalWeights.ts"
export { openCheckpoint } from "./openCheckpoint.ts"
export { type Floats, Parameters } from "./Parameters.ts"
export {
  type Freezing,
  freezeModel,
  frozenForms,
  type Quantization,
  type QuantizedModel,
  quantizeModel,
} from "./quantizeModel.ts"
export { ModelFolderInvalid, readInputSpec, readModelCard } from "./readModelFolder.ts"
export { type TokenBatch, tokenBatch } from "./TokenBatch.ts"
