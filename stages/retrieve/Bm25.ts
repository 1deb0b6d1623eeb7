/**
 * BM25 as Lucene 9 computes it (`BM25Similarity`, `BooleanQuery` of `SHOULD` clauses), to the last bit of its 32-bit
 * scores:
 *
 *     idf(t)      = ln(1 + (N - n + 0.5) / (n + 0.5))             N documents with terms, n of them with t
 *     score(t, d) = w - w / (1 + f / (k1 (1 - b + b |d| / avgdl)))   w = times t stands in the query * idf(t)
 *
 * each step in 32-bit arithmetic, summed over terms in 64 bits and rounded once. There is no factor k1 + 1.
 *
 * The search goes through the documents window by window with MaxScore: terms whose greatest contributions in the window
 * cannot together reach the k-th best score so far do not bring in documents, they only complete the scores of those
 * that others bring in. Its result equals that of scoring every document.
 */
import { Analyzer, noMoreTerms, unknownTerm } from "./Analyzer.ts"
import { analysisNamed } from "./analyses.ts"
import type { InvertedIndex } from "./InvertedIndex.ts"
import { exactLengths, roundedLengths } from "./postings/LengthClasses.ts"
import { Sums } from "./postings/Sums.ts"
import { blockWindows, TermWindows } from "./postings/TermWindows.ts"
import { Best, type Hits, noHits } from "./TopK.ts"

export interface Bm25Parameters {
  /** Saturation of term frequency, 0 or more. */
  readonly k1: number
  /** Weight of document length, 0 to 1. */
  readonly b: number
  /** `lucene`: lengths as Lucene keeps them, in one byte (exact to 39). `exact`: as they are. */
  readonly lengths: "lucene" | "exact"
}

/** Anserini's parameters. */
export const defaultBm25: Bm25Parameters = { k1: 0.9, b: 0.4, lengths: "lucene" }

/** Distinct terms of a query, with how many times each stands in it. */
export interface QueryTerms {
  readonly ids: ReadonlyArray<number>
  readonly counts: ReadonlyArray<number>
}

/** Turns query texts into terms of an index. */
export const queryAnalyzer = (index: InvertedIndex): ((text: string) => QueryTerms) => {
  const analyzer = new Analyzer(analysisNamed(index.analyzer), { terms: index.terms, grow: false })
  return (text) => {
    const counts = new Map<number, number>()
    analyzer.reset(text)
    for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
      if (term !== unknownTerm) counts.set(term, (counts.get(term) ?? 0) + 1)
    }
    return { ids: [...counts.keys()], counts: [...counts.values()] }
  }
}

const f32 = Math.fround

/** What a posting costs to add, a candidate to keep, and to look up in another term's postings: about nanoseconds. */
const addCost = 2
const candidateCost = 6
const probeCost = 12

/** Of more postings than these, sums are cleared all at once. */
const clearedOneByOne = 400

/** Every how manieth block of windows is looked at in one go through the collection. */
const blockStride = 8

/** Of fewer results than these no floor is guessed: a sample holds too few of them. */
const guessedFrom = 200

/** How much greater the share of the best is thought, for a guess, than that of the blocks seen: what samples differ by. */
const guessMargin = 1 / 12

/** Lucene's idf of a term in `n` of `documents` documents. */
export const luceneIdf = (documents: number, n: number): number => f32(Math.log(1 + (documents - n + 0.5) / (n + 0.5)))

/** 1 / norm of a document of an index by its length: Lucene's 1 / (k1 · (1 − b + b · length / mean)), each step in 32 bits. */
export const inverseNorm = (
  { documentsWithTerms, totalLength }: InvertedIndex,
  parameters: Bm25Parameters,
): ((length: number) => number) => {
  const k1 = f32(parameters.k1)
  const b = f32(parameters.b)
  const average = f32(totalLength / documentsWithTerms)
  return (length) => f32(1 / f32(k1 * f32(f32(1 - b) + f32(f32(b * f32(length)) / average))))
}

/** Searches one index with one set of parameters. It keeps scratch arrays: one search at a time. */
export class Bm25Searcher {
  readonly #index: InvertedIndex
  readonly #best: Best
  readonly #sums: Sums
  readonly #terms: TermWindows
  #searches = 0
  /** Searches whose guess of the floor was wrong. */
  #failures = 0

  constructor(index: InvertedIndex, parameters: Bm25Parameters) {
    this.#index = index
    this.#best = new Best(index.docidOrder)
    const inverse = inverseNorm(index, parameters)
    const lengths = (parameters.lengths === "lucene" ? roundedLengths : exactLengths)(index.lengths, inverse)
    this.#sums = new Sums(lengths)
    this.#terms = new TermWindows(index, lengths, this.#sums)
  }

  /** The `k` best documents of those that score above zero. */
  search(query: QueryTerms, k: number): Hits {
    const count = query.ids.length
    if (count === 0 || k < 1) return noHits
    const { documentsWithTerms, offsets } = this.#index
    const weights = Float32Array.from(query.ids, (term, i) =>
      f32(query.counts[i]! * luceneIdf(documentsWithTerms, offsets[term + 1]! - offsets[term]!)),
    )
    const terms = this.#terms
    terms.open(query.ids, weights, k)
    const best = this.#best
    const wanted = Math.min(k, this.#index.lengths.length)
    best.start(wanted, terms.lowest, terms.highest, terms.floor)
    // Guesses that fail cost a second search: where they often do, there are no more.
    const guesses = k >= guessedFrom && this.#failures * 8 <= this.#searches
    this.#searches++
    this.#sweep(count, best, guesses ? wanted : 0)
    if (!best.holds()) {
      this.#failures++
      best.start(wanted, terms.lowest, terms.highest, Math.max(terms.floor, best.reached()))
      this.#sweep(count, best, 0)
    }
    return best.hits()
  }

  /**
   * Goes through the windows, every eighth block of them first: these are a sample of the collection, by whose scores the floor is guessed.
   *
   * @param guessed how many best documents the floor is guessed for; 0 for none
   */
  #sweep(terms: number, best: Best, guessed: number): void {
    const { bounds, large, starts, totals, windows } = this.#terms
    const sums = this.#sums
    const order = new Int32Array(terms)
    /** Of each term's large frequencies, the first that is not behind. */
    const nextLarge = new Uint32Array(terms)
    /**
     * By the number of terms that wait: of the postings that the others add, the share that makes a candidate, as last
     * seen. What was not seen for long is thought smaller with time, so that it is tried again.
     */
    const shares = new Float64Array(terms).fill(0.05)
    const blocks = Math.ceil(windows / blockWindows)
    let check = 1 / 32
    for (let nth = 0, next = 0, offset = 0; nth < blocks; nth++, next += blockStride) {
      if (next >= blocks) next = ++offset
      if (guessed > 0 && nth >= check * blocks) {
        best.guess(Math.ceil(guessed * (nth / blocks + guessMargin)))
        check *= 2
      }
      const block = next * blockWindows
      const blockEnd = Math.min(windows, block + blockWindows)
      let begun = false
      for (let window = block; window < blockEnd; window++) {
        const total = totals[window]!
        const floor = best.floor
        if (total === 0 || f32(total) < floor) continue
        if (!begun) {
          begun = true
          large.forEach((all, i) => {
            nextLarge[i] = firstOf(all, starts[i * (windows + 1) + block]!)
          })
        }
        let active = 0
        let touched = 0
        for (let i = 0, at = window; i < terms; i++, at += windows) {
          const bound = bounds[at]!
          const start = at + i
          const size = starts[start + 1]! - starts[start]!
          if (size === 0) continue
          touched += size
          let to = active++
          while (to > 0 && bounds[order[to - 1]! * windows + window]! > bound) {
            order[to] = order[to - 1]!
            to--
          }
          order[to] = i
        }
        // Terms before `essential` (in order of bound) cannot reach the floor together: they may wait until candidates are
        // known, which the others make of documents that come within `rest`, what the waiting terms can add, of the floor.
        // More waiting terms are fewer postings to add and more candidates to complete: the cheapest number is taken.
        let essential = 0
        let rest = 0
        let others = 0
        let cheapest = touched * addCost
        for (let waiting = 1, sum = 0, left = 0; waiting < active; waiting++) {
          const i = order[waiting - 1]!
          const at = i * windows + window
          sum += bounds[at]!
          if (f32(sum) >= floor) break
          left += starts[at + i + 1]! - starts[at + i]!
          const expected = shares[waiting]! * (touched - left)
          const cost =
            (touched - left) * addCost +
            expected * candidateCost +
            Math.min(left * addCost, expected * waiting * probeCost)
          shares[waiting]! *= 0.97
          if (cost >= cheapest) continue
          cheapest = cost
          essential = waiting
          rest = sum
          others = left
        }
        touched -= others
        // Sums only grow: a document is a candidate from the addition that takes it to this cut. (A little below what is
        // needed, because the sum is yet to be rounded to 32 bits; the rounded score is looked at in the end.)
        const cut = Math.max(Number.MIN_VALUE, floor * (1 - 2 ** -22) - rest)
        sums.start()
        let strewn = touched > clearedOneByOne
        for (let at = essential; at < active; at++) {
          const i = order[at]!
          const start = i * (windows + 1) + window
          this.#terms.load(i, block)
          sums.add(i, starts[start]!, starts[start + 1]!, window, cut)
          if (large[i]!.length > 0) this.#addLarge(i, starts[start]!, starts[start + 1]!, window, cut, nextLarge)
        }
        const found = sums.candidates
        if (essential > 0) shares[essential] = found / touched
        if (found > 0 && essential > 0) {
          const probing = found * essential * probeCost < others * addCost
          for (let at = essential - 1; at >= 0; at--) {
            const i = order[at]!
            const start = i * (windows + 1) + window
            this.#terms.load(i, block)
            if (probing) sums.probe(i, starts[start]!, starts[start + 1]!, window)
            else sums.add(i, starts[start]!, starts[start + 1]!, window, Infinity)
            if (large[i]!.length === 0) continue
            this.#addLarge(i, starts[start]!, starts[start + 1]!, window, Infinity, nextLarge)
            strewn = true
          }
          strewn ||= !probing
        }
        if (found > 0) sums.offer(best, window)
        if (strewn) sums.clearAll()
        else {
          for (let at = essential; at < active; at++) {
            const start = order[at]! * (windows + 1) + window
            sums.clear(order[at]!, starts[start]!, starts[start + 1]!)
          }
        }
      }
    }
  }

  /** Adds the contributions of a term's postings `from .. to` that are of large frequencies. */
  #addLarge(term: number, from: number, to: number, window: number, cut: number, nextLarge: Uint32Array): void {
    const large = this.#terms.large[term]!
    let next = nextLarge[term]!
    while (next < large.length && large[next]! < from) next += 2
    for (; next < large.length && large[next]! < to; next += 2) {
      this.#sums.addOne(term, large[next]!, large[next + 1]!, window, cut)
    }
    nextLarge[term] = next
  }
}

/** The first of pairs whose posting is not before one. */
const firstOf = (pairs: Uint32Array, posting: number): number => {
  let low = 0
  let high = pairs.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (pairs[2 * middle]! < posting) low = middle + 1
    else high = middle
  }
  return 2 * low
}
