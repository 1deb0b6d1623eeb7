export { AdapterMisfit } from "./AdapterError.ts"
export {
  type AdaptedWeight,
  type Adapters,
  type AdapterTensor,
  factorA,
  factorB,
  factorsOf,
  planAdapters,
} from "./Adapters.ts"
export { adaptedExpression } from "./adaptedExpression.ts"
export { baseFingerprint } from "./baseFingerprint.ts"
export { initialFactors } from "./initialFactors.ts"
export { addChange } from "./mergedWeight.ts"
export { adapterFiles } from "./peft.ts"
export { type LoadedAdapter, readAdapter } from "./readAdapter.ts"
export { type WrittenAdapter, writeAdapter } from "./writeAdapter.ts"
