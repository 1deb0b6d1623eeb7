/**
 * An inverted index in flat typed arrays. Documents are numbered in the collection's order, terms in order of first
 * sight. It depends on the texts and the analysis alone: k1, b and how lengths are rounded are choices of the search.
 */
import { type Analysis, Analyzer, noMoreTerms } from "./Analyzer.ts"
import type { Docids } from "./Docids.ts"
import { DocidsBuilder } from "./DocidTable.ts"
import { type DocidOrder, docidOrder } from "./docidOrder.ts"
import { english } from "./EnglishAnalyzer.ts"
import { IndexTooLarge } from "./IndexTooLarge.ts"
import { commonFrom, type Postings, PostingsPacker, readCommon, readRare, windowsOf } from "./postings/Postings.ts"
import type { WordTable } from "./WordTable.ts"

export interface InvertedIndex {
  /** The `Analysis`'s name. */
  readonly analyzer: string
  readonly terms: WordTable
  /** How many postings the terms before each have; at the end, how many there are. */
  readonly offsets: Uint32Array
  readonly postings: Postings
  /** Terms in each document. */
  readonly lengths: Uint32Array
  /** Sum of `lengths`. */
  readonly totalLength: number
  /** Documents with at least one term: Lucene's `docCount`. */
  readonly documentsWithTerms: number
  readonly docids: Docids
  readonly docidOrder: DocidOrder
}

/** Postings one index may hold: one array of each kind, of at most 4 GiB. */
export const maxPostings = 2 ** 30 - 1

/** A term's postings, one after the other: the first `size` of both arrays. */
export interface TermPostings {
  size: number
  /** Ascending. */
  docs: Int32Array
  /** How many times the term stands in each. */
  frequencies: Uint32Array
}

/** Room for postings that `readPostings` fills, and enlarges where a term has more. */
export const emptyPostings = (): TermPostings => ({
  size: 0,
  docs: new Int32Array(64),
  frequencies: new Uint32Array(64),
})

/** How many documents a term stands in. */
export const documentFrequency = (index: InvertedIndex, term: number): number =>
  index.offsets[term + 1]! - index.offsets[term]!

/** Reads a term's postings. */
export const readPostings = (index: InvertedIndex, term: number, into: TermPostings): void => {
  const size = documentFrequency(index, term)
  if (into.docs.length < size) {
    into.docs = new Int32Array(size)
    into.frequencies = new Uint32Array(size)
  }
  into.size = size
  const { postings } = index
  const place = postings.places[term]!
  const { docs, frequencies } = into
  if (size < commonFrom(index.lengths.length)) readRare(postings, place, size, docs, frequencies)
  else readCommon(postings, place, windowsOf(index.lengths.length), docs, frequencies)
}

/** The frequency of a posting, in a chunk, that is among the large ones. */
const isLarge = 255

const chunkPostings = 1 << 22

/** Postings in document order, of which each document's are contiguous, in chunks that never move. */
interface Chunk {
  readonly terms: Int32Array
  readonly frequencies: Uint8Array
}

/**
 * Builds an index document by document. Postings are first kept in document order, five bytes each, then sorted by
 * term in one counting pass, so the peak is about seven bytes a posting and the vocabulary.
 */
export class IndexBuilder {
  readonly #analysis: Analysis
  readonly #analyzer: Analyzer
  readonly #docids = new DocidsBuilder()
  /** Frequencies of 255 and more, in the order of their postings. */
  readonly #large: Array<number> = []
  #chunks: Array<Chunk> = []
  #used = chunkPostings
  #postings = 0
  /** Per term: the last document seen in, plus one; times in it; documents in all. */
  #terms = new Int32Array(3 * 1024)
  /** Terms of the current document. */
  #seen = new Int32Array(1024)
  #documents = 0
  #withTerms = 0
  #total = 0
  #lengths = new Uint32Array(1024)
  /** Distinct terms of each document. */
  #distinct = new Uint32Array(1024)

  constructor(analysis: Analysis = english) {
    this.#analysis = analysis
    this.#analyzer = new Analyzer(analysis)
  }

  get documents(): number {
    return this.#documents
  }

  get postings(): number {
    return this.#postings
  }

  /**
   * Adds the next document.
   *
   * @param given its length, where that is not how many terms the text has
   */
  add(docid: string, text: string, given?: number): void {
    const doc = this.#documents
    if (doc === this.#lengths.length) this.#growDocuments()
    this.#docids.add(docid)
    const analyzer = this.#analyzer
    analyzer.reset(text)
    let state = this.#terms
    let seen = this.#seen
    let distinct = 0
    let length = 0
    for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
      length++
      const at = term * 3
      if (at >= state.length) {
        state = new Int32Array(state.length * 2)
        state.set(this.#terms)
        this.#terms = state
      }
      if (state[at] === doc + 1) {
        state[at + 1]!++
        continue
      }
      state[at] = doc + 1
      state[at + 1] = 1
      state[at + 2]!++
      if (distinct === seen.length) {
        seen = new Int32Array(distinct * 2)
        seen.set(this.#seen)
        this.#seen = seen
      }
      seen[distinct++] = term
    }
    if (this.#postings + distinct > maxPostings) throw new IndexTooLarge("postings", maxPostings, doc)
    let chunk = this.#chunks.at(-1)
    for (let i = 0; i < distinct; i++) {
      const term = seen[i]!
      if (chunk === undefined || this.#used === chunkPostings) {
        chunk = { terms: new Int32Array(chunkPostings), frequencies: new Uint8Array(chunkPostings) }
        this.#chunks.push(chunk)
        this.#used = 0
      }
      const frequency = state[term * 3 + 1]!
      chunk.terms[this.#used] = term
      chunk.frequencies[this.#used] = Math.min(frequency, isLarge)
      if (frequency >= isLarge) this.#large.push(frequency)
      this.#used++
    }
    length = given ?? length
    this.#postings += distinct
    this.#lengths[doc] = length
    this.#distinct[doc] = distinct
    this.#total += length
    if (length > 0) this.#withTerms++
    this.#documents = doc + 1
  }

  /** The index of what was added. The builder is spent: its memory goes into the result. */
  finish(): InvertedIndex {
    const terms = this.#analyzer.terms
    const offsets = new Uint32Array(terms.size + 1)
    for (let t = 0; t < terms.size; t++) offsets[t + 1] = offsets[t]! + this.#terms[t * 3 + 2]!
    this.#terms = new Int32Array(0)
    const packer = new PostingsPacker(offsets, this.#documents)
    const chunks: Array<Chunk | undefined> = this.#chunks
    this.#chunks = []
    let doc = -1
    let left = 0
    let large = 0
    for (let c = 0; c < chunks.length; c++) {
      const chunk = chunks[c]
      if (chunk === undefined) continue
      const used = c === chunks.length - 1 ? this.#used : chunkPostings
      for (let i = 0; i < used; i++) {
        while (left === 0) left = this.#distinct[++doc]!
        left--
        const frequency = chunk.frequencies[i]!
        packer.add(chunk.terms[i]!, doc, frequency < isLarge ? frequency : this.#large[large++]!)
      }
      chunks[c] = undefined
    }
    const lengths = this.#lengths.slice(0, this.#documents)
    const docids = this.#docids.finish()
    return {
      analyzer: this.#analysis.name,
      terms,
      offsets,
      postings: packer.finish(lengths),
      lengths,
      totalLength: this.#total,
      documentsWithTerms: this.#withTerms,
      docids,
      docidOrder: docidOrder(docids),
    }
  }

  #growDocuments(): void {
    const size = this.#lengths.length * 2
    const grown = (from: Uint32Array, length: number): Uint32Array<ArrayBuffer> => {
      const to = new Uint32Array(length)
      to.set(from)
      return to
    }
    this.#lengths = grown(this.#lengths, size)
    this.#distinct = grown(this.#distinct, size)
  }
}
