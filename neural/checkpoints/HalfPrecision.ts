/**
 * Conversions between 32-bit floats and the two 16-bit formats of checkpoints: IEEE half (F16) and bfloat16 (BF16).
 * Loops over typed arrays; the same bits as IEEE 754 asks for (widening is exact, narrowing rounds to nearest, ties to even).
 */

const scratch = new ArrayBuffer(4)
const scratchFloat = new Float32Array(scratch)
const scratchBits = new Uint32Array(scratch)

/** The bits of the 32-bit float that an IEEE half with these bits stands for. */
const widenHalf = (bits: number): number => {
  const sign = (bits & 0x8000) << 16
  const exponent = (bits >>> 10) & 0x1f
  const mantissa = bits & 0x3ff
  if (exponent === 0x1f) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0
  // Zero and subnormals: mantissa × 2⁻²⁴ is a normal 32-bit float.
  scratchFloat[0] = mantissa * 2 ** -24
  return (sign | scratchBits[0]!) >>> 0
}

/** All 65,536 halves, widened: a table is faster than the arithmetic. Made by the first use. */
let halfTable: Uint32Array | undefined
const halves = (): Uint32Array => {
  if (halfTable === undefined) {
    halfTable = new Uint32Array(65536)
    for (let bits = 0; bits < 65536; bits++) halfTable[bits] = widenHalf(bits)
  }
  return halfTable
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length)

/** Widens IEEE halves into `target`, which must be at least as long. */
export const halfToFloat = (source: Uint16Array, target: Float32Array): void => {
  const table = halves()
  const bits = bitsOf(target)
  for (let i = 0; i < source.length; i++) bits[i] = table[source[i]!]!
}

/** Widens bfloat16 values into `target`, which must be at least as long. */
export const bfloatToFloat = (source: Uint16Array, target: Float32Array): void => {
  const bits = bitsOf(target)
  for (let i = 0; i < source.length; i++) bits[i] = source[i]! << 16
}

/** Narrows to bfloat16, to nearest, ties to even. A NaN stays a (quiet) NaN. */
export const floatToBfloat = (source: Float32Array, target: Uint16Array): void => {
  const bits = bitsOf(source)
  for (let i = 0; i < source.length; i++) {
    const value = bits[i]!
    if ((value & 0x7fffffff) > 0x7f800000) target[i] = (value >>> 16) | 0x40
    else target[i] = (value + 0x7fff + ((value >>> 16) & 1)) >>> 16
  }
}

/** Narrows to IEEE half, to nearest, ties to even. Beyond ±65,504 (65,520 and up) it is an infinity, as IEEE 754 rounds. */
export const floatToHalf = (source: Float32Array, target: Uint16Array): void => {
  const bits = bitsOf(source)
  for (let i = 0; i < source.length; i++) {
    const value = bits[i]!
    const sign = (value >>> 16) & 0x8000
    const magnitude = value & 0x7fffffff
    if (magnitude > 0x7f800000) target[i] = sign | 0x7e00
    else if (magnitude >= 0x477ff000) target[i] = sign | 0x7c00
    else if (magnitude >= 0x38800000) {
      const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
      target[i] = sign | ((rounded - 0x38000000) >>> 13)
    } else {
      // A subnormal half counts in steps of 2⁻²⁴. Adding 0.5 leaves exactly those steps in a 32-bit float's mantissa, and
      // the addition itself rounds to nearest, ties to even.
      scratchBits[0] = magnitude
      scratchFloat[0] = scratchFloat[0]! + 0.5
      target[i] = sign | (scratchBits[0] - 0x3f000000)
    }
  }
}
