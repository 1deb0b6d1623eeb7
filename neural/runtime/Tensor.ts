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

const zeros = (type: TensorType, shape: readonly number[]): Tensor => {
  const length = shape.reduce((a, b) => a * b, 1)
  switch (type) {
    case "float32":
      return { type, shape, data: new Float32Array(length) }
    case "float64":
      return { type, shape, data: new Float64Array(length) }
    case "int32":
      return { type, shape, data: new Int32Array(length) }
    case "int64":
      return { type, shape, data: new BigInt64Array(length) }
    case "uint32":
      return { type, shape, data: new Uint32Array(length) }
    case "bool":
    case "uint8":
      return { type, shape, data: new Uint8Array(length) }
  }
}

const bytesOf = ({ data }: Tensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Tensors of one type and shape along a new first axis; there is at least one. */
export const stacked = (tensors: readonly [Tensor, ...Tensor[]]): Tensor => {
  const [{ shape, type }] = tensors
  const stack = zeros(type, [tensors.length, ...shape])
  const bytes = bytesOf(stack)
  tensors.forEach((each, at) => bytes.set(bytesOf(each), at * bytesOf(each).length))
  return stack
}
