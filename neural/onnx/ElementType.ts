/** What a tensor's elements are. `code` is the number in `TensorProto.DataType`, `bytes` the size of one element. */
export const elementTypes = {
  float32: { code: 1, bytes: 4 },
  uint8: { code: 2, bytes: 1 },
  int8: { code: 3, bytes: 1 },
  uint16: { code: 4, bytes: 2 },
  int16: { code: 5, bytes: 2 },
  int32: { code: 6, bytes: 4 },
  int64: { code: 7, bytes: 8 },
  string: { code: 8, bytes: 0 },
  bool: { code: 9, bytes: 1 },
  float16: { code: 10, bytes: 2 },
  float64: { code: 11, bytes: 8 },
  uint32: { code: 12, bytes: 4 },
  uint64: { code: 13, bytes: 8 },
  bfloat16: { code: 16, bytes: 2 },
} as const

export type ElementType = keyof typeof elementTypes
export type FloatType = "float32" | "float64" | "float16" | "bfloat16"
export type IntegerType = "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32" | "uint64"
export type NumberType = FloatType | IntegerType

const byCode = new Map<number, ElementType>()
for (const type of ["float32", "uint8", "int8", "uint16", "int16", "int32", "int64"] as const) {
  byCode.set(elementTypes[type].code, type)
}
for (const type of ["string", "bool", "float16", "float64", "uint32", "uint64", "bfloat16"] as const) {
  byCode.set(elementTypes[type].code, type)
}

/** The element type of a `TensorProto.DataType` number; undefined for the exotic ones (complex, float8, int4). */
export const elementTypeOfCode = (code: number): ElementType | undefined => byCode.get(code)
