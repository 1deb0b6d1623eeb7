/**
 * An impact index: for each term its documents with the weight that was learned for it in each. Documents are numbered in the
 * collection's order, terms in order of first sight.
 */
import type { Docids } from "../Docids.ts"
import type { DocidTable } from "../DocidTable.ts"
import type { DocidOrder } from "../docidOrder.ts"
import { IndexTooLarge } from "../IndexTooLarge.ts"
import { maxPostings } from "../InvertedIndex.ts"

export interface ImpactIndex {
  readonly terms: ReadonlyArray<string>
  /** `offsets[t] .. offsets[t + 1]` are term t's postings. */
  readonly offsets: Uint32Array
  /** Document of each posting, ascending within a term. */
  readonly docs: Int32Array
  /** Its weight, above 0. */
  readonly weights: Float32Array
  readonly docids: Docids
  readonly docidOrder: DocidOrder
}

const chunkPostings = 1 << 20

/** Postings in the order in which they came, in chunks that never move. */
interface Chunk {
  readonly terms: Int32Array
  readonly docs: Int32Array
  readonly weights: Float32Array
}

/** Builds an index of vectors that come in any order, each document's once. Memory: twelve bytes a posting, and eight more at the end. */
export class ImpactBuilder {
  readonly #table: DocidTable
  readonly #terms = new Map<string, number>()
  readonly #counts: Array<number> = []
  readonly #given: Uint8Array
  #chunks: Array<Chunk> = []
  #used = chunkPostings
  #documents = 0
  /** Whether documents came in the order of their numbers. */
  #ordered = true
  #last = -1

  constructor(table: DocidTable) {
    this.#table = table
    this.#given = new Uint8Array(table.documents)
  }

  /** How many documents have a vector. */
  get documents(): number {
    return this.#documents
  }

  get postings(): number {
    return Math.max(0, (this.#chunks.length - 1) * chunkPostings + this.#used)
  }

  /** The vector of a document; false where it has one already. Each term comes once. */
  add(doc: number, terms: ReadonlyArray<string>, weights: ReadonlyArray<number>): boolean {
    if (this.#given[doc] === 1) return false
    this.#given[doc] = 1
    this.#documents++
    if (doc < this.#last) this.#ordered = false
    this.#last = doc
    if (this.postings + terms.length > maxPostings) throw new IndexTooLarge("postings", maxPostings, this.#documents)
    let chunk = this.#chunks.at(-1)
    for (let i = 0; i < terms.length; i++) {
      if (chunk === undefined || this.#used === chunkPostings) {
        chunk = {
          terms: new Int32Array(chunkPostings),
          docs: new Int32Array(chunkPostings),
          weights: new Float32Array(chunkPostings),
        }
        this.#chunks.push(chunk)
        this.#used = 0
      }
      const word = terms[i]!
      let term = this.#terms.get(word)
      if (term === undefined) {
        term = this.#terms.size
        this.#terms.set(word, term)
        this.#counts.push(0)
      }
      this.#counts[term]!++
      chunk.terms[this.#used] = term
      chunk.docs[this.#used] = doc
      chunk.weights[this.#used++] = weights[i]!
    }
    return true
  }

  /** The index of what was added. The builder is spent: its memory goes into the result. */
  finish(): ImpactIndex {
    const postings = this.postings
    const offsets = new Uint32Array(this.#counts.length + 1)
    this.#counts.forEach((count, term) => {
      offsets[term + 1] = offsets[term]! + count
    })
    const next = offsets.slice(0, -1)
    const docs = new Int32Array(postings)
    const weights = new Float32Array(postings)
    const chunks: Array<Chunk | undefined> = this.#chunks
    this.#chunks = []
    chunks.forEach((chunk, c) => {
      if (chunk === undefined) return
      const used = c === chunks.length - 1 ? this.#used : chunkPostings
      for (let i = 0; i < used; i++) {
        const posting = next[chunk.terms[i]!]!++
        docs[posting] = chunk.docs[i]!
        weights[posting] = chunk.weights[i]!
      }
      chunks[c] = undefined
    })
    if (!this.#ordered) sortPostings(offsets, docs, weights)
    return {
      terms: [...this.#terms.keys()],
      offsets,
      docs,
      weights,
      docids: this.#table.docids,
      docidOrder: this.#table.order,
    }
  }
}

/** Brings each term's postings into the order of documents. */
const sortPostings = (offsets: Uint32Array, docs: Int32Array, weights: Float32Array): void => {
  const bits = new Uint32Array(weights.buffer, weights.byteOffset, weights.length)
  for (let term = 0; term + 1 < offsets.length; term++) {
    const from = offsets[term]!
    const to = offsets[term + 1]!
    // A document's number is above a weight's 32 bits: both fit into one integer of 63 bits.
    const keys = BigUint64Array.from(
      { length: to - from },
      (_, i) => (BigInt(docs[from + i]!) << 32n) | BigInt(bits[from + i]!),
    ).sort()
    keys.forEach((key, i) => {
      docs[from + i] = Number(key >> 32n)
      bits[from + i] = Number(key & 0xffffffffn)
    })
  }
}
