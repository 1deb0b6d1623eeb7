/** Whether onnxruntime's sums of products of 8-bit numbers are exact on this processor, with signed weights as they are. */
import type * as Ort from "onnxruntime-node"
import {
  encodeModel,
  input,
  parameter,
  parameter8,
  quantizedLevels,
  quantizedProduct,
  quantizeRows,
  toBytes,
} from "../onnx/index.ts"

/** [rows, inner] · [inner, columns]: more than one block of any kernel, and rows left over. */
const [rows, inner, columns] = [7, 64, 48]

/** The largest sums that there are: rows of ones, which become 255, times the largest weights. */
const largestSums = (): Uint8Array => {
  const x = input("x", "float32", [rows, inner])
  const weight = parameter8("weight", "int8", [inner, columns])
  const graph = {
    name: "sums",
    inputs: [x],
    outputs: { sums: quantizedProduct(quantizeRows(x), weight, parameter("scale", [columns])) },
  }
  return toBytes(
    encodeModel(graph, { kind: "inside" }).model,
    new Map<string, Float32Array | Int8Array>([
      ["weight", new Int8Array(inner * columns).fill(quantizedLevels)],
      ["scale", new Float32Array(columns).fill(1)],
    ]),
  )
}

const known = new WeakMap<typeof Ort, Promise<boolean>>()

const measured = async (ort: typeof Ort): Promise<boolean> => {
  const session = await ort.InferenceSession.create(largestSums(), { intraOpNumThreads: 1, logSeverityLevel: 3 })
  try {
    const { sums } = await session.run({
      x: new ort.Tensor("float32", new Float32Array(rows * inner).fill(1), [rows, inner]),
    })
    const expected = inner * quantizedLevels
    return sums?.data instanceof Float32Array && sums.data.every((sum) => Math.abs(sum / expected - 1) < 1e-5)
  } finally {
    await session.release()
  }
}

/**
 * Whether they are: where a processor has no dot products of 8-bit numbers (x64 before VNNI), sums of two products overflow 16 bits.
 * Found out with a product whose sums are the largest there are, once a thread.
 */
export const hasExactSums = (ort: typeof Ort): Promise<boolean> => {
  const found = known.get(ort) ?? measured(ort)
  known.set(ort, found)
  return found
}
