import { hashKey } from "../../schemas/index.ts"
import { type Dropout, type Floats, keepAll } from "../architectures/index.ts"
import * as Onnx from "../onnx/index.ts"
import { int32s, type Tensor } from "../runtime/index.ts"

type Keys = Onnx.Expression<"int32">

/** The bytes of a place's name, as one number. */
const hashName = (name: string): number => hashKey(...new TextEncoder().encode(name))

/** A factor by which a key goes through the 32-bit integers one to one. */
const odd = (...key: readonly number[]): number => hashKey(...key) | 1

const factors = (count: number, ...key: readonly number[]): readonly number[] =>
  Array.from({ length: count }, (_, index) => odd(...key, index))

const constantKeys = (values: readonly number[], shape: readonly number[]): Keys =>
  Onnx.cast(Onnx.integers(values, shape), "int32")

/**
 * Dropout by a counter-based generator inside the graph. Each text's position has a key, a hash of (seed, step, item,
 * position) made by the host; an element's number is that key times a factor for each of its other coordinates (place,
 * channel, head, key position), modulo 2³². The factors are odd hashes, so that every number is uniform, and those of two
 * elements are as good as independent (multiplicative hashing). An element is dropped where its number is among the lowest
 * `rate` of all. So a mask is a function of (seed, step, item, position, place, channel): it does not depend on how texts
 * are put into batches, is the same in every pass over them, and costs one multiplication and one comparison an element.
 */
export class DropoutMasks {
  readonly #rate: number
  readonly #batch: Onnx.Dim
  readonly #sequence: Onnx.Dim
  /** int32 [batch, sequence] */
  readonly #rowKeys: Keys
  /** int32 [sequence]: the factors of positions that are attended to. */
  readonly #positionFactors: Keys

  /** @param suffix what follows the inputs' names, where a graph has several batches */
  constructor(rate: number, batch: Onnx.Dim, sequence: Onnx.Dim, suffix = "") {
    this.#rate = rate
    this.#batch = batch
    this.#sequence = sequence
    this.#rowKeys = Onnx.input(`dropout_keys${suffix}`, "int32", [batch, sequence])
    this.#positionFactors = Onnx.input(`dropout_positions${suffix}`, "int32", [sequence])
  }

  /** The inputs of a graph that drops. */
  get inputs(): readonly Keys[] {
    return [this.#rowKeys, this.#positionFactors]
  }

  readonly drop: Dropout = (x, place) => this.at(this.#rate)(x, place)

  /** Dropout of another rate by the same generator; at 0 nothing is added. */
  at(rate: number): Dropout {
    if (rate === 0) return keepAll
    const threshold = Math.round((rate - 0.5) * 2 ** 32)
    return (x, place) => {
      const numbers = this.#numbers(x, hashName(place))
      const kept = Onnx.greaterOrEqual(numbers, Onnx.scalarLike(numbers, threshold))
      // A product, which both passes can use: onnxruntime's «where» takes five times as long on the CPU.
      return Onnx.multiply(x, Onnx.multiply(Onnx.cast(kept, "float32"), 1 / (1 - rate)))
    }
  }

  /** The numbers of a tensor's elements, of its shape but for axes of size 1. */
  #numbers(x: Floats, place: number): Keys {
    const { length } = x.shape
    const isSequence = x.shape.map((size) => Onnx.dimensions.equals(size, this.#sequence))
    const queries = isSequence.indexOf(true)
    const attended = isSequence.lastIndexOf(true)
    const rowAxis = queries < attended ? queries : undefined
    let numbers = this.#rows(x, rowAxis)
    let placed = false
    x.shape.forEach((size, axis) => {
      if (axis === 0 || typeof size !== "number" || size === 1) return
      const along = x.shape.map((_, each) => (each === axis ? size : 1))
      numbers = Onnx.multiply(numbers, constantKeys(factors(size, place, axis), along))
      placed = true
    })
    // Blocks that a sequence is cut into: there are no more of them than positions.
    x.shape.forEach((size, axis) => {
      if (axis === 0 || typeof size === "number" || isSequence[axis] === true) return
      const along = x.shape.map((_, each) => (each === axis ? size : 1))
      numbers = Onnx.multiply(numbers, Onnx.reshape(Onnx.slice(this.#positionFactors, 0, 0, size), along))
    })
    if (!placed) numbers = Onnx.multiply(numbers, constantKeys([odd(place)], []))
    if (attended <= 0) return numbers
    const along = Array.from({ length }, (_, axis) => (axis === attended ? this.#sequence : 1))
    return Onnx.multiply(numbers, Onnx.reshape(this.#positionFactors, along))
  }

  /** The keys of the texts, or of their positions along an axis, laid along axis 0 of a tensor. */
  #rows(x: Floats, rowAxis: number | undefined): Keys {
    const [first = 1] = x.shape
    const ones = x.shape.map((): Onnx.Dim => 1)
    const rows = Onnx.dimensions.multiply(this.#batch, this.#sequence)
    if (Onnx.dimensions.equals(first, rows)) return Onnx.reshape(this.#rowKeys, [rows, ...ones.slice(1)])
    if (!Onnx.dimensions.equals(first, this.#batch)) {
      throw new Onnx.ShapeError("Dropout", [x.shape], "the first axis must be the texts, or the tokens of all texts")
    }
    if (rowAxis === undefined) {
      return Onnx.reshape(Onnx.slice(this.#rowKeys, 1, 0, 1), [this.#batch, ...ones.slice(1)])
    }
    const shape = ones.map((one, axis) => (axis === 0 ? this.#batch : axis === rowAxis ? this.#sequence : one))
    return Onnx.reshape(this.#rowKeys, shape)
  }
}

/** What a graph that drops is fed for a batch of a step's items, by their places in the step. */
export const dropoutFeeds = (
  seed: number,
  step: number,
  items: ArrayLike<number>,
  sequence: number,
): Readonly<Record<string, Tensor>> => {
  const keys = new Int32Array(items.length * sequence)
  for (let row = 0; row < items.length; row++) {
    const ofItem = hashKey(seed, step, items[row]!)
    for (let position = 0; position < sequence; position++) keys[row * sequence + position] = hashKey(ofItem, position)
  }
  const positions = new Int32Array(sequence)
  for (let position = 0; position < sequence; position++) positions[position] = odd(position)
  return {
    dropout_keys: int32s([items.length, sequence], keys),
    dropout_positions: int32s([sequence], positions),
  }
}
