/** u of 32-bit floats: half the distance from 1 to the next. */
const unit = 2 ** -24

/**
 * A product of two vectors as it ranks: in 64 bits four sums, each of the dimensions of one remainder by 4 in their order, of these
 * (0 + 2) + (1 + 3), rounded to 32 bits once. `scan.wat` does the same.
 *
 * @param atA where the vector begins in `a`
 */
export const exactProduct = (
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  dimensions: number,
): number => {
  const sums = [0, 0, 0, 0]
  for (let i = 0; i < dimensions; i++) sums[i % 4]! += a[atA + i]! * b[atB + i]!
  const [first = 0, second = 0, third = 0, fourth = 0] = sums
  return Math.fround(first + third + (second + fourth))
}

/** The length of a vector that begins at `at`. */
export const lengthOf = (vectors: Float32Array, at: number, dimensions: number): number => {
  let square = 0
  for (let i = 0; i < dimensions; i++) square += vectors[at + i]! * vectors[at + i]!
  return Math.sqrt(square)
}

/**
 * How far a product that was summed in 32 bits, in whatever order, can lie from `exactProduct`, for vectors of these lengths: γ |a| |b|
 * with γ = n u / (1 − n u) (Higham, Accuracy and Stability of Numerical Algorithms, 2002, section 3.1), and what rounding the lengths
 * and the exact product adds.
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
