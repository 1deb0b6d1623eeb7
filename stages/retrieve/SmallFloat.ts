/**
 * Lucene's one-byte document lengths (`SmallFloat.intToByte4`): lengths to 39 exact, above with three bits of mantissa
 * after the leading one.
 */

const exact = 24

const toMinifloat = (value: number): number => {
  const bits = 32 - Math.clz32(value)
  if (bits < 4) return value
  const shift = bits - 4
  return ((value >>> shift) & 7) | ((shift + 1) << 3)
}

const fromMinifloat = (code: number): number => {
  const shift = (code >>> 3) - 1
  return shift < 0 ? code & 7 : ((code & 7) | 8) * 2 ** shift
}

/** The byte a document length is stored as. */
export const encodeLength = (length: number): number => (length < exact ? length : exact + toMinifloat(length - exact))

/** The length a byte stands for. */
export const decodeLength = (code: number): number => (code < exact ? code : exact + fromMinifloat(code - exact))
