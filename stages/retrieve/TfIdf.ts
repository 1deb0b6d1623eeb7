/**
 * Cosine over tf-idf, a deliberately weak baseline:
 *
 *     weight(t, x) = tf(t, x) * (ln((1 + N) / (1 + n)) + 1)     tf = count, or 1 + ln(count) where sublinear
 *     score(q, d)  = sum of weight(t, q) weight(t, d) / (|weights of q| |weights of d|)
 *
 * with N documents, n of them with t; the norms are Euclidean, over terms of the index. Scores are rounded to 32 bits.
 */
import type { QueryTerms } from "./Bm25.ts"
import { documentFrequency, emptyPostings, type InvertedIndex, readPostings } from "./InvertedIndex.ts"
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
  readonly #postings = emptyPostings()

  constructor(index: InvertedIndex, parameters: TfIdfParameters) {
    this.#index = index
    this.#best = new Best(index.docidOrder)
    this.#sublinear = parameters.sublinear
    const documents = index.lengths.length
    const terms = index.terms.size
    this.#idf = new Float64Array(terms)
    this.#norms = new Float64Array(documents)
    this.#sums = new Float64Array(documents)
    const postings = this.#postings
    for (let term = 0; term < terms; term++) {
      const idf = Math.log((1 + documents) / (1 + documentFrequency(index, term))) + 1
      this.#idf[term] = idf
      readPostings(index, term, postings)
      for (let at = 0; at < postings.size; at++) {
        const weight = this.#tf(postings.frequencies[at]!) * idf
        this.#norms[postings.docs[at]!]! += weight * weight
      }
    }
    for (let doc = 0; doc < documents; doc++) this.#norms[doc] = Math.sqrt(this.#norms[doc]!)
  }

  /** The `k` best documents of those that score above zero. */
  search(query: QueryTerms, k: number): Hits {
    const weights = this.#weigh(query)
    if (weights.length === 0 || k < 1) return noHits
    const best = this.#best
    best.start(Math.min(k, this.#norms.length), leastCosine, greatestCosine)
    const postings = this.#postings
    const sums = this.#sums
    query.ids.forEach((term, i) => {
      const weight = weights[i]! * this.#idf[term]!
      readPostings(this.#index, term, postings)
      for (let at = 0; at < postings.size; at++) {
        sums[postings.docs[at]!]! += weight * this.#tf(postings.frequencies[at]!)
      }
    })
    for (const term of query.ids) {
      readPostings(this.#index, term, postings)
      for (let at = 0; at < postings.size; at++) {
        const doc = postings.docs[at]!
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
    const postings = this.#postings
    const sums = new Float64Array(documents.length)
    query.ids.forEach((term, i) => {
      const weight = weights[i]! * this.#idf[term]!
      readPostings(this.#index, term, postings)
      documents.forEach((doc, nth) => {
        let low = 0
        let high = postings.size
        while (low < high) {
          const middle = (low + high) >>> 1
          if (postings.docs[middle]! < doc) low = middle + 1
          else high = middle
        }
        if (low < postings.size && postings.docs[low] === doc) {
          sums[nth]! += weight * this.#tf(postings.frequencies[low]!)
        }
      })
    })
    documents.forEach((doc, nth) => {
      const sum = sums[nth]!
      best.offer(doc, sum === 0 ? 0 : Math.max(leastCosine, Math.fround(sum / this.#norms[doc]!)))
    })
    return best.hits()
  }

  /** Weights of the query's terms, of norm 1. */
  #weigh(query: QueryTerms): ReadonlyArray<number> {
    const weights = query.ids.map((term, i) => this.#tf(query.counts[i]!) * this.#idf[term]!)
    const norm = Math.sqrt(weights.reduce((sum, weight) => sum + weight * weight, 0))
    return weights.map((weight) => weight / norm)
  }

  #tf(count: number): number {
    return this.#sublinear ? 1 + Math.log(count) : count
  }
}
