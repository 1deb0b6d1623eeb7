import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"
import { byText, type TokenBatch } from "./TokenBatch.ts"

/** The mean of each text's token states [batch · sequence, width] under a mask, [batch, width]; a text without tokens gives zeros. */
export const maskedMean = (states: Floats, tokens: TokenBatch, mask: Floats = tokens.mask): Floats => {
  const { batch, sequence } = tokens
  const sums = Onnx.matMul(Onnx.reshape(mask, [batch, 1, sequence]), byText(states, tokens))
  const count = Onnx.maximum(Onnx.reduceSum(mask, [1], true), 1e-9)
  return Onnx.divide(Onnx.reshape(sums, [batch, states.shape[1] ?? 0]), count)
}
