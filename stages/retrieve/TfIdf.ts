/**
 * Cosine over tf-idf, a deliberately weak baseline:
 *
 *     weight(t, x) = tf(t, x) * (ln((1 + N) / (1 + n)) + 1)     tf = count, or 1 + ln(count) where sublinear
 *     score(q, d)  = sum of weight(t, q) weight(t, d) / (|weights of q| |weights of d|)
 *
 * with N documents, n of them with t; the norms are Euclidean, over terms of the index. Scores are rounded to 32 bits.
 */
import type { QueryTerms } from "./Bm25.ts"
import { frequencyAt, type InvertedIndex, largeFrequency } from "./InvertedIndex.ts"
import { Best, type Hits, noHits } from "./TopK.ts"

export interface TfIdfParameters {
  /** 1 + ln(tf) instead of tf. */
  readonly sublinear: boolean
}

/** No cosine of a passage comes near: it would need more than 2^60 terms. */
const leastCosine = 2 ** -30

/** One, and what rounding may add. */
const greatestCosine = 1.001

/** Searches and scores one index. It keeps scratch arrays: one search at a time. */
export class TfIdfSearcher {
  readonly #index: InvertedIndex
  readonly #sublinear: boolean
  readonly #idf: Float64Array
  readonly #norms: Float64Array
  readonly #sums: Float64Array
  readonly #best: Best

  constructor(index: InvertedIndex, parameters: TfIdfParameters) {
    this.#index = index
    this.#best = new Best(index.docidOrder)
    this.#sublinear = parameters.sublinear
    const { offsets, docs, lengths } = index
    const terms = offsets.length - 1
    this.#idf = new Float64Array(terms)
    this.#norms = new Float64Array(lengths.length)
    this.#sums = new Float64Array(lengths.length)
    for (let term = 0; term < terms; term++) {
      const from = offsets[term]!
      const to = offsets[term + 1]!
      const idf = Math.log((1 + lengths.length) / (1 + to - from)) + 1
      this.#idf[term] = idf
      for (let posting = from; posting < to; posting++) {
        const weight = this.#tf(this.#count(posting)) * idf
        this.#norms[docs[posting]!]! += weight * weight
      }
    }
    for (let doc = 0; doc < lengths.length; doc++) this.#norms[doc] = Math.sqrt(this.#norms[doc]!)
  }

  /** The `k` best documents of those that score above zero. */
  search(query: QueryTerms, k: number): Hits {
    const weights = this.#weigh(query)
    if (weights.length === 0 || k < 1) return noHits
    const best = this.#best
    best.start(Math.min(k, this.#norms.length), leastCosine, greatestCosine)
    const { offsets, docs } = this.#index
    const sums = this.#sums
    query.ids.forEach((term, i) => {
      const weight = weights[i]! * this.#idf[term]!
      for (let posting = offsets[term]!; posting < offsets[term + 1]!; posting++) {
        sums[docs[posting]!]! += weight * this.#tf(this.#count(posting))
      }
    })
    for (const term of query.ids) {
      for (let posting = offsets[term]!; posting < offsets[term + 1]!; posting++) {
        const doc = docs[posting]!
        const sum = sums[doc]!
        if (sum === 0) continue
        sums[doc] = 0
        best.offer(doc, Math.max(leastCosine, Math.fround(sum / this.#norms[doc]!)))
      }
    }
    return best.hits()
  }

  /** Ranks the given documents; those without a term of the query score zero and stay. */
  rank(query: QueryTerms, documents: Int32Array): Hits {
    const best = this.#best
    best.start(documents.length, leastCosine, greatestCosine)
    const weights = this.#weigh(query)
    const { offsets, docs } = this.#index
    for (const doc of documents) {
      let sum = 0
      query.ids.forEach((term, i) => {
        let low = offsets[term]!
        const to = offsets[term + 1]!
        let high = to
        while (low < high) {
          const middle = (low + high) >>> 1
          if (docs[middle]! < doc) low = middle + 1
          else high = middle
        }
        if (low < to && docs[low] === doc) sum += weights[i]! * this.#idf[term]! * this.#tf(this.#count(low))
      })
      best.offer(doc, sum === 0 ? 0 : Math.max(leastCosine, Math.fround(sum / this.#norms[doc]!)))
    }
    return best.hits()
  }

  /** Weights of the query's terms, of norm 1. */
  #weigh(query: QueryTerms): ReadonlyArray<number> {
    const weights = query.ids.map((term, i) => this.#tf(query.counts[i]!) * this.#idf[term]!)
    const norm = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0))
    return weights.map((weight) => weight / norm)
  }

  #count(posting: number): number {
    const frequency = this.#index.frequencies[posting]!
    return frequency === largeFrequency ? frequencyAt(this.#index, posting) : frequency
  }

  #tf(count: number): number {
    return this.#sublinear ? 1 + Math.log(count) : count
  }
}
