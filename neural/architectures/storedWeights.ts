import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import {
  type CheckpointError,
  CheckpointInvalid,
  type Weights,
  type WrittenPart,
  type WrittenTensor,
  writeSafetensors,
} from "../checkpoints/index.ts"
import * as Onnx from "../onnx/index.ts"

/** As many floats of a weight are in memory at once, about. */
const atOnce = 2 ** 22

type Scaled = Exclude<Onnx.PackedWeight, { readonly kind: "half" }>

/** A weight in parts of whole rows, through one buffer. */
async function* rowsOf(weights: Weights, name: string, rows: number, columns: number): AsyncGenerator<Float32Array> {
  const most = Math.max(1, Math.floor(atOnce / columns))
  const buffer = new Float32Array(Math.min(most, rows) * columns)
  for (let row = 0; row < rows; row += most) {
    const end = Math.min(rows, row + most)
    const into = buffer.subarray(0, (end - row) * columns)
    const slice = { begin: row * columns, end: end * columns }
    const exit = await Effect.runPromiseExit(weights.floats(name, { slice, into }))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    yield into
  }
}

/** What shares a scale: a row, or a block of one. */
const scaledWidth = ({ kind, shape }: Scaled): number => (kind === "blocks" ? Onnx.weightBlock : shape[1])

const asError =
  (path: string) =>
  (cause: unknown): CheckpointError =>
    cause instanceof CheckpointInvalid
      ? cause
      : new CheckpointInvalid({ path, problem: String(cause), remedy: "Fetch or save the checkpoint again." })

const rowScales = async (weights: Weights, stored: string, packed: Scaled): Promise<Float32Array> => {
  const [rows, columns] = packed.shape
  const width = scaledWidth(packed)
  const scales = new Float32Array((rows * columns) / width)
  let at = 0
  for await (const part of rowsOf(weights, stored, rows, columns)) {
    const found = Onnx.scalesOf(part, width)
    scales.set(found, at)
    at += found.length
  }
  return scales
}

const columnScales = async (weights: Weights, stored: string, { shape }: Scaled): Promise<Float32Array> => {
  const [rows, columns] = shape
  const scales = new Onnx.ColumnScales(columns)
  for await (const part of rowsOf(weights, stored, rows, columns)) scales.add(part)
  return scales.scales()
}

/** The scales of a weight, in the order of its rows, or of its columns. */
const scalesOf = (weights: Weights, stored: string, packed: Scaled): Effect.Effect<Float32Array, CheckpointError> =>
  Effect.tryPromise({
    try: async () => {
      const scales = await (packed.kind === "columns" ? columnScales : rowScales)(weights, stored, packed)
      if (scales.some(Number.isNaN)) {
        throw new CheckpointInvalid({
          path: weights.path,
          tensor: stored,
          problem: "it holds a weight that is not finite",
          remedy: "The model is damaged: fetch or train it again.",
        })
      }
      return scales
    },
    catch: asError(weights.path),
  })

/** The numbers of a weight, part by part; transposed ones in one part. */
async function* numbersOf(
  weights: Weights,
  stored: string,
  packed: Scaled,
  scales: Float32Array,
): AsyncGenerator<WrittenPart> {
  const [rows, columns] = packed.shape
  const width = scaledWidth(packed)
  const whole = packed.kind === "transposed" ? new Int8Array(rows * columns) : undefined
  let row = 0
  for await (const part of rowsOf(weights, stored, rows, columns)) {
    const own = scales.subarray((row * columns) / width, (row * columns + part.length) / width)
    if (whole !== undefined) {
      const from = row
      Onnx.quantizeWeights(part, width, own, (value, at, column) => {
        whole[column * rows + from + at] = value
      })
    } else if (packed.kind === "columns") {
      yield Onnx.quantizeColumns(part, scales)
    } else if (packed.kind === "blocks") {
      const numbers = new Uint8Array(part.length)
      Onnx.quantizeWeights(part, width, own, (value, at, column) => {
        numbers[at * width + column] = value + 128
      })
      yield numbers
    } else {
      const numbers = new Int8Array(part.length)
      Onnx.quantizeWeights(part, width, own, (value, at, column) => {
        numbers[at * width + column] = value
      })
      yield numbers
    }
    row += part.length / columns
  }
  if (whole !== undefined) yield whole
}

const shapeOf = ({ kind, shape: [rows, columns] }: Scaled): readonly number[] => {
  if (kind === "blocks") return [rows, columns / Onnx.weightBlock, Onnx.weightBlock]
  return kind === "transposed" ? [columns, rows] : [rows, columns]
}

/**
 * Writes weights in the forms that a graph wants them in. At once in memory are a slice of a weight, the largest matrix in 8 bits, and
 * all scales.
 *
 * @param storedAs the name that a weight has where it is read
 */
export const writeStoredWeights = (
  path: string,
  weights: Weights,
  storedAs: (name: string) => string,
  wanted: readonly Onnx.StoredWeight[],
): Effect.Effect<void, CheckpointError> =>
  Effect.gen(function* () {
    const written = yield* Effect.forEach(wanted, (weight) =>
      Effect.gen(function* () {
        const stored = storedAs(weight.of)
        if (weight.kind === "float" || weight.kind === "half") {
          const [rows = 1, ...rest] = weight.shape
          const columns = rest.reduce((a, b) => a * b, 1)
          const data = () => rowsOf(weights, stored, rows, columns)
          const [name, dtype] =
            weight.kind === "float" ? ([weight.of, "F32"] as const) : ([weight.values, "BF16"] as const)
          return [{ name, dtype, shape: weight.shape, data }] satisfies WrittenTensor[]
        }
        const scales = yield* scalesOf(weights, stored, weight)
        const dtype = weight.kind === "blocks" ? "U8" : "I8"
        const data = () => numbersOf(weights, stored, weight, scales)
        return [
          { name: weight.scale, dtype: "F32", shape: [scales.length], data: () => [scales] },
          { name: weight.values, dtype, shape: shapeOf(weight), data },
        ] satisfies WrittenTensor[]
      }),
    )
    yield* writeSafetensors(path, written.flat())
  })
