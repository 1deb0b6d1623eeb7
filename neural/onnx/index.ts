export * as dimensions from "./Dim.ts"
export { type Dim, type Shape, showDim, showShape } from "./Dim.ts"
export * from "./differentiation/index.ts"
export { type ElementType, elementTypes, type FloatType, type IntegerType, type NumberType } from "./ElementType.ts"
export * from "./Expression.ts"
export { forWebGpu } from "./forWebGpu.ts"
export { type Graph, type GraphParameter, inOrder, parametersOf } from "./Graph.ts"
export { ElementTypeError, GraphError, ShapeError } from "./GraphError.ts"
export { largestFloat } from "./lower.ts"
export { type EncodedModel, type ExternalLocation, encodeModel, opset, toBytes, type WeightPlace } from "./Model.ts"
export type { Operation, OperationKind } from "./Operation.ts"
export { type Hole, type Pieces, ProtobufError, type RandomAccess, randomAccess } from "./Protobuf.ts"
export {
  type PackedWeight,
  type QuantizedGraph,
  type QuantizedWeights,
  quantizedGraph,
  type StoredWeight,
  storedName,
} from "./quantizedGraph.ts"
export { ColumnScales, quantizeColumns, quantizeWeights, scalesOf } from "./quantizedWeights.ts"
export { eachTime, firstOf, lastOf, type RepeatedGraph, timesInput } from "./RepeatedGraph.ts"
export { type DeclaredValue, type ModelInterface, readInterface } from "./readInterface.ts"
export { readInterfaceFile } from "./readInterfaceFile.ts"
export { valueMemory } from "./valueMemory.ts"
export { ModelWriteFailed, placeBySize, type ReadWeight, writeModel } from "./writeModel.ts"
