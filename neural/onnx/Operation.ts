import type { Dim, Shape } from "./Dim.ts"
import type { ElementType } from "./ElementType.ts"

/** One argument, element by element; the result has its type and shape. */
export const unaryKinds = [
  "Neg",
  "Abs",
  "Sign",
  "Floor",
  "Reciprocal",
  "Sqrt",
  "Exp",
  "Log",
  "Sin",
  "Cos",
  "Tanh",
  "Erf",
  "Sigmoid",
  "Softplus",
  "Relu",
  "Step",
] as const
export type UnaryKind = (typeof unaryKinds)[number]

/** Two arguments of one type, element by element, broadcast as NumPy does. */
export const binaryKinds = ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"] as const
export type BinaryKind = (typeof binaryKinds)[number]

/** Two numbers, element by element; the result is boolean. */
export const comparisonKinds = ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"] as const
export type ComparisonKind = (typeof comparisonKinds)[number]

export const reductionKinds = ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"] as const
export type ReductionKind = (typeof reductionKinds)[number]

/** What a constant holds: the typed array of its element type, booleans as bytes of 0 and 1. */
export type ConstantData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int32Array
  | BigInt64Array
  | Uint8Array
  | Uint32Array

/**
 * What a node of an expression graph computes; its arguments are the node's `inputs`, in the order given here. Sizes are
 * attributes, also where ONNX wants them as tensors: the lowering makes those from the shapes of the graph's inputs.
 */
export type Operation =
  /** Fed at each run. */
  | { readonly kind: "Input"; readonly name: string }
  /** A weight: trained, and fed at each run or kept in the file, as the graph is written. */
  | { readonly kind: "Parameter"; readonly name: string }
  /** A value that no training changes. */
  | { readonly kind: "Constant"; readonly data: ConstantData }
  | { readonly kind: UnaryKind }
  | { readonly kind: BinaryKind }
  | { readonly kind: ComparisonKind }
  /** (bool, bool) → bool */
  | { readonly kind: "And" | "Or" }
  /** bool → bool */
  | { readonly kind: "Not" }
  /** (condition, whenTrue, whenFalse), broadcast */
  | { readonly kind: "Where" }
  /** x → x as another element type */
  | { readonly kind: "Cast"; readonly to: ElementType }
  /** x · Φ(x): exactly, by erf, or by the tanh approximation */
  | { readonly kind: "Gelu"; readonly approximation: "none" | "tanh" }
  /** (a [..., m, k], b [..., k, n]) → [..., m, n], leading axes broadcast */
  | { readonly kind: "MatMul" }
  /** (a, b, c?) → op(a) · op(b) + c, matrices; c is broadcast to [m, n] */
  | { readonly kind: "Gemm"; readonly transposeA: boolean; readonly transposeB: boolean }
  /** x → softmax along an axis */
  | { readonly kind: "Softmax" | "LogSoftmax"; readonly axis: number }
  /** x → reduced over the axes */
  | { readonly kind: ReductionKind; readonly axes: readonly number[]; readonly keepAxes: boolean }
  /** (x, gain, bias) → gain · (x − mean) / √(variance + ε) + bias, over the last axis */
  | { readonly kind: "LayerNormalization"; readonly epsilon: number }
  /** (x, gain) → gain · x / √(mean of squares + ε), over the last axis */
  | { readonly kind: "RmsNormalization"; readonly epsilon: number }
  /** (x, indices) → x's axis replaced by the indices' axes */
  | { readonly kind: "Gather"; readonly axis: number }
  /** (x, indices) → along an axis, x's entry at each index; the other axes as in the indices */
  | { readonly kind: "GatherElements"; readonly axis: number }
  /** (x, indices [..., k], updates) → x with the updates put or added at the index tuples */
  | { readonly kind: "ScatterND"; readonly reduction: "none" | "add" }
  /** (x, indices, updates of the indices' shape) → x with the updates put or added along an axis */
  | { readonly kind: "ScatterElements"; readonly axis: number; readonly reduction: "none" | "add" }
  | { readonly kind: "Transpose"; readonly permutation: readonly number[] }
  /** x → the same elements in another shape */
  | { readonly kind: "Reshape"; readonly shape: Shape }
  /** x → x repeated along its axes of size 1 and along new leading axes */
  | { readonly kind: "Expand"; readonly shape: Shape }
  | { readonly kind: "Concat"; readonly axis: number }
  /** x → the entries start ≤ i < end of an axis */
  | { readonly kind: "Slice"; readonly axis: number; readonly start: Dim; readonly end: Dim }
  /** () → 0, 1, …, size − 1 */
  | { readonly kind: "Range"; readonly size: Dim }
  /** () → a size as a scalar */
  | { readonly kind: "Dimension"; readonly size: Dim }
  /** (x [n, k], scale [n]) → x / scale of its row, rounded to nearest, ties to even, plus what stands for 0, as uint8 */
  | { readonly kind: "QuantizeRows"; readonly zero: number }
  /** (values uint8 [n, k], scale [n]) → (values − zero) · scale of the row */
  | { readonly kind: "DequantizeRows"; readonly zero: number }
  /** (a uint8 [n, k], b int8 [k, m], scale [m]) → (a − zero) · b · scale of the column, summed in whole numbers */
  | { readonly kind: "QuantizedProduct"; readonly zero: number }
  /** (weight of signed numbers, read as uint8 [k, m], x [n, …]) → the same numbers with 128 for 0, made when x is there, and again at each run */
  | { readonly kind: "Unsigned" }
  /** (weight bfloat16 [m, k], x [n, …]) → the weight as float32, made when x is there, and again at each run */
  | { readonly kind: "Widened" }
  /** (x [n, k], blocks uint8 [m, k / block, block], scales [m · k / block]) → x times the transpose of (blocks − 128) · scales */
  | { readonly kind: "BlockProduct"; readonly block: number }

export type OperationKind = Operation["kind"]
