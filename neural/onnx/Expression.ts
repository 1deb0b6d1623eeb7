import * as Dim from "./Dim.ts"
import type { ElementType, FloatType, IntegerType, NumberType } from "./ElementType.ts"
import { ElementTypeError, ShapeError } from "./GraphError.ts"
import type { BinaryKind, ComparisonKind, ConstantData, Operation, ReductionKind, UnaryKind } from "./Operation.ts"

/**
 * A tensor to be computed: an operation and the expressions it is applied to, with the element type and the shape of the
 * result, which are checked when it is made. A graph is a set of these; sharing is by identity.
 */
export interface Expression<T extends ElementType = ElementType> {
  readonly operation: Operation
  readonly inputs: readonly Expression[]
  readonly type: T
  readonly shape: Dim.Shape
}

/** What indices may be. */
export type Indices = Expression<"int64"> | Expression<"int32">

const node = <T extends ElementType>(
  operation: Operation,
  inputs: readonly Expression[],
  type: T,
  shape: Dim.Shape,
): Expression<T> => ({ operation, inputs, type, shape })

const sameType = (operation: string, ...tensors: readonly Expression[]): void => {
  const first = tensors[0]
  if (first !== undefined && tensors.some((tensor) => tensor.type !== first.type)) {
    throw new ElementTypeError(
      operation,
      tensors.map((tensor) => tensor.type),
      "they must have one element type; cast first",
    )
  }
}

const axisOf = (operation: string, x: Expression, axis: number): number => {
  const positive = axis < 0 ? axis + x.shape.length : axis
  if (!Number.isInteger(positive) || positive < 0 || positive >= x.shape.length) {
    throw new ShapeError(operation, [x.shape], `there is no axis ${axis}`)
  }
  return positive
}

const axesOf = (operation: string, x: Expression, axes: readonly number[]): readonly number[] => {
  const positive = axes.map((axis) => axisOf(operation, x, axis)).sort((a, b) => a - b)
  if (new Set(positive).size !== positive.length) throw new ShapeError(operation, [x.shape], "an axis is named twice")
  return positive
}

const broadcastPair = (operation: string, a: Dim.Shape, b: Dim.Shape): Dim.Shape => {
  const rank = Math.max(a.length, b.length)
  const shape: Dim.Dim[] = []
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1
    const right = b[axis - rank + b.length] ?? 1
    if (Dim.equals(left, right) || Dim.equals(right, 1)) shape.push(left)
    else if (Dim.equals(left, 1)) shape.push(right)
    else throw new ShapeError(operation, [a, b], `${Dim.showDim(left)} and ${Dim.showDim(right)} cannot be broadcast`)
  }
  return shape
}

/** The shape that NumPy's rule gives several tensors together. */
export const broadcast = (operation: string, ...shapes: readonly Dim.Shape[]): Dim.Shape =>
  shapes.reduce((a, b) => broadcastPair(operation, a, b), [])

// Leaves

/** A tensor fed at each run. */
export const input = <T extends ElementType>(name: string, type: T, shape: Dim.Shape): Expression<T> =>
  node({ kind: "Input", name }, [], type, shape)

/** A weight of 8-bit numbers, kept in a file. */
export const parameter8 = <T extends "int8" | "uint8">(
  name: string,
  type: T,
  shape: readonly number[],
): Expression<T> => node({ kind: "Parameter", name }, [], type, shape)

/** A weight of 16-bit floats (bfloat16), kept in a file. */
export const parameter16 = (name: string, shape: readonly number[]): Expression<"bfloat16"> =>
  node({ kind: "Parameter", name }, [], "bfloat16", shape)

/** A weight. Its name is the checkpoint's; it is fed or kept in the file, as the graph is written. */
export const parameter = (name: string, shape: readonly number[]): Expression<"float32"> =>
  node({ kind: "Parameter", name }, [], "float32", shape)

const constantNode = <T extends ElementType>(type: T, data: ConstantData, shape: readonly number[]): Expression<T> => {
  const elements = shape.reduce((a, b) => a * b, 1)
  if (data.length !== elements) throw new ShapeError("Constant", [shape], `it has ${data.length} elements`)
  return node({ kind: "Constant", data }, [], type, shape)
}

/** A fixed tensor of floats. */
export const constant = (data: readonly number[] | Float32Array, shape: readonly number[]): Expression<"float32"> =>
  constantNode("float32", data instanceof Float32Array ? data : Float32Array.from(data), shape)

/** A fixed tensor of whole numbers: indices. */
export const integers = (data: readonly number[], shape: readonly number[]): Expression<"int64"> =>
  constantNode("int64", BigInt64Array.from(data, BigInt), shape)

/** A fixed tensor of 64-bit floats: for gradient checks. */
export const doubles = (data: readonly number[], shape: readonly number[]): Expression<"float64"> =>
  constantNode("float64", Float64Array.from(data), shape)

/** One float. */
export const scalar = (value: number): Expression<"float32"> => constant([value], [])

/** A number as a scalar of the same element type as a tensor. */
export const scalarLike = <T extends NumberType>(x: Expression<T>, value: number): Expression<T> => {
  switch (x.type) {
    case "float32":
      return constantNode(x.type, Float32Array.of(value), [])
    case "float64":
      return constantNode(x.type, Float64Array.of(value), [])
    case "int32":
      return constantNode(x.type, Int32Array.of(value), [])
    case "int64":
      return constantNode(x.type, BigInt64Array.of(BigInt(value)), [])
    default:
      throw new ElementTypeError("Constant", [x.type], "constants are float32, float64, int32 or int64")
  }
}

// Element by element

const unary =
  (kind: UnaryKind) =>
  <T extends FloatType>(x: Expression<T>): Expression<T> =>
    node({ kind }, [x], x.type, x.shape)

const binary =
  (kind: BinaryKind) =>
  <T extends NumberType>(a: Expression<T>, b: Expression<T> | number): Expression<T> => {
    const right = typeof b === "number" ? scalarLike(a, b) : b
    sameType(kind, a, right)
    return node({ kind }, [a, right], a.type, broadcast(kind, a.shape, right.shape))
  }

const comparison =
  (kind: ComparisonKind) =>
  <T extends NumberType>(a: Expression<T>, b: Expression<T> | number): Expression<"bool"> => {
    const right = typeof b === "number" ? scalarLike(a, b) : b
    sameType(kind, a, right)
    return node({ kind }, [a, right], "bool", broadcast(kind, a.shape, right.shape))
  }

export const add = binary("Add")
export const subtract = binary("Sub")
export const multiply = binary("Mul")
export const divide = binary("Div")
export const power = binary("Pow")
export const minimum = binary("Min")
export const maximum = binary("Max")

export const equal = comparison("Equal")
export const less = comparison("Less")
export const lessOrEqual = comparison("LessOrEqual")
export const greater = comparison("Greater")
export const greaterOrEqual = comparison("GreaterOrEqual")

/** −x, also of whole numbers. */
export const negate = <T extends NumberType>(x: Expression<T>): Expression<T> =>
  node({ kind: "Neg" }, [x], x.type, x.shape)
/** |x|, also of whole numbers. */
export const absolute = <T extends NumberType>(x: Expression<T>): Expression<T> =>
  node({ kind: "Abs" }, [x], x.type, x.shape)
export const sign = unary("Sign")
export const floor = unary("Floor")
export const reciprocal = unary("Reciprocal")
export const squareRoot = unary("Sqrt")
export const exponential = unary("Exp")
export const logarithm = unary("Log")
export const sine = unary("Sin")
export const cosine = unary("Cos")
export const tanh = unary("Tanh")
/** The error function, 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf = unary("Erf")
/** 1 / (1 + exp(−x)) */
export const sigmoid = unary("Sigmoid")
/** log(1 + exp(x)) */
export const softplus = unary("Softplus")
export const relu = unary("Relu")
/** 1 where x > 0, 0 elsewhere; of float32 numbers below 2⁻¹²⁶, which the hardware may take for 0, a part of 1. */
export const step = unary("Step")

export const and = (a: Expression<"bool">, b: Expression<"bool">): Expression<"bool"> =>
  node({ kind: "And" }, [a, b], "bool", broadcast("And", a.shape, b.shape))
export const or = (a: Expression<"bool">, b: Expression<"bool">): Expression<"bool"> =>
  node({ kind: "Or" }, [a, b], "bool", broadcast("Or", a.shape, b.shape))
export const not = (x: Expression<"bool">): Expression<"bool"> => node({ kind: "Not" }, [x], "bool", x.shape)

/** Elements of the one where the condition holds, of the other elsewhere. */
export const where = <T extends ElementType>(
  condition: Expression<"bool">,
  whenTrue: Expression<T>,
  whenFalse: Expression<T>,
): Expression<T> => {
  sameType("Where", whenTrue, whenFalse)
  const shape = broadcast("Where", condition.shape, whenTrue.shape, whenFalse.shape)
  return node({ kind: "Where" }, [condition, whenTrue, whenFalse], whenTrue.type, shape)
}

/** The same values as another element type. */
export const cast = <T extends ElementType>(x: Expression, to: T): Expression<T> =>
  node({ kind: "Cast", to }, [x], to, x.shape)

/** x · Φ(x), exact or by the tanh approximation 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))). */
export const gelu = <T extends FloatType>(x: Expression<T>, approximation: "none" | "tanh"): Expression<T> =>
  node({ kind: "Gelu", approximation }, [x], x.type, x.shape)

// Products

/** Matrix product over the last two axes, the leading ones broadcast. Both have at least two axes. */
export const matMul = <T extends FloatType>(a: Expression<T>, b: Expression<T>): Expression<T> => {
  sameType("MatMul", a, b)
  const shapes = [a.shape, b.shape]
  const [rows, left] = a.shape.slice(-2)
  const [right, columns] = b.shape.slice(-2)
  if (rows === undefined || left === undefined || right === undefined || columns === undefined) {
    throw new ShapeError("MatMul", shapes, "both need two axes at least")
  }
  if (!Dim.equals(left, right)) {
    throw new ShapeError("MatMul", shapes, `the inner sizes ${Dim.showDim(left)} and ${Dim.showDim(right)} differ`)
  }
  const leading = broadcast("MatMul", a.shape.slice(0, -2), b.shape.slice(0, -2))
  return node({ kind: "MatMul" }, [a, b], a.type, [...leading, rows, columns])
}

export interface GemmOptions<T extends FloatType> {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  /** Added to the product: a matrix, a row or a scalar. */
  readonly plus?: Expression<T>
}

/** The product of two matrices, either transposed, plus something. */
export const gemm = <T extends FloatType>(
  a: Expression<T>,
  b: Expression<T>,
  options: GemmOptions<T> = {},
): Expression<T> => {
  const { plus, transposeA = false, transposeB = false } = options
  const inputs = plus === undefined ? [a, b] : [a, b, plus]
  sameType("Gemm", ...inputs)
  const shapes = inputs.map((tensor) => tensor.shape)
  if (a.shape.length !== 2 || b.shape.length !== 2) throw new ShapeError("Gemm", shapes, "it multiplies matrices")
  const [rows = 0, left = 0] = transposeA ? [a.shape[1], a.shape[0]] : a.shape
  const [right = 0, columns = 0] = transposeB ? [b.shape[1], b.shape[0]] : b.shape
  if (!Dim.equals(left, right)) {
    throw new ShapeError("Gemm", shapes, `the inner sizes ${Dim.showDim(left)} and ${Dim.showDim(right)} differ`)
  }
  const shape = [rows, columns]
  if (plus !== undefined) {
    const together = broadcast("Gemm", shape, plus.shape)
    if (together.length !== 2 || !together.every((size, axis) => Dim.equals(size, shape[axis]!))) {
      throw new ShapeError("Gemm", shapes, `what is added does not fit ${Dim.showShape(shape)}`)
    }
  }
  return node({ kind: "Gemm", transposeA, transposeB }, inputs, a.type, shape)
}

/** x Wᵀ + b: rows [n, in], a weight [out, in] as checkpoints store it, and perhaps a bias [out]. */
export const linear = <T extends FloatType>(
  rows: Expression<T>,
  weight: Expression<T>,
  bias?: Expression<T>,
): Expression<T> => gemm(rows, weight, bias === undefined ? { transposeB: true } : { transposeB: true, plus: bias })

// Products of 8-bit numbers

/** A matrix as 8-bit numbers and what each row of them is to be multiplied with. */
export interface QuantizedRows {
  /** 0 … 255; [n, k] */
  readonly values: Expression<"uint8">
  /** Which of them stands for 0. */
  readonly zero: number
  /** [n] */
  readonly scale: Expression<"float32">
}

/** The largest magnitude of the whole numbers that stand for a row's: signed, and without the lowest, so that it is symmetrical. */
export const quantizedLevels = 127

/** Below this no row's largest magnitude counts: a row of zeros has a scale, too. */
const leastMagnitude = 2 ** -100

const middle = 128
const highest = 255

/** What stands for 0 where numbers are hardly negative: the deviation of the error was least here, between 24 and 48 (all-MiniLM-L6-v2). */
const lowMiddle = 24

/**
 * A matrix [n, k] quantised as it runs, each row by itself: the row's largest magnitude becomes 127. What becomes of a row depends on
 * no other.
 *
 * @param least what no number is below, from 0 down, where that is known to be next to nothing: then steps are half as large, as the row's
 * largest number becomes 231, or 255 where none is negative
 */
export const quantizeRows = (x: Expression<"float32">, least?: number): QuantizedRows => {
  if (x.shape.length !== 2) throw new ShapeError("QuantizeRows", [x.shape], "it is of matrices")
  const zero = least === undefined ? middle : least === 0 ? 0 : lowMiddle
  const levels = highest - zero
  const magnitudes = least === undefined ? absolute(x) : x
  const lowest = zero === lowMiddle ? (-(least ?? 0) * levels) / zero : leastMagnitude
  const scale = multiply(maximum(reduceMax(magnitudes, [1]), lowest), 1 / levels)
  return { values: node({ kind: "QuantizeRows", zero }, [x, scale], "uint8", x.shape), scale, zero }
}

/** What quantised rows leave of a matrix [n, k], at most half of a step, quantised with steps 254 times as fine. */
export const quantizeRemainder = (x: Expression<"float32">, { scale, values, zero }: QuantizedRows): QuantizedRows => {
  const left = subtract(x, node({ kind: "DequantizeRows", zero }, [values, scale], "float32", x.shape))
  const step = multiply(scale, 1 / (2 * quantizedLevels))
  return {
    values: node({ kind: "QuantizeRows", zero: middle }, [left, step], "uint8", x.shape),
    scale: step,
    zero: middle,
  }
}

/**
 * Whole numbers [n, k], of which one stands for 0, times a weight [k, m] of 8-bit numbers, signed or with 128 for 0, with a scale a column: [n, m]. The
 * sums are of whole numbers, and exact.
 */
export const integerProduct = (
  values: Expression<"uint8">,
  weight: Expression<"int8" | "uint8">,
  columnScale: Expression<"float32">,
  zero = middle,
): Expression<"float32"> => {
  const [rows = 0, left = 0] = values.shape
  const [right = 0, columns = 0] = weight.shape
  const shapes = [values.shape, weight.shape, columnScale.shape]
  if (weight.shape.length !== 2 || !Dim.equals(left, right)) {
    throw new ShapeError(
      "QuantizedProduct",
      shapes,
      `the inner sizes ${Dim.showDim(left)} and ${Dim.showDim(right)} differ`,
    )
  }
  if (columnScale.shape.length !== 1 || !Dim.equals(columnScale.shape[0]!, columns)) {
    throw new ShapeError("QuantizedProduct", shapes, "there must be a scale for each column")
  }
  return node({ kind: "QuantizedProduct", zero }, [values, weight, columnScale], "float32", [rows, columns])
}

/** Quantised rows [n, k] times a weight [k, m] of 8-bit numbers, signed or with 128 for 0, with a scale a column: [n, m]. */
export const quantizedProduct = (
  { scale, values, zero }: QuantizedRows,
  weight: Expression<"int8" | "uint8">,
  columnScale: Expression<"float32">,
): Expression<"float32"> => multiply(integerProduct(values, weight, columnScale, zero), unsqueeze(scale, [1]))

/** Numbers of a weight that share a scale, where weights alone are of 8 bits. */
export const weightBlock = 32

/**
 * x [n, k] times the transpose of a weight that is kept as blocks of 8-bit numbers, uint8 [m, k / block, block] with 128 for 0, each
 * block with its scale, [m · k / block]: [n, m] in 32-bit floats.
 */
export const blockProduct = (
  x: Expression<"float32">,
  blocks: Expression<"uint8">,
  scales: Expression<"float32">,
): Expression<"float32"> => {
  const shapes = [x.shape, blocks.shape, scales.shape]
  const [columns, count, block] = blocks.shape
  const [rows, width] = x.shape
  const fits =
    x.shape.length === 2 &&
    typeof columns === "number" &&
    typeof count === "number" &&
    typeof block === "number" &&
    width === count * block &&
    scales.shape.length === 1 &&
    scales.shape[0] === columns * count
  if (!fits || rows === undefined) throw new ShapeError("BlockProduct", shapes, "blocks, scales and rows do not fit")
  return node({ kind: "BlockProduct", block }, [x, blocks, scales], "float32", [rows, columns])
}

/**
 * A weight of signed 8-bit numbers, whose bytes are read as unsigned ones, with 128 for 0: made anew for one use of it, when what it is
 * multiplied with is there, so that it takes memory for as long as that product.
 */
export const unsigned = (bytes: Expression<"uint8">, rows: Expression): Expression<"uint8"> =>
  node({ kind: "Unsigned" }, [bytes, rows], "uint8", bytes.shape)

/**
 * A weight of 16-bit floats as float32, which is exact: made anew for one use of it, when what it is multiplied with is there, so that
 * it takes memory for as long as that product.
 */
export const widened = (weight: Expression<"bfloat16">, rows: Expression<"float32">): Expression<"float32"> =>
  node({ kind: "Widened" }, [weight, rows], "float32", weight.shape)

// Along axes

export const softmax = <T extends FloatType>(x: Expression<T>, axis: number): Expression<T> =>
  node({ kind: "Softmax", axis: axisOf("Softmax", x, axis) }, [x], x.type, x.shape)
export const logSoftmax = <T extends FloatType>(x: Expression<T>, axis: number): Expression<T> =>
  node({ kind: "LogSoftmax", axis: axisOf("LogSoftmax", x, axis) }, [x], x.type, x.shape)

const reduction =
  (kind: ReductionKind) =>
  <T extends NumberType>(x: Expression<T>, axes: readonly number[], keepAxes = false): Expression<T> => {
    const reduced = axesOf(kind, x, axes)
    const shape = keepAxes
      ? x.shape.map((size, axis) => (reduced.includes(axis) ? 1 : size))
      : x.shape.filter((_, axis) => !reduced.includes(axis))
    return node({ kind, axes: reduced, keepAxes }, [x], x.type, shape)
  }

export const reduceSum = reduction("ReduceSum")
export const reduceMean = reduction("ReduceMean")
export const reduceMax = reduction("ReduceMax")
export const reduceMin = reduction("ReduceMin")

const overLastAxis = (operation: string, x: Expression, ...vectors: readonly Expression[]): void => {
  sameType(operation, x, ...vectors)
  const width = x.shape.at(-1)
  for (const vector of vectors) {
    const size = vector.shape[0]
    if (width === undefined || size === undefined || vector.shape.length !== 1 || !Dim.equals(width, size)) {
      throw new ShapeError(operation, [x.shape, vector.shape], "the second must be a vector as long as the last axis")
    }
  }
}

/** gain · (x − mean) / √(variance + ε) + bias over the last axis. */
export const layerNormalization = <T extends FloatType>(
  x: Expression<T>,
  gain: Expression<T>,
  bias: Expression<T>,
  epsilon: number,
): Expression<T> => {
  overLastAxis("LayerNormalization", x, gain, bias)
  return node({ kind: "LayerNormalization", epsilon }, [x, gain, bias], x.type, x.shape)
}

/** gain · x / √(mean of squares + ε) over the last axis. */
export const rmsNormalization = <T extends FloatType>(
  x: Expression<T>,
  gain: Expression<T>,
  epsilon: number,
): Expression<T> => {
  overLastAxis("RmsNormalization", x, gain)
  return node({ kind: "RmsNormalization", epsilon }, [x, gain], x.type, x.shape)
}

// Moving elements

/** The entries of an axis at the indices: x's axis is replaced by the axes of the indices. */
export const gather = <T extends ElementType>(x: Expression<T>, indices: Indices, axis = 0): Expression<T> => {
  const at = axisOf("Gather", x, axis)
  const shape = [...x.shape.slice(0, at), ...indices.shape, ...x.shape.slice(at + 1)]
  return node({ kind: "Gather", axis: at }, [x, indices], x.type, shape)
}

/** Along an axis, the entries at the indices: result[..., i, ...] = x[..., indices[..., i, ...], ...]. */
export const gatherElements = <T extends ElementType>(
  x: Expression<T>,
  indices: Indices,
  axis: number,
): Expression<T> => {
  const at = axisOf("GatherElements", x, axis)
  const fits =
    indices.shape.length === x.shape.length &&
    indices.shape.every((size, i) => i === at || Dim.equals(size, x.shape[i]!))
  if (!fits) {
    throw new ShapeError("GatherElements", [x.shape, indices.shape], `they must agree in every axis but ${at}`)
  }
  return node({ kind: "GatherElements", axis: at }, [x, indices], x.type, indices.shape)
}

/**
 * x with `updates` put or added at index tuples: indices [..., k], updates [...] + x.shape[k..]. Where a tuple occurs more than
 * once, the CPU provider may lose additions: it makes them on several threads. `scatterElements` does not.
 */
export const scatterND = <T extends NumberType>(
  x: Expression<T>,
  indices: Expression<"int64">,
  updates: Expression<T>,
  reduction: "none" | "add",
): Expression<T> => {
  sameType("ScatterND", x, updates)
  const depth = indices.shape.at(-1)
  const shapes = [x.shape, indices.shape, updates.shape]
  if (typeof depth !== "number" || depth > x.shape.length) {
    throw new ShapeError("ScatterND", shapes, "the indices' last axis must be a number of axes of the first")
  }
  const expected = [...indices.shape.slice(0, -1), ...x.shape.slice(depth)]
  if (expected.length !== updates.shape.length || !expected.every((size, i) => Dim.equals(size, updates.shape[i]!))) {
    throw new ShapeError("ScatterND", shapes, `the updates must be ${Dim.showShape(expected)}`)
  }
  return node({ kind: "ScatterND", reduction }, [x, indices, updates], x.type, x.shape)
}

/** x with `updates` put or added along an axis: x[..., indices[i, j], ...] += updates[i, j]. */
export const scatterElements = <T extends NumberType>(
  x: Expression<T>,
  indices: Expression<"int64">,
  updates: Expression<T>,
  axis: number,
  reduction: "none" | "add",
): Expression<T> => {
  sameType("ScatterElements", x, updates)
  const fits =
    indices.shape.length === x.shape.length &&
    updates.shape.length === x.shape.length &&
    indices.shape.every((size, i) => Dim.equals(size, updates.shape[i]!))
  if (!fits) {
    throw new ShapeError(
      "ScatterElements",
      [x.shape, indices.shape, updates.shape],
      "indices and updates must have one shape, and as many axes as the first",
    )
  }
  const at = axisOf("ScatterElements", x, axis)
  return node({ kind: "ScatterElements", axis: at, reduction }, [x, indices, updates], x.type, x.shape)
}

/** x with its axes in another order: axis i of the result is axis permutation[i] of x. */
export const transpose = <T extends ElementType>(x: Expression<T>, permutation: readonly number[]): Expression<T> => {
  const axes = permutation.map((axis) => axisOf("Transpose", x, axis))
  if (axes.length !== x.shape.length || new Set(axes).size !== axes.length) {
    throw new ShapeError("Transpose", [x.shape], `[${permutation.join(", ")}] is no order of its axes`)
  }
  return node(
    { kind: "Transpose", permutation: axes },
    [x],
    x.type,
    axes.map((axis) => x.shape[axis]!),
  )
}

/** The same elements, in the same order, in another shape. */
export const reshape = <T extends ElementType>(x: Expression<T>, shape: Dim.Shape): Expression<T> => {
  if (!Dim.equals(Dim.elements(x.shape), Dim.elements(shape))) {
    throw new ShapeError("Reshape", [x.shape, shape], "they have different numbers of elements")
  }
  return node({ kind: "Reshape", shape }, [x], x.type, shape)
}

/** x with new axes of size 1, at these positions of the result. */
export const unsqueeze = <T extends ElementType>(x: Expression<T>, axes: readonly number[]): Expression<T> => {
  const rank = x.shape.length + axes.length
  const added = axes.map((axis) => (axis < 0 ? axis + rank : axis))
  const shape: Dim.Dim[] = []
  let next = 0
  for (let axis = 0; axis < rank; axis++) shape.push(added.includes(axis) ? 1 : (x.shape[next++] ?? 1))
  if (next !== x.shape.length) throw new ShapeError("Unsqueeze", [x.shape], `axes ${axes.join(", ")} do not fit`)
  return reshape(x, shape)
}

/** x without these axes, which have size 1. */
export const squeeze = <T extends ElementType>(x: Expression<T>, axes: readonly number[]): Expression<T> => {
  const gone = axesOf("Squeeze", x, axes)
  return reshape(
    x,
    x.shape.filter((_, axis) => !gone.includes(axis)),
  )
}

/** x repeated to a larger shape, as broadcasting would. */
export const expand = <T extends ElementType>(x: Expression<T>, shape: Dim.Shape): Expression<T> => {
  const together = broadcast("Expand", x.shape, shape)
  if (together.length !== shape.length || !together.every((size, axis) => Dim.equals(size, shape[axis]!))) {
    throw new ShapeError("Expand", [x.shape, shape], "the first cannot be repeated to the second")
  }
  return node({ kind: "Expand", shape }, [x], x.type, shape)
}

/** Tensors one after another along an axis. */
export const concat = <T extends ElementType>(tensors: readonly Expression<T>[], axis: number): Expression<T> => {
  const first = tensors[0]
  if (first === undefined) throw new ShapeError("Concat", [], "there is nothing to join")
  sameType("Concat", ...tensors)
  const at = axisOf("Concat", first, axis)
  let size: Dim.Dim = 0
  for (const tensor of tensors) {
    const fits =
      tensor.shape.length === first.shape.length &&
      tensor.shape.every((own, i) => i === at || Dim.equals(own, first.shape[i]!))
    if (!fits) throw new ShapeError("Concat", [first.shape, tensor.shape], `they differ in more than axis ${at}`)
    size = Dim.add(size, tensor.shape[at]!)
  }
  const shape = first.shape.map((own, i) => (i === at ? size : own))
  return node({ kind: "Concat", axis: at }, tensors, first.type, shape)
}

/** The entries start ≤ i < end of an axis. Sizes with names are taken at their word. */
export const slice = <T extends ElementType>(
  x: Expression<T>,
  axis: number,
  start: Dim.Dim,
  end: Dim.Dim,
): Expression<T> => {
  const at = axisOf("Slice", x, axis)
  const whole = x.shape[at]!
  const size = Dim.subtract(end, start)
  const outside =
    (typeof start === "number" && start < 0) ||
    (typeof size === "number" && size < 0) ||
    (typeof whole === "number" && typeof end === "number" && end > whole)
  if (outside) {
    throw new ShapeError("Slice", [x.shape], `${Dim.showDim(start)} … ${Dim.showDim(end)} is not within axis ${at}`)
  }
  const shape = x.shape.map((own, i) => (i === at ? size : own))
  return node({ kind: "Slice", axis: at, start, end }, [x], x.type, shape)
}

/** 0, 1, …, size − 1 */
export const range = <T extends "int64" | "float32">(size: Dim.Dim, type: T): Expression<T> =>
  node({ kind: "Range", size }, [], type, [size])

/** A size as a scalar, known when the graph runs. */
export const dimension = <T extends IntegerType | FloatType>(size: Dim.Dim, type: T): Expression<T> =>
  node({ kind: "Dimension", size }, [], type, [])
