export { ConfigInvalid, HeadUnsuitable, knownModelTypes, UnknownArchitecture } from "./ArchitectureError.ts"
export type { BertConfig, BertKind } from "./Bert.ts"
export { commonFields } from "./commonFields.ts"
export { type Architecture, architectureFields, decodeConfig, type PretrainedConfig } from "./config.ts"
export {
  type Conversion,
  type ConvertedModel,
  convertCheckpoint,
  describeCheckpoint,
  readConfig,
  writeModelFiles,
} from "./convertCheckpoint.ts"
export { type Dropout, keepAll } from "./Encoder.ts"
export { classifierHead, Head, type HeadKind, headKindOf, headOf, headsOf, monoT5Tokens, rankT5Token } from "./Head.ts"
export { type Initialisation, initialHead, initialWeights } from "./initialWeights.ts"
export {
  hasTokenTypes,
  type ModelDescription,
  type ModelGraph,
  type ModelTensor,
  modelExpression,
  modelGraph,
  positionLimit,
} from "./Model.ts"
export { normalWeights } from "./normalWeights.ts"
export { type Floats, Parameters } from "./Parameters.ts"
export { ModelFolderInvalid, readInputSpec, readModelCard } from "./readModelFolder.ts"
export type { FeedForward, T5Config } from "./T5.ts"
export type { T5GemmaConfig } from "./T5Gemma.ts"
export { type TokenBatch, tokenBatch } from "./TokenBatch.ts"
