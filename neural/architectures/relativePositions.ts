import * as Onnx from "../onnx/index.ts"
import type { Floats } from "./Parameters.ts"
import type { TokenBatch } from "./TokenBatch.ts"

/**
 * The bucket of a relative position r = key − query in the encoder: half of the buckets for keys to the left and half for
 * keys to the right, each half for single distances, then for distances that grow as powers.
 */
export const relativeBucket = (relative: number, buckets: number, maximumDistance: number): number => {
  const side = Math.floor(buckets / 2)
  const exact = Math.floor(side / 2)
  const distance = Math.abs(relative)
  const offset = relative > 0 ? side : 0
  if (distance < exact) return offset + distance
  const growth = Math.log(distance / exact) / Math.log(maximumDistance / exact)
  return offset + Math.min(exact + Math.floor(growth * (side - exact)), side - 1)
}

/** The position bias of some queries on all heads, [1, heads, queries, sequence], from a table [buckets, heads]. */
export const relativePositionBias = (
  tokens: TokenBatch,
  table: Floats,
  { buckets: count, maximumDistance: reach }: { readonly buckets: number; readonly maximumDistance: number },
  queries: Onnx.Dim,
): Floats => {
  const buckets: number[] = []
  for (let relative = -reach; relative <= reach; relative++) buckets.push(relativeBucket(relative, count, reach))
  const byDistance = Onnx.gather(table, Onnx.integers(buckets, [buckets.length]))
  const keys = Onnx.unsqueeze(Onnx.range(tokens.sequence, "int64"), [0])
  const relative = Onnx.subtract(keys, Onnx.unsqueeze(Onnx.range(queries, "int64"), [1]))
  const clipped = Onnx.minimum(Onnx.maximum(relative, -reach), reach)
  const bias = Onnx.gather(byDistance, Onnx.add(clipped, reach))
  return Onnx.unsqueeze(Onnx.transpose(bias, [2, 0, 1]), [0])
}
