import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { modelFiles } from "../../schemas/index.ts"
import {
  type CheckpointError,
  openWeights,
  requireTensors,
  type TensorsMismatch,
  type Weights,
} from "../checkpoints/index.ts"
import * as Onnx from "../onnx/index.ts"
import { type HeadUnsuitable } from "./ArchitectureError.ts"
import { type ModelDescription, type ModelGraph, modelGraph } from "./Model.ts"
import { writeStoredWeights } from "./storedWeights.ts"

export interface Quantization {
  /** The folder of a model that `convertCheckpoint` or a training wrote. */
  readonly from: string
  /** The folder that `model.safetensors` and `model.onnx` are written to; it exists. */
  readonly to: string
  readonly description: ModelDescription
  readonly weights: "int8" | "weights8"
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
  /** Weights that are in fewer bits now, and those that stayed. */
  readonly quantized: number
  readonly kept: number
}

const usualTableElements = 2 ** 20
const usualLeastInner = 128

/** How many weights a model has that are in fewer bits, and how many that are not. */
const counted = (weights: readonly Onnx.StoredWeight[]): QuantizedModel => {
  const sizes = new Map(weights.map(({ of, shape }) => [of, [...shape].reduce((a, b) => a * b, 1)]))
  const packed = new Set(weights.flatMap(({ kind, of }) => (kind === "float" ? [] : [of])))
  let [quantized, kept] = [0, 0]
  for (const [name, size] of sizes) {
    if (packed.has(name)) quantized += size
    else kept += size
  }
  return { quantized, kept }
}

interface Opened {
  readonly model: ModelGraph
  readonly weights: Weights
  readonly storedAs: (name: string) => string
}

const opened = (
  from: string,
  description: ModelDescription,
): Effect.Effect<Opened, CheckpointError | TensorsMismatch | HeadUnsuitable, Scope.Scope> =>
  Effect.gen(function* () {
    const model = yield* modelGraph(description)
    const weights = yield* openWeights(join(from, modelFiles.weights))
    const expectedBy = `${description.architecture.family} with the head ${description.head.kind}`
    const found = yield* requireTensors(weights, expectedBy, model.tensors, model.ignores)
    return { model, weights, storedAs: (name) => found.get(name)?.name ?? name }
  })

/**
 * Writes the files of a model in 8 bits: `model.safetensors` with its weights as whole numbers and their scales, and `model.onnx`, which
 * uses them where they lie there. At once in memory are a slice of a weight, the largest matrix in 8 bits, and all scales.
 */
export const quantizeModel = (
  quantization: Quantization,
): Effect.Effect<QuantizedModel, CheckpointError | TensorsMismatch | HeadUnsuitable | Onnx.ModelWriteFailed> =>
  Effect.gen(function* () {
    const { description, from, leastInner = usualLeastInner, tableElements = usualTableElements, to } = quantization
    const { model, storedAs, weights } = yield* opened(from, description)
    const quantized = Onnx.quantizedGraph(model.graph, {
      rows: model.tokenRows,
      weights: quantization.weights,
      tableElements,
      leastInner,
    })
    const path = join(to, modelFiles.weights)
    yield* writeStoredWeights(path, weights, storedAs, quantized.weights)
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
    return counted(quantized.weights)
  }).pipe(Effect.scoped)

/** Weights that stay while others are trained, in fewer bits. */
export interface Freezing extends Omit<Quantization, "weights"> {
  /**
   * `int8`: the matrices that every token is multiplied with as 8-bit numbers, twice, for the products of both ways; `bf16`: as 16-bit
   * floats.
   */
  readonly weights: "int8" | "bf16"
}

/** In which forms the weights of a model are kept that stay. */
const frozenWeights = (
  model: ModelGraph,
  weights: Freezing["weights"],
  tableElements = usualTableElements,
  leastInner = usualLeastInner,
): readonly Onnx.StoredWeight[] => {
  const once = Onnx.quantizedGraph(model.graph, { rows: model.tokenRows, weights, tableElements, leastInner })
  return once.weights.flatMap((weight): readonly Onnx.StoredWeight[] => {
    if (weight.kind !== "transposed") return [weight]
    const values = Onnx.storedName(weight.of, "columns")
    return [weight, { ...weight, kind: "columns", values, scale: `${values}.scale` }]
  })
}

/** The form that a matrix or a table of a model is kept in where it stays, by its name. */
export const frozenForms = (
  model: ModelGraph,
  weights: Freezing["weights"],
): ReadonlyMap<string, readonly Onnx.StoredWeight["kind"][]> => {
  const forms = new Map<string, readonly Onnx.StoredWeight["kind"][]>()
  for (const { kind, of } of frozenWeights(model, weights)) forms.set(of, [...(forms.get(of) ?? []), kind])
  return forms
}

/**
 * Writes a model's weights in fewer bits for a training in which they stay: `model.safetensors`, from which its graphs map them. What
 * is not a matrix that every token is multiplied with, or a large table, is kept as it is.
 */
export const freezeModel = (
  freezing: Freezing,
): Effect.Effect<QuantizedModel, CheckpointError | TensorsMismatch | HeadUnsuitable> =>
  Effect.gen(function* () {
    const { description, from, leastInner, tableElements, to } = freezing
    const { model, storedAs, weights } = yield* opened(from, description)
    const both = frozenWeights(model, freezing.weights, tableElements, leastInner)
    yield* writeStoredWeights(join(to, modelFiles.weights), weights, storedAs, both)
    return counted(both)
  }).pipe(Effect.scoped)
