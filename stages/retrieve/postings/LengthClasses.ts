import { decodeLength, encodeLength } from "../SmallFloat.ts"

/** Documents of equal length, as a search sees lengths, are of one class. */
export interface LengthClasses {
  /** Each document's class. */
  readonly classOf: Uint8Array | Uint16Array
  /** 1 / norm of each class. */
  readonly inverses: Float32Array
  /** By Lucene's byte of a length: the greatest and the least 1 / norm of a length that it stands for. */
  readonly greatest: Float32Array
  readonly least: Float32Array
}

/** Classes of lengths that Lucene's byte tells apart. */
export const roundedLengths = (lengths: Uint32Array, inverse: (length: number) => number): LengthClasses => {
  const classOf = new Uint8Array(lengths.length)
  const used = new Uint8Array(256)
  for (let doc = 0; doc < lengths.length; doc++) {
    const code = encodeLength(lengths[doc]!)
    classOf[doc] = code
    used[code] = 1
  }
  const values: Array<number> = []
  const number = new Uint8Array(256)
  used.forEach((is, code) => {
    if (is === 1) number[code] = values.push(decodeLength(code)) - 1
  })
  for (let doc = 0; doc < classOf.length; doc++) classOf[doc] = number[classOf[doc]!]!
  const byCode = Float32Array.from({ length: 256 }, (_, code) => inverse(decodeLength(code)))
  return { classOf, inverses: Float32Array.from(values, inverse), greatest: byCode, least: byCode }
}

/** Classes of exact lengths. */
export const exactLengths = (lengths: Uint32Array, inverse: (length: number) => number): LengthClasses => {
  const values = [...new Set(lengths)].sort((left, right) => left - right)
  if (values.length > 65_536) throw new RangeError(`${values.length} distinct document lengths; at most 65536 are held`)
  const number = new Map(values.map((length, i) => [length, i]))
  const classOf = new Uint16Array(lengths.length)
  for (let doc = 0; doc < lengths.length; doc++) classOf[doc] = number.get(lengths[doc]!) ?? 0
  return {
    classOf,
    inverses: Float32Array.from(values, inverse),
    greatest: Float32Array.from({ length: 256 }, (_, code) => inverse(decodeLength(code))),
    least: Float32Array.from({ length: 256 }, (_, code) => inverse(code < 255 ? decodeLength(code + 1) - 1 : 2 ** 32)),
  }
}
