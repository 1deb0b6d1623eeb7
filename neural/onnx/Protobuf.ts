/**
 * The wire format of protocol buffers, as far as ONNX needs it. A message is written as a list of pieces, so that the
 * weights are not copied into it; it is read field by field from a source that need not be in memory.
 */

/** Bytes that are put in when the message is stored: those of a weight. */
export interface Hole {
  readonly parameter: string
  readonly byteLength: number
}

/** Bytes with holes, in order. */
export interface Pieces {
  readonly byteLength: number
  readonly pieces: () => Iterable<Uint8Array | Hole>
}

const utf8 = new TextEncoder()
const floatView = new DataView(new ArrayBuffer(4))

/** A message being written. Fields come out in the order in which they are put in. */
export class MessageWriter implements Pieces {
  byteLength = 0
  readonly #parts: (Uint8Array | Hole | MessageWriter)[] = []
  #open: number[] = []

  #close(): void {
    if (this.#open.length > 0) this.#parts.push(Uint8Array.from(this.#open))
    this.#open = []
  }

  #varint(value: number | bigint): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest >= 0x80n) {
      this.#open.push(Number(rest & 0x7fn) | 0x80)
      rest >>= 7n
      this.byteLength++
    }
    this.#open.push(Number(rest))
    this.byteLength++
  }

  #tag(field: number, wire: number): void {
    this.#varint((field << 3) | wire)
  }

  /** int32, int64, bool, enum */
  integer(field: number, value: number | bigint): this {
    this.#tag(field, 0)
    this.#varint(value)
    return this
  }

  float(field: number, value: number): this {
    this.#tag(field, 5)
    floatView.setFloat32(0, value, true)
    for (let i = 0; i < 4; i++) this.#open.push(floatView.getUint8(i))
    this.byteLength += 4
    return this
  }

  /** Bytes, a hole, or a message, which is not written to any more. */
  bytes(field: number, value: Uint8Array | Hole | MessageWriter): this {
    this.#tag(field, 2)
    this.#varint(value.byteLength)
    this.#close()
    this.#parts.push(value)
    this.byteLength += value.byteLength
    return this
  }

  string(field: number, value: string): this {
    return this.bytes(field, utf8.encode(value))
  }

  *pieces(): Iterable<Uint8Array | Hole> {
    this.#close()
    for (const part of this.#parts) {
      if (part instanceof MessageWriter) yield* part.pieces()
      else yield part
    }
  }
}

/** Bytes that can be read anywhere: an array or a file. */
export interface RandomAccess {
  readonly byteLength: number
  /** `length` bytes from `offset`; the range lies within. */
  readonly read: (offset: number, length: number) => Uint8Array
}

export const randomAccess = (bytes: Uint8Array): RandomAccess => ({
  byteLength: bytes.byteLength,
  read: (offset, length) => bytes.subarray(offset, offset + length),
})

/** The bytes are no message of this format. */
export class ProtobufError extends Error {
  readonly _tag = "ProtobufError"
  /** The byte where it was noticed. */
  readonly offset: number

  constructor(offset: number, why: string) {
    super(`byte ${offset}: ${why}`)
    this.offset = offset
  }
}

/** A field as it stands in a message: a number, or where its bytes are. */
export type Field =
  | { readonly number: number; readonly wire: "integer"; readonly value: bigint }
  | { readonly number: number; readonly wire: "bytes"; readonly start: number; readonly end: number }
  | { readonly number: number; readonly wire: "fixed"; readonly start: number; readonly end: number }

const windowSize = 65_536

/** Reads messages out of a source, a window at a time; bytes that are skipped are not read. */
export class MessageReader {
  readonly #source: RandomAccess
  #window: Uint8Array = new Uint8Array(0)
  #windowStart = 0

  constructor(source: RandomAccess) {
    this.#source = source
  }

  #byte(offset: number, end: number): number {
    if (offset >= end) throw new ProtobufError(offset, "the message ends within a field")
    const within = offset - this.#windowStart
    const byte = within >= 0 ? this.#window[within] : undefined
    if (byte !== undefined) return byte
    this.#windowStart = offset
    this.#window = this.#source.read(offset, Math.min(windowSize, this.#source.byteLength - offset))
    const first = this.#window[0]
    if (first === undefined) throw new ProtobufError(offset, "the file ends within a field")
    return first
  }

  #varint(offset: number, end: number): { readonly value: bigint; readonly next: number } {
    let value = 0n
    for (let i = 0; i < 10; i++) {
      const byte = this.#byte(offset + i, end)
      value |= BigInt(byte & 0x7f) << BigInt(7 * i)
      if (byte < 0x80) return { value: BigInt.asUintN(64, value), next: offset + i + 1 }
    }
    throw new ProtobufError(offset, "a number of more than ten bytes")
  }

  /** The fields of the message in a range of bytes. */
  *fields(start = 0, end = this.#source.byteLength): Iterable<Field> {
    let at = start
    while (at < end) {
      const tag = this.#varint(at, end)
      const number = Number(tag.value >> 3n)
      if (number === 0 || number > 0x1fffffff) throw new ProtobufError(at, `field number ${number}`)
      at = tag.next
      switch (Number(tag.value & 7n)) {
        case 0: {
          const { value, next } = this.#varint(at, end)
          at = next
          yield { number, wire: "integer", value }
          break
        }
        case 2: {
          const { value, next } = this.#varint(at, end)
          if (value > BigInt(end - next)) throw new ProtobufError(at, `a field of ${value} bytes does not fit`)
          at = next + Number(value)
          yield { number, wire: "bytes", start: next, end: at }
          break
        }
        case 1:
        case 5: {
          const length = Number(tag.value & 7n) === 1 ? 8 : 4
          if (at + length > end) throw new ProtobufError(at, "the message ends within a field")
          at += length
          yield { number, wire: "fixed", start: at - length, end: at }
          break
        }
        default:
          throw new ProtobufError(at, `wire type ${tag.value & 7n}`)
      }
    }
  }

  /** The numbers of a repeated field, one of whose entries this is: packed or single. */
  *integers(field: Field): Iterable<bigint> {
    if (field.wire === "integer") yield field.value
    else if (field.wire === "bytes") {
      let at = field.start
      while (at < field.end) {
        const { value, next } = this.#varint(at, field.end)
        at = next
        yield value
      }
    }
  }

  /** The text of a field. At most a mebibyte: names are short. */
  text(field: Field): string {
    if (field.wire !== "bytes") throw new ProtobufError(0, `field ${field.number} should be a text`)
    if (field.end - field.start > 1_048_576) throw new ProtobufError(field.start, "a name longer than a mebibyte")
    return new TextDecoder().decode(this.#source.read(field.start, field.end - field.start))
  }
}
