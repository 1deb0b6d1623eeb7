export * from "./architectures/index.ts"
export * from "./checkpoints/index.ts"
export * as Onnx from "./onnx/index.ts"
export * from "./runtime/index.ts"
