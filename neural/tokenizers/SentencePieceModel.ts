/**
 * SentencePiece's `.model` files: a protobuf message of which the parts that decide a tokenization are read (pieces, the
 * trainer's ids and kind, the normaliser). Pure.
 */

export type PieceType = "normal" | "unknown" | "control" | "user-defined" | "unused" | "byte"

const pieceTypes: ReadonlyMap<number, PieceType> = new Map([
  [1, "normal"],
  [2, "unknown"],
  [3, "control"],
  [4, "user-defined"],
  [5, "unused"],
  [6, "byte"],
])

export interface SentencePieceModel {
  readonly kind: "unigram" | "bpe" | "word" | "char"
  readonly pieces: ReadonlyArray<string>
  readonly scores: Float32Array
  readonly types: ReadonlyArray<PieceType>
  readonly byteFallback: boolean
  readonly spaceIsSuffix: boolean
  /** Ids as the trainer was told; −1 where there is none. */
  readonly ids: { readonly unk: number; readonly bos: number; readonly eos: number; readonly pad: number }
  /** The precompiled rules; empty for the identity. */
  readonly charsmap: Uint8Array
  readonly addDummyPrefix: boolean
  readonly removeExtraSpaces: boolean
  readonly escapeSpaces: boolean
}

/** A field of a protobuf message: a number for the wire types varint and 32-bit, bytes for length-delimited. */
interface Field {
  readonly number: number
  readonly value: number | Uint8Array
}

class NotProtobuf extends Error {}

/** The fields of a message in their order. 64-bit varints keep their low 32 bits, which is all that is used here. */
function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) throw new NotProtobuf("it ends within a number")
      if (shift < 35) value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    throw new NotProtobuf("a number has more than ten bytes")
  }
  const skip = (length: number): number => {
    const begin = at
    if (length < 0 || begin + length > bytes.length) throw new NotProtobuf("a field is longer than the file")
    at = begin + length
    return begin
  }
  while (at < bytes.length) {
    const tag = varint()
    const number = tag >>> 3
    if (number === 0) throw new NotProtobuf("a field has the number 0")
    switch (tag & 7) {
      case 0:
        yield { number, value: varint() }
        break
      case 1:
        skip(8)
        break
      case 2: {
        const begin = skip(varint())
        yield { number, value: bytes.subarray(begin, at) }
        break
      }
      case 5:
        yield { number, value: view.getFloat32(skip(4), true) }
        break
      default:
        throw new NotProtobuf(`a field has the wire type ${tag & 7}`)
    }
  }
}

const kinds: ReadonlyMap<number, SentencePieceModel["kind"]> = new Map([
  [1, "unigram"],
  [2, "bpe"],
  [3, "word"],
  [4, "char"],
])

const parse = (bytes: Uint8Array): SentencePieceModel => {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  const text = (value: Field["value"]): string => {
    if (typeof value === "number") throw new NotProtobuf("a text is a number")
    return decoder.decode(value)
  }
  const message = (value: Field["value"]): Uint8Array => {
    if (typeof value === "number") throw new NotProtobuf("a message is a number")
    return value
  }
  const number = (value: Field["value"]): number => {
    if (typeof value !== "number") throw new NotProtobuf("a number is a message")
    return value
  }

  const pieces: Array<string> = []
  const scores: Array<number> = []
  const types: Array<PieceType> = []
  let kind: SentencePieceModel["kind"] | undefined = "unigram"
  let [byteFallback, spaceIsSuffix] = [false, false]
  const ids = { unk: 0, bos: 1, eos: 2, pad: -1 }
  let charsmap: Uint8Array = new Uint8Array(0)
  let [addDummyPrefix, removeExtraSpaces, escapeSpaces] = [true, true, true]

  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) {
      let [piece, score, type] = ["", 0, 1]
      for (const { number: n, value } of fieldsOf(message(field.value))) {
        if (n === 1) piece = text(value)
        else if (n === 2) score = number(value)
        else if (n === 3) type = number(value)
      }
      const named = pieceTypes.get(type)
      if (named === undefined) throw new NotProtobuf(`piece ${pieces.length} has the unknown type ${type}`)
      pieces.push(piece)
      scores.push(score)
      types.push(named)
    } else if (field.number === 2) {
      for (const { number: n, value } of fieldsOf(message(field.value))) {
        if (n === 3) kind = kinds.get(number(value))
        else if (n === 24) spaceIsSuffix = number(value) !== 0
        else if (n === 35) byteFallback = number(value) !== 0
        else if (n === 40) ids.unk = number(value)
        else if (n === 41) ids.bos = number(value)
        else if (n === 42) ids.eos = number(value)
        else if (n === 43) ids.pad = number(value)
      }
    } else if (field.number === 3) {
      for (const { number: n, value } of fieldsOf(message(field.value))) {
        if (n === 2) charsmap = message(value)
        else if (n === 3) addDummyPrefix = number(value) !== 0
        else if (n === 4) removeExtraSpaces = number(value) !== 0
        else if (n === 5) escapeSpaces = number(value) !== 0
      }
    }
  }
  if (pieces.length === 0) throw new NotProtobuf("it has no pieces")
  if (kind === undefined) throw new NotProtobuf("its kind of model is unknown")
  if (types[ids.unk] !== "unknown") throw new NotProtobuf(`piece ${ids.unk} is not the unknown piece`)
  return {
    kind,
    pieces,
    scores: Float32Array.from(scores),
    types,
    byteFallback,
    spaceIsSuffix,
    ids,
    charsmap,
    addDummyPrefix,
    removeExtraSpaces,
    escapeSpaces,
  }
}

/** Reads a model file, or says in a clause why it is not one. */
export const readSentencePiece = (bytes: Uint8Array): SentencePieceModel | { readonly problem: string } => {
  try {
    return parse(bytes)
  } catch (cause) {
    if (cause instanceof NotProtobuf) return { problem: cause.message }
    // TextDecoder's complaint about bytes that are not UTF-8.
    if (cause instanceof TypeError) return { problem: "a piece is not UTF-8" }
    throw cause
  }
}
