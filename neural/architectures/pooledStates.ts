import type { Pooling } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import type { Encoder } from "./Encoder.ts"
import { maskedMean } from "./maskedMean.ts"
import type { Floats } from "./Parameters.ts"
import { byText, masked, type TokenBatch } from "./TokenBatch.ts"

/** Further than any position, and exact as a float. */
const beyond = 2 ** 24

/** 1, 2, 3 … from a text's first token on, whatever stands before it, [batch, sequence]. */
const places = (tokens: TokenBatch): Floats => {
  const positions = Onnx.unsqueeze(Onnx.range(tokens.sequence, "float32"), [0])
  const padding = Onnx.multiply(Onnx.subtract(Onnx.scalar(1), tokens.mask), beyond)
  const first = Onnx.reduceMin(Onnx.add(positions, padding), [1], true)
  return Onnx.add(Onnx.subtract(positions, first), 1)
}

/**
 * One vector a text of its tokens' states, [batch, width], as sentence-transformers 6.2 pools: the first or the last token's; of each
 * number the largest; the mean; the sum over the root of the count; or the mean with the weights 1, 2, 3 …
 *
 * @param mask the tokens that count; which is the first and which the last, padding alone decides
 */
export const pooledStates = (pooling: Pooling, encoder: Encoder, tokens: TokenBatch, mask: Floats): Floats => {
  const { batch, sequence } = tokens
  switch (pooling) {
    case "cls":
      return encoder.first()
    case "lasttoken":
      return encoder.last()
    case "mean":
      return maskedMean(encoder.states(), tokens, mask)
    case "weightedmean":
      return maskedMean(encoder.states(), tokens, Onnx.multiply(mask, places(tokens)))
    case "mean_sqrt_len_tokens": {
      const count = Onnx.maximum(Onnx.reduceSum(mask, [1], true), 1e-9)
      return Onnx.multiply(maskedMean(encoder.states(), tokens, mask), Onnx.squareRoot(count))
    }
    case "max": {
      const hidden = Onnx.multiply(Onnx.subtract(Onnx.scalar(1), mask), masked)
      const states = byText(encoder.states(), tokens)
      return Onnx.reduceMax(Onnx.add(states, Onnx.reshape(hidden, [batch, sequence, 1])), [1], false)
    }
  }
}
