import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { modelFiles } from "../../schemas/index.ts"
import {
  type CheckpointError,
  CheckpointInvalid,
  openWeights,
  requireTensors,
  type TensorsMismatch,
  type Weights,
  type WrittenPart,
  type WrittenTensor,
  writeSafetensors,
} from "../checkpoints/index.ts"
import * as Onnx from "../onnx/index.ts"
import { type HeadUnsuitable } from "./ArchitectureError.ts"
import { type ModelDescription, modelGraph } from "./Model.ts"

export interface Quantization {
  /** The folder of a model that `convertCheckpoint` or a training wrote. */
  readonly from: string
  /** The folder that `model.safetensors` and `model.onnx` are written to; it exists. */
  readonly to: string
  readonly description: ModelDescription
  readonly weights: Onnx.QuantizedWeights
  /** Tables of tokens with fewer elements stay float32. Default: 2²⁰. */
  readonly tableElements?: number
  /**
   * In `int8`, products over fewer numbers stay float32. Default: 128. Over 64 numbers, 8 bits saved a fifth of such a model's time and
   * changed twice as many first ranks.
   */
  readonly leastInner?: number
}

/** What became of a model's weights. */
export interface QuantizedModel {
  /** Weights that are 8-bit numbers now, and those that stayed. */
  readonly quantized: number
  readonly kept: number
}

const usualTableElements = 2 ** 20
const usualLeastInner = 128

/** As many floats of a weight are in memory at once, about. */
const atOnce = 2 ** 22

type Packed = Exclude<Onnx.StoredWeight, { readonly kind: "float" }>

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
const scaledWidth = ({ kind, shape }: Packed): number => (kind === "blocks" ? Onnx.weightBlock : shape[1])

const asError =
  (path: string) =>
  (cause: unknown): CheckpointError =>
    cause instanceof CheckpointInvalid
      ? cause
      : new CheckpointInvalid({ path, problem: String(cause), remedy: "Fetch or save the checkpoint again." })

/** The scales of a weight, in the order of its rows. */
const scalesOf = (weights: Weights, stored: string, packed: Packed): Effect.Effect<Float32Array, CheckpointError> =>
  Effect.tryPromise({
    try: async () => {
      const [rows, columns] = packed.shape
      const width = scaledWidth(packed)
      const scales = new Float32Array((rows * columns) / width)
      let at = 0
      for await (const part of rowsOf(weights, stored, rows, columns)) {
        const found = Onnx.scalesOf(part, width)
        scales.set(found, at)
        at += found.length
      }
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
  packed: Packed,
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

const storedShape = ({ kind, shape: [rows, columns] }: Packed): readonly number[] => {
  if (kind === "blocks") return [rows, columns / Onnx.weightBlock, Onnx.weightBlock]
  return kind === "rows" ? [rows, columns] : [columns, rows]
}

/**
 * Writes the files of a model in 8 bits: `model.safetensors` with its weights as whole numbers and their scales, and `model.onnx`, which
 * uses them where they lie there. At once in memory are a slice of a weight, the largest matrix in 8 bits, and all scales.
 */
export const quantizeModel = (
  quantization: Quantization,
): Effect.Effect<QuantizedModel, CheckpointError | TensorsMismatch | HeadUnsuitable | Onnx.ModelWriteFailed> =>
  Effect.gen(function* () {
    const { description, from, leastInner = usualLeastInner, tableElements = usualTableElements, to } = quantization
    const model = yield* modelGraph(description)
    const weights = yield* openWeights(join(from, modelFiles.weights))
    const expectedBy = `${description.architecture.family} with the head ${description.head.kind}`
    const found = yield* requireTensors(weights, expectedBy, model.tensors, model.ignores)
    const quantized = Onnx.quantizedGraph(model.graph, {
      rows: model.tokenRows,
      weights: quantization.weights,
      tableElements,
      leastInner,
    })
    const storedAs = (name: string): string => found.get(name)?.name ?? name
    const written = yield* Effect.forEach(quantized.weights, (weight) =>
      Effect.gen(function* () {
        const stored = storedAs(weight.of)
        if (weight.kind === "float") {
          const [rows = 1, ...rest] = weight.shape
          const columns = rest.reduce((a, b) => a * b, 1)
          const data = () => rowsOf(weights, stored, rows, columns)
          return [{ name: weight.of, dtype: "F32", shape: weight.shape, data }] satisfies WrittenTensor[]
        }
        const scales = yield* scalesOf(weights, stored, weight)
        const dtype = weight.kind === "blocks" ? "U8" : "I8"
        const data = () => numbersOf(weights, stored, weight, scales)
        return [
          { name: weight.scale, dtype: "F32", shape: [scales.length], data: () => [scales] },
          { name: weight.values, dtype, shape: storedShape(weight), data },
        ] satisfies WrittenTensor[]
      }),
    )
    const path = join(to, modelFiles.weights)
    yield* writeSafetensors(path, written.flat())
    const { tensors } = yield* openWeights(path)
    const locations = new Map(
      [...tensors.values()].map(({ name, offset }) => [name, { file: modelFiles.weights, offset }] as const),
    )
    for (const [alias, name] of quantized.aliases) {
      const place = locations.get(name)
      if (place !== undefined) locations.set(alias, place)
    }
    yield* Onnx.writeModel(
      join(to, modelFiles.graph),
      quantized.graph,
      { kind: "located", locations },
      () => Effect.void,
    )
    const count = (kind: "float" | "packed"): number =>
      quantized.weights
        .filter((weight) => (weight.kind === "float") === (kind === "float"))
        .reduce((sum, { shape }) => sum + [...shape].reduce((a, b) => a * b, 1), 0)
    return { quantized: count("packed"), kept: count("float") }
  }).pipe(Effect.scoped)
