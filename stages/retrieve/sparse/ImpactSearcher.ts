import { Best, type Hits, noHits } from "../TopK.ts"
import type { ImpactIndex } from "./ImpactIndex.ts"

const f32 = Math.fround

/** Documents that are summed at once: their sums stay in the processor's nearest caches. */
const windowSize = 1 << 13

/** A term: its postings `from .. to`, and the least and greatest of their weights. */
interface TermFacts {
  readonly from: number
  readonly to: number
  readonly least: number
  readonly greatest: number
}

/**
 * Scores documents by the product of their weights and the query's, as Anserini's `ImpactSimilarity` does, without idf or length: each
 * term's product rounded to 32 bits, summed in 64 bits in the order of the query's terms, rounded once.
 */
export class ImpactSearcher {
  readonly #index: ImpactIndex
  readonly #termIds: ReadonlyMap<string, number>
  readonly #facts = new Map<number, TermFacts>()
  readonly #best: Best
  readonly #sums = new Float64Array(windowSize)

  constructor(index: ImpactIndex) {
    this.#index = index
    this.#termIds = new Map(index.terms.map((term, id) => [term, id]))
    this.#best = new Best(index.docidOrder)
  }

  /**
   * The `k` best of the documents that score above zero.
   *
   * @param terms distinct
   * @param weights of 32 bits, above 0
   */
  search(terms: ReadonlyArray<string>, weights: ReadonlyArray<number>, k: number): Hits {
    const { docs, weights: impacts } = this.#index
    const asked = terms.flatMap((word, at) => {
      const term = this.#termIds.get(word)
      if (term === undefined) return []
      const facts = this.#facts.get(term) ?? this.#gather(term)
      return facts.to > facts.from ? [{ ...facts, weight: weights[at]! }] : []
    })
    if (asked.length === 0 || k < 1) return noHits
    const best = this.#best
    const documents = this.#index.docidOrder.docs.length
    let lowest = Infinity
    let highest = 0
    for (const { greatest, least, weight } of asked) {
      lowest = Math.min(lowest, f32(weight * least))
      highest += f32(weight * greatest)
    }
    best.start(Math.min(k, documents), lowest, f32(highest))
    const sums = this.#sums
    const cursors = asked.map(({ from }) => from)
    for (let base = 0; base < documents; base += windowSize) {
      const limit = base + windowSize
      let first = windowSize
      let last = -1
      for (let i = 0; i < asked.length; i++) {
        const { to, weight } = asked[i]!
        let posting = cursors[i]!
        if (posting === to || docs[posting]! >= limit) continue
        first = Math.min(first, docs[posting]! - base)
        for (; posting < to; posting++) {
          const doc = docs[posting]!
          if (doc >= limit) break
          sums[doc - base]! += f32(weight * impacts[posting]!)
        }
        last = Math.max(last, docs[posting - 1]! - base)
        cursors[i] = posting
      }
      for (let at = first; at <= last; at++) {
        const score = f32(sums[at]!)
        if (score > 0 && score >= best.floor) best.offer(base + at, score)
      }
      if (last >= first) sums.fill(0, first, last + 1)
    }
    return best.hits()
  }

  #gather(term: number): TermFacts {
    const { offsets, weights } = this.#index
    const from = offsets[term]!
    const to = offsets[term + 1]!
    let least = Infinity
    let greatest = 0
    for (let posting = from; posting < to; posting++) {
      least = Math.min(least, weights[posting]!)
      greatest = Math.max(greatest, weights[posting]!)
    }
    const facts = { from, to, least, greatest }
    this.#facts.set(term, facts)
    return facts
  }
}
