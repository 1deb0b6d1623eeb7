import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"

/** Vectors as ones of length 1, [batch, width]; zero stays zero. */
export const ofUnitLength = (vectors: Floats): Floats => {
  const length = Onnx.squareRoot(Onnx.reduceSum(Onnx.multiply(vectors, vectors), [1], true))
  return Onnx.divide(vectors, Onnx.maximum(length, 1e-12))
}
