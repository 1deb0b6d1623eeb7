import type { ElementType } from "../onnx/index.ts"

/** The arrays that hold a tensor's elements in JavaScript; booleans are bytes of 0 and 1. */
export interface TensorArrays {
  readonly float32: Float32Array
  readonly float64: Float64Array
  readonly int32: Int32Array
  readonly int64: BigInt64Array
  readonly bool: Uint8Array
  readonly uint8: Uint8Array
  readonly uint32: Uint32Array
}

export type TensorType = keyof TensorArrays

/** A tensor of one element type. The elements lie in order, the last axis the fastest. */
export interface TensorOf<T extends TensorType> {
  readonly type: T
  readonly shape: readonly number[]
  readonly data: TensorArrays[T]
}

/** A tensor going into a session or coming out of it. */
export type Tensor = { [T in TensorType]: TensorOf<T> }[TensorType]

/** What a session says about one of its inputs or outputs; a size without a number has a name, or none at all. */
export interface TensorDescription {
  readonly name: string
  readonly type: ElementType | undefined
  readonly shape: readonly (number | string)[]
}

export const floats = (shape: readonly number[], data: Float32Array): Tensor => ({ type: "float32", shape, data })

export const int64s = (shape: readonly number[], data: BigInt64Array): Tensor => ({ type: "int64", shape, data })

export const int32s = (shape: readonly number[], data: Int32Array): Tensor => ({ type: "int32", shape, data })
