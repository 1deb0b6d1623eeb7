/** u of 32-bit floats: half the distance from 1 to the next. */
const unit = 2 ** -24

/** The length of a vector that begins at `at`. */
export const lengthOf = (vectors: Float32Array, at: number, dimensions: number): number => {
  let square = 0
  for (let i = 0; i < dimensions; i++) square += vectors[at + i]! * vectors[at + i]!
  return Math.sqrt(square)
}

/**
 * How far a product that was summed in 32 bits, in whatever order, can lie from what `scan.wat` makes of it, for vectors of these lengths:
 * γ |a| |b| with γ = n u / (1 − n u) (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), and what rounding the
 * lengths and the other product adds.
 */
export const productError = (dimensions: number, lengthA: number, lengthB: number): number => {
  const sums = dimensions * unit
  return (sums / (1 - sums) + 4 * unit) * lengthA * lengthB + dimensions * 2 ** -149
}

/** The greatest 32-bit float that is not above a number. */
export const floatBelow = (value: number): number => {
  const float = Math.fround(value)
  return float <= value ? float : Math.fround(value - Math.abs(value) * 2 ** -23 - 2 ** -149)
}

/** Copies vectors to where each has more room; what is beyond their numbers stays. */
export const spreadVectors = (from: Float32Array, dimensions: number, to: Float32Array, stride: number): void => {
  if (dimensions === stride) {
    to.set(from)
    return
  }
  for (let at = 0; at < from.length / dimensions; at++) {
    to.set(from.subarray(at * dimensions, (at + 1) * dimensions), at * stride)
  }
}

/** A vector as `scale` times whole numbers from −127 to 127. */
export interface RoundedVector {
  readonly codes: Int8Array
  readonly scale: number
  /** The length of what it is now, and of what was taken from it: not less than they are. */
  readonly length: number
  readonly rest: number
}

/** Rounds a query's vector to 8 bits; its greatest number becomes 127. */
export const roundedQuery = (vector: Float32Array): RoundedVector => {
  let most = 2 ** -100
  for (const value of vector) most = Math.max(most, Math.abs(value))
  const scale = Math.fround(most / 127)
  const codes = new Int8Array(vector.length)
  let length = 0
  let rest = 0
  for (let i = 0; i < vector.length; i++) {
    const code = Math.max(-127, Math.min(127, Math.round(vector[i]! / scale)))
    codes[i] = code
    length += (code * scale) ** 2
    rest += (vector[i]! - code * scale) ** 2
  }
  const above = 1 + 2 ** -30
  return { codes, scale, length: Math.sqrt(length) * above, rest: Math.sqrt(rest) * above }
}
