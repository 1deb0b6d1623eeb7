/**
 * The three messages of CIFF, the Common Index File Format (Lin et al., SIGIR 2020), in protobuf's wire format. They are numbers and texts,
 * and a file is read message by message, each behind its size, which no protobuf library does for a file larger than the memory.
 */

/** What a file says of itself. */
export interface CiffHeader {
  readonly version: number
  /** How many postings lists and document records follow. */
  readonly postingsLists: number
  readonly documents: number
  /** How many the whole collection has, of which the file may be a part. */
  readonly totalPostingsLists: number
  readonly totalDocuments: number
  /** The sum of all documents' lengths. */
  readonly totalTerms: number
  readonly averageLength: number
  readonly description: string
}

/** A term's documents, numbers ascending, with how often it stands in each. */
export interface CiffPostings {
  readonly term: string
  readonly documentFrequency: number
  readonly collectionFrequency: number
  readonly size: number
  readonly docs: Int32Array
  readonly frequencies: Uint32Array
}

export interface CiffDocument {
  readonly number: number
  readonly docid: string
  readonly length: number
}

/** Bytes that are no such message. */
export class CiffProblem extends Error {
  override readonly name = "CiffProblem"
}

const decoder = new TextDecoder("utf-8", { fatal: true })

/** Reads one message's fields. */
class Fields {
  readonly #bytes: Uint8Array
  #at: number
  readonly #end: number
  /** The current field's number and wire type. */
  field = 0
  #type = 0

  constructor(bytes: Uint8Array, from = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#at = from
    this.#end = end
  }

  /** Goes to the next field, over what was not read of this one. */
  next(): boolean {
    if (this.#at >= this.#end) return false
    const key = this.varint()
    this.field = Math.floor(key / 8)
    this.#type = key % 8
    return true
  }

  /** A whole number from 0 to 2^53; a negative one, which takes ten bytes, is none. */
  varint(): number {
    let value = 0
    for (let power = 1; ; power *= 128) {
      if (this.#at >= this.#end) throw new CiffProblem("a number is cut off")
      const byte = this.#bytes[this.#at++]!
      value += (byte & 127) * power
      if (byte < 128) return value <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
      if (power > 2 ** 63) throw new CiffProblem("a number has more than ten bytes")
    }
  }

  number(what: string): number {
    this.#expect(0, what)
    const value = this.varint()
    if (Number.isNaN(value)) throw new CiffProblem(`${what} is negative`)
    return value
  }

  double(what: string): number {
    this.#expect(1, what)
    const from = this.#take(8)
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + from, 8).getFloat64(0, true)
  }

  text(what: string): string {
    this.#expect(2, what)
    const length = this.varint()
    const from = this.#take(length)
    try {
      return decoder.decode(this.#bytes.subarray(from, from + length))
    } catch {
      throw new CiffProblem(`${what} is not UTF-8`)
    }
  }

  message(what: string): Fields {
    this.#expect(2, what)
    const length = this.varint()
    const from = this.#take(length)
    return new Fields(this.#bytes, from, from + length)
  }

  /** Goes over a field that this version does not know. */
  skip(): void {
    switch (this.#type) {
      case 0:
        this.varint()
        return
      case 1:
        this.#take(8)
        return
      case 2:
        this.#take(this.varint())
        return
      case 5:
        this.#take(4)
        return
      default:
        throw new CiffProblem(`a field is of wire type ${this.#type}`)
    }
  }

  #take(length: number): number {
    const from = this.#at
    // Not a number is a size that is none.
    if (!(from + length <= this.#end)) throw new CiffProblem("a field is longer than its message")
    this.#at = from + length
    return from
  }

  #expect(type: number, what: string): void {
    if (this.#type !== type) throw new CiffProblem(`${what} is of wire type ${this.#type}, not ${type}`)
  }
}

export const decodeHeader = (bytes: Uint8Array): CiffHeader => {
  const fields = new Fields(bytes)
  const numbers = new Map<number, number>()
  let averageLength = 0
  let description = ""
  while (fields.next()) {
    if (fields.field >= 1 && fields.field <= 6) numbers.set(fields.field, fields.number(`field ${fields.field}`))
    else if (fields.field === 7) averageLength = fields.double("the average length")
    else if (fields.field === 8) description = fields.text("the description")
    else fields.skip()
  }
  const of = (field: number): number => numbers.get(field) ?? 0
  return {
    version: of(1),
    postingsLists: of(2),
    documents: of(3),
    totalPostingsLists: of(4),
    totalDocuments: of(5),
    totalTerms: of(6),
    averageLength,
    description,
  }
}

const greatest = 2 ** 31 - 1

/** Reads postings lists, each into the arrays of the one before, where they are large enough. */
export const postingsDecoder = (): ((bytes: Uint8Array) => CiffPostings) => {
  let docs = new Int32Array(1024)
  let frequencies = new Uint32Array(1024)
  return (bytes) => {
    const fields = new Fields(bytes)
    let term = ""
    let documentFrequency = 0
    let collectionFrequency = 0
    let size = 0
    let doc = 0
    while (fields.next()) {
      if (fields.field === 1) term = fields.text("a term")
      else if (fields.field === 2) documentFrequency = fields.number("df")
      else if (fields.field === 3) collectionFrequency = fields.number("cf")
      else if (fields.field === 4) {
        const posting = fields.message("a posting")
        let gap = 0
        let frequency = 0
        while (posting.next()) {
          if (posting.field === 1) gap = posting.number(`a document's number after ${doc}, under «${term}»,`)
          else if (posting.field === 2) frequency = posting.number(`tf, under «${term}»,`)
          else posting.skip()
        }
        if (size > 0 && gap === 0) throw new CiffProblem(`document ${doc} comes twice under «${term}»`)
        doc += gap
        if (doc > greatest || frequency > greatest) throw new CiffProblem(`a posting of «${term}» is out of range`)
        if (frequency === 0) throw new CiffProblem(`«${term}» stands 0 times in document ${doc}`)
        if (size === docs.length) {
          const [moreDocs, moreFrequencies] = [new Int32Array(size * 2), new Uint32Array(size * 2)]
          moreDocs.set(docs)
          moreFrequencies.set(frequencies)
          docs = moreDocs
          frequencies = moreFrequencies
        }
        docs[size] = doc
        frequencies[size++] = frequency
      } else fields.skip()
    }
    return { term, documentFrequency, collectionFrequency, size, docs, frequencies }
  }
}

export const decodeDocument = (bytes: Uint8Array): CiffDocument => {
  const fields = new Fields(bytes)
  let number = 0
  let docid = ""
  let length = 0
  while (fields.next()) {
    if (fields.field === 1) number = fields.number("a document's number")
    else if (fields.field === 2) docid = fields.text("a docid")
    else if (fields.field === 3) length = fields.number("a document's length")
    else fields.skip()
  }
  return { number, docid, length }
}

/** Writes messages, each behind its size, into bytes that grow. */
export class MessageBytes {
  readonly #encoder = new TextEncoder()
  #bytes = new Uint8Array(1 << 16)
  #size = 0

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }

  clear(): void {
    this.#size = 0
  }

  /** A field of a whole number; 0 is not written, as protobuf's third version has it. */
  number(field: number, value: number): void {
    if (value === 0) return
    this.varint(field * 8)
    this.varint(value)
  }

  double(field: number, value: number): void {
    if (value === 0) return
    this.varint(field * 8 + 1)
    this.#room(8)
    new DataView(this.#bytes.buffer).setFloat64(this.#size, value, true)
    this.#size += 8
  }

  text(field: number, value: string): void {
    if (value === "") return
    const bytes = this.#encoder.encode(value)
    this.varint(field * 8 + 2)
    this.varint(bytes.length)
    this.append(bytes)
  }

  posting(gap: number, frequency: number): void {
    this.varint(4 * 8 + 2)
    this.varint(fieldSize(gap) + fieldSize(frequency))
    this.number(1, gap)
    this.number(2, frequency)
  }

  varint(value: number): void {
    this.#room(10)
    let rest = value
    while (rest >= 128) {
      this.#bytes[this.#size++] = (rest % 128) + 128
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#size++] = rest
  }

  append(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + more))
    larger.set(this.#bytes)
    this.#bytes = larger
  }
}

/** Bytes of a field of a whole number. */
const fieldSize = (value: number): number => {
  if (value === 0) return 0
  let size = 2
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}
