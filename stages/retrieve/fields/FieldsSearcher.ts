/**
 * BM25 over fields as Lucene sums it (a `BooleanQuery` of one clause for each field, in a `BoostQuery` of its weight), which is how
 * Anserini searches `-fields title=2 contents=1`:
 *
 *     score(q, d) = Σ over fields f of  Σ over terms t of q of  bm25(t, d, f)
 *
 * where bm25 is of the field's own statistics (documents that have it, of those the ones with t, its mean length) and a term weighs
 * its count × the field's weight × its idf. A field's sum is rounded to 32 bits, as is the sum of the fields; of a field that weighs 1
 * the terms' scores are added as they are, as Lucene takes such a field's clause apart.
 */
import { type Bm25Parameters, inverseNorm, luceneIdf, type QueryTerms, queryAnalyzer } from "../Bm25.ts"
import type { Docids } from "../Docids.ts"
import { documentFrequency, emptyPostings, type InvertedIndex, readPostings } from "../InvertedIndex.ts"
import { decodeLength, encodeLength } from "../SmallFloat.ts"
import { Best, type Hits, noHits } from "../TopK.ts"

/** A field of the collection: an index of it, and its weight, above 0. */
export interface WeightedField {
  readonly index: InvertedIndex
  readonly weight: number
}

/** Indexes with the weights of the fields that they are of, in one order. */
export const weightedFields = (
  indexes: ReadonlyArray<InvertedIndex>,
  fields: ReadonlyArray<{ readonly weight: number }>,
): ReadonlyArray<WeightedField> => indexes.map((index, at) => ({ index, weight: fields[at]!.weight }))

const f32 = Math.fround

/** What a search knows of a field. */
interface SearchedField {
  readonly index: InvertedIndex
  readonly weight: number
  readonly termsOf: (text: string) => QueryTerms
  /** 1 / norm of each document. */
  readonly inverses: Float32Array
  /** The least of them. */
  readonly least: number
}

/** Lucene's score of a term of this weight that stands `frequency` times in a document. */
const contribution = (weight: number, frequency: number, inverse: number): number =>
  f32(weight - f32(weight / f32(1 + f32(frequency * inverse))))

/** Searches indexes of several fields of the same documents, every posting of a query's terms. It keeps scratch arrays: one search at a time. */
export class FieldsSearcher {
  readonly docids: Docids
  readonly #fields: ReadonlyArray<SearchedField>
  readonly #best: Best
  readonly #documents: number
  readonly #postings = emptyPostings()
  /** Documents' sums in the field that is being searched, and over all; all 0 between searches. */
  readonly #inField: Float64Array
  readonly #sums: Float64Array
  /** Documents that have such a sum. */
  readonly #ofField: Int32Array
  readonly #found: Int32Array

  /** @param fields at least one; the indexes have the same documents in the same order */
  constructor(fields: ReadonlyArray<WeightedField>, parameters: Bm25Parameters) {
    const { docidOrder, docids, lengths } = fields[0]!.index
    this.docids = docids
    this.#best = new Best(docidOrder)
    this.#documents = lengths.length
    this.#inField = new Float64Array(lengths.length)
    this.#sums = new Float64Array(lengths.length)
    this.#ofField = new Int32Array(lengths.length)
    this.#found = new Int32Array(lengths.length)
    this.#fields = fields.map(({ index, weight }) => {
      const inverse = inverseNorm(index, parameters)
      const seen = (length: number): number =>
        parameters.lengths === "lucene" ? decodeLength(encodeLength(length)) : length
      const inverses = Float32Array.from(index.lengths, (length) => inverse(seen(length)))
      const least = inverses.reduce((least, inverse) => Math.min(least, inverse), Infinity)
      return { index, weight: f32(weight), termsOf: queryAnalyzer(index), inverses, least }
    })
  }

  /** The `k` best documents of those that score above zero. */
  search(text: string, k: number): Hits {
    if (k < 1) return noHits
    const sums = this.#sums
    const found = this.#found
    let count = 0
    let lowest = Infinity
    let highest = 0
    for (const field of this.#fields) {
      const { ids, counts } = field.termsOf(text)
      // Where it weighs 1, its sums are those of all fields.
      const apart = field.weight !== 1
      let touched = apart ? 0 : count
      ids.forEach((term, i) => {
        const n = documentFrequency(field.index, term)
        const weight = f32(f32(counts[i]! * field.weight) * luceneIdf(field.index.documentsWithTerms, n))
        lowest = Math.min(lowest, contribution(weight, 1, field.least))
        highest += weight
        touched = this.#add(field, term, weight, apart ? this.#inField : sums, apart ? this.#ofField : found, touched)
      })
      if (!apart) {
        count = touched
        continue
      }
      for (let at = 0; at < touched; at++) {
        const doc = this.#ofField[at]!
        if (sums[doc] === 0) found[count++] = doc
        sums[doc]! += f32(this.#inField[doc]!)
        this.#inField[doc] = 0
      }
    }
    if (count === 0) return noHits
    const best = this.#best
    // A document scores no more than what its terms weigh, but for what rounding adds.
    best.start(Math.min(k, this.#documents), lowest, f32(highest * (1 + 2 ** -20)))
    for (let at = 0; at < count; at++) {
      const doc = found[at]!
      best.offer(doc, f32(sums[doc]!))
      sums[doc] = 0
    }
    return best.hits()
  }

  /** Adds a term's contributions to documents' sums, and documents that had none to their list; returns how long it is then. */
  #add(
    { index, inverses }: SearchedField,
    term: number,
    weight: number,
    sums: Float64Array,
    list: Int32Array,
    before: number,
  ): number {
    const postings = this.#postings
    readPostings(index, term, postings)
    const { docs, frequencies, size } = postings
    let listed = before
    for (let at = 0; at < size; at++) {
      const doc = docs[at]!
      const sum = sums[doc]!
      const added = sum + contribution(weight, frequencies[at]!, inverses[doc]!)
      if (sum === 0 && added > 0) list[listed++] = doc
      sums[doc] = added
    }
    return listed
  }
}
