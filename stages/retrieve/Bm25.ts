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
import { frequencyAt, type InvertedIndex, largeFrequency } from "./InvertedIndex.ts"
import { decodeLength, encodeLength } from "./SmallFloat.ts"
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

/** Documents a window spans, as a power of two: its sums stay in the processor's nearest caches. */
const windowBits = 12
const windowSize = 1 << windowBits

/** What a posting costs to add, a candidate to keep, and to look up in another term's postings: about nanoseconds. */
const addCost = 4
const candidateCost = 8
const probeCost = 30

/** Frequencies up to this are looked up, greater ones computed. */
const tabled = 15

/** What is known of a term under given parameters, gathered when a query first has it. */
interface TermFacts {
  readonly from: number
  readonly to: number
  /** Lucene's idf. */
  readonly idf: number
  readonly maxFrequency: number
  /** Greatest `1 + f / norm` over the term's postings. */
  readonly peak: number
  /** The same per window, and where each window's postings begin; absent for terms of few postings. */
  readonly peaks: Float32Array | undefined
  readonly starts: Uint32Array | undefined
  /** The distinct `1 + f / norm`, descending, and how many postings have at least that. */
  readonly levels: Float32Array
  readonly reached: Uint32Array
}

/** Lucene's idf of a term in `n` of `documents` documents. */
export const luceneIdf = (documents: number, n: number): number => f32(Math.log(1 + (documents - n + 0.5) / (n + 0.5)))

/** Searches one index with one set of parameters. It keeps scratch arrays: one search at a time. */
export class Bm25Searcher {
  readonly #index: InvertedIndex
  readonly #documents: number
  readonly #windows: number
  /** Documents of equal length (as the parameters see it) share a class; `#inverse[class]` is 1 / norm. */
  readonly #classOf: Uint8Array | Uint16Array
  readonly #classes: number
  readonly #inverse: Float32Array
  readonly #facts = new Map<number, TermFacts>()
  readonly #best: Best
  readonly #sums = new Float64Array(windowSize)
  readonly #candidates = new Int32Array(windowSize)

  constructor(index: InvertedIndex, parameters: Bm25Parameters) {
    this.#index = index
    this.#best = new Best(index.docidOrder)
    const { lengths } = index
    this.#documents = lengths.length
    this.#windows = (lengths.length + windowSize - 1) >> windowBits
    const seen = parameters.lengths === "lucene" ? roundedLengths(lengths) : exactLengths(lengths)
    this.#classOf = seen.classOf
    this.#classes = seen.values.length
    const k1 = f32(parameters.k1)
    const b = f32(parameters.b)
    const average = f32(index.totalLength / index.documentsWithTerms)
    this.#inverse = Float32Array.from(seen.values, (length) =>
      f32(1 / f32(k1 * f32(f32(1 - b) + f32(f32(b * f32(length)) / average)))),
    )
  }

  /** The `k` best documents of those that score above zero. */
  search(query: QueryTerms, k: number): Hits {
    const facts: Array<TermFacts> = []
    const weights: Array<number> = []
    const tables: Array<Float32Array> = []
    query.ids.forEach((term, i) => {
      const known = this.#facts.get(term) ?? this.#gather(term)
      const weight = f32(query.counts[i]! * known.idf)
      facts.push(known)
      weights.push(weight)
      tables.push(this.#table(weight, known.maxFrequency))
    })
    if (facts.length === 0 || k < 1) return noHits
    let floor = 0
    let lowest = Infinity
    let highest = 0
    facts.forEach((known, i) => {
      const weight = weights[i]!
      floor = Math.max(floor, contribution(weight, kth(known, k)))
      lowest = Math.min(lowest, contribution(weight, known.levels.at(-1) ?? 1))
      highest += contribution(weight, known.peak)
    })
    const best = this.#best
    best.start(Math.min(k, this.#documents), lowest, highest, floor)
    this.#sweep(facts, weights, tables, best)
    return best.hits()
  }

  #sweep(
    facts: ReadonlyArray<TermFacts>,
    weights: ReadonlyArray<number>,
    tables: ReadonlyArray<Float32Array>,
    best: Best,
  ): void {
    const docs = this.#index.docs
    const sums = this.#sums
    const candidates = this.#candidates
    const terms = facts.length
    const starts = new Float64Array(terms)
    const ends = Float64Array.from(facts, (known) => known.from)
    const bounds = new Float64Array(terms)
    const order = new Int32Array(terms)
    /**
     * By the number of terms that wait: of the postings that the others add, the share that makes a candidate, as last
     * seen. What was not seen for long is thought smaller with time, so that it is tried again.
     */
    const shares = new Float64Array(terms).fill(0.05)
    const wholeBounds = facts.map((known, i) => contribution(weights[i]!, known.peak))
    for (let window = 0; window < this.#windows; window++) {
      const base = window << windowBits
      const limit = base + windowSize
      let active = 0
      let total = 0
      for (let i = 0; i < terms; i++) {
        const known = facts[i]!
        let bound = 0
        if (known.starts !== undefined && known.peaks !== undefined) {
          const peak = known.peaks[window]!
          if (peak === 0) continue
          starts[i] = known.starts[window]!
          ends[i] = known.starts[window + 1]!
          bound = contribution(weights[i]!, peak)
        } else {
          let end = ends[i]!
          starts[i] = end
          while (end < known.to && docs[end]! < limit) end++
          if (end === starts[i]) continue
          ends[i] = end
          bound = wholeBounds[i]!
        }
        bounds[i] = bound
        total += bound
        let at = active++
        while (at > 0 && bounds[order[at - 1]!]! > bound) {
          order[at] = order[at - 1]!
          at--
        }
        order[at] = i
      }
      const floor = best.floor
      if (active === 0 || f32(total) < floor) continue
      // Terms before `essential` (in order of bound) cannot reach the floor together: they may wait until candidates are
      // known, which the others make of documents that come within `rest`, what the waiting terms can add, of the floor.
      // More waiting terms are fewer postings to add and more candidates to complete: the cheapest number is taken.
      let touched = 0
      for (let at = 0; at < active; at++) touched += ends[order[at]!]! - starts[order[at]!]!
      let essential = 0
      let rest = 0
      let others = 0
      let cheapest = touched * addCost
      for (let waiting = 1, sum = 0, left = 0; waiting < active; waiting++) {
        const i = order[waiting - 1]!
        sum += bounds[i]!
        if (f32(sum) >= floor) break
        left += ends[i]! - starts[i]!
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
      // Sums only grow: a document is a candidate from the addition that takes it over this cut. (A little below what is
      // needed, because the sum is yet to be rounded to 32 bits; `offer` looks at the rounded score.)
      const cut = Math.max(Number.MIN_VALUE, floor * (1 - 2 ** -22) - rest)
      let found = 0
      for (let at = essential; at < active; at++) {
        const i = order[at]!
        found = this.#add(starts[i]!, ends[i]!, base, weights[i]!, tables[i]!, cut, found)
      }
      if (essential > 0) shares[essential] = found / touched
      if (found > 0 && essential > 0) {
        const probing = found * essential * probeCost < others * addCost
        for (let at = essential - 1; at >= 0; at--) {
          const i = order[at]!
          if (probing) this.#probe(starts[i]!, ends[i]!, base, weights[i]!, tables[i]!, found)
          else this.#add(starts[i]!, ends[i]!, base, weights[i]!, tables[i]!, Infinity, 0)
        }
        if (!probing) {
          touched += others
          essential = 0
        }
      }
      for (let at = 0; at < found; at++) {
        const score = f32(sums[candidates[at]!]!)
        if (score >= best.floor) best.offer(base + candidates[at]!, score)
      }
      if (touched > windowSize / 8) sums.fill(0)
      else {
        for (let at = essential; at < active; at++) {
          const i = order[at]!
          const end = ends[i]!
          for (let posting = starts[i]!; posting < end; posting++) sums[docs[posting]! - base] = 0
        }
      }
    }
  }

  /** Adds a term's contributions in a window to the sums; documents that they take over the cut become candidates. */
  #add(
    from: number,
    to: number,
    base: number,
    weight: number,
    table: Float32Array,
    cut: number,
    candidatesBefore: number,
  ): number {
    const { docs, frequencies } = this.#index
    const classOf = this.#classOf
    const classes = this.#classes
    const sums = this.#sums
    const candidates = this.#candidates
    let found = candidatesBefore
    for (let posting = from; posting < to; posting++) {
      const doc = docs[posting]!
      const frequency = frequencies[posting]!
      const part =
        frequency <= tabled ? table[frequency * classes + classOf[doc]!]! : this.#contributionAt(posting, weight)
      const at = doc - base
      const before = sums[at]!
      const after = before + part
      sums[at] = after
      if (after >= cut && before < cut) candidates[found++] = at
    }
    return found
  }

  /** Adds a term's contributions to the candidates' sums alone, by binary search. */
  #probe(from: number, to: number, base: number, weight: number, table: Float32Array, found: number): void {
    const { docs, frequencies } = this.#index
    const candidates = this.#candidates
    const classOf = this.#classOf
    const classes = this.#classes
    const sums = this.#sums
    for (let at = 0; at < found; at++) {
      const doc = candidates[at]! + base
      let low = from
      let high = to
      while (low < high) {
        const middle = (low + high) >>> 1
        if (docs[middle]! < doc) low = middle + 1
        else high = middle
      }
      if (low === to || docs[low] !== doc) continue
      const frequency = frequencies[low]!
      sums[doc - base]! +=
        frequency <= tabled ? table[frequency * classes + classOf[doc]!]! : this.#contributionAt(low, weight)
    }
  }

  /** `1 + f / norm` of a posting. */
  #level(posting: number): number {
    const doc = this.#index.docs[posting]!
    return f32(1 + f32(frequencyAt(this.#index, posting) * this.#inverse[this.#classOf[doc]!]!))
  }

  #contributionAt(posting: number, weight: number): number {
    return contribution(weight, this.#level(posting))
  }

  /** Contributions of a term by frequency and length class. */
  #table(weight: number, maxFrequency: number): Float32Array {
    const classes = this.#classes
    const top = Math.min(maxFrequency, tabled)
    const table = new Float32Array((top + 1) * classes)
    for (let frequency = 1; frequency <= top; frequency++) {
      for (let k = 0; k < classes; k++) {
        table[frequency * classes + k] = contribution(weight, f32(1 + f32(frequency * this.#inverse[k]!)))
      }
    }
    return table
  }

  #gather(term: number): TermFacts {
    const { offsets, docs, frequencies } = this.#index
    const from = offsets[term]!
    const to = offsets[term + 1]!
    const classes = this.#classes
    const classOf = this.#classOf
    const dense = to - from >= this.#windows * 2
    const peaks = dense ? new Float32Array(this.#windows) : undefined
    const starts = dense ? new Uint32Array(this.#windows + 1) : undefined
    const cells = new Uint32Array((tabled + 1) * classes)
    const others: Array<number> = []
    let peak = 0
    let maxFrequency = 0
    const inverse = this.#inverse
    let posting = from
    for (let window = 0; posting < to; window++) {
      const limit = dense ? (window + 1) << windowBits : this.#documents
      if (starts !== undefined) starts[window] = posting
      let windowPeak = 0
      for (; posting < to; posting++) {
        const doc = docs[posting]!
        if (doc >= limit) break
        const frequency = frequencies[posting]!
        const k = classOf[doc]!
        let level = 0
        if (frequency <= tabled) {
          cells[frequency * classes + k]!++
          level = f32(1 + f32(frequency * inverse[k]!))
        } else {
          level = this.#level(posting)
          others.push(level)
        }
        if (frequency > maxFrequency) maxFrequency = frequency
        if (level > windowPeak) windowPeak = level
      }
      if (peaks !== undefined) peaks[window] = windowPeak
      if (windowPeak > peak) peak = windowPeak
      if (starts !== undefined && posting === to) starts.fill(to, window + 1)
    }
    const counts = new Map<number, number>()
    for (const level of others) counts.set(level, (counts.get(level) ?? 0) + 1)
    cells.forEach((count, cell) => {
      if (count === 0) return
      const level = f32(1 + f32(Math.floor(cell / classes) * inverse[cell % classes]!))
      counts.set(level, (counts.get(level) ?? 0) + count)
    })
    const levels = Float32Array.from(counts.keys()).sort().reverse()
    const reached = new Uint32Array(levels.length)
    let postings = 0
    levels.forEach((level, i) => {
      postings += counts.get(level) ?? 0
      reached[i] = postings
    })
    const facts: TermFacts = {
      from,
      to,
      idf: luceneIdf(this.#index.documentsWithTerms, to - from),
      maxFrequency: Math.min(maxFrequency, largeFrequency),
      peak,
      peaks,
      starts,
      levels,
      reached,
    }
    this.#facts.set(term, facts)
    return facts
  }
}

/** Lucene's term score from its weight and `1 + f / norm`. */
const contribution = (weight: number, level: number): number => f32(weight - f32(weight / level))

/** The `k`-th greatest level of a term's postings; 1 (which contributes nothing) where it has fewer. */
const kth = (facts: TermFacts, k: number): number => {
  const { levels, reached } = facts
  let low = 0
  let high = reached.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (reached[middle]! < k) low = middle + 1
    else high = middle
  }
  return low === reached.length ? 1 : levels[low]!
}

const roundedLengths = (lengths: Uint32Array): { readonly classOf: Uint8Array; readonly values: Array<number> } => {
  const classOf = Uint8Array.from(lengths, encodeLength)
  const used = new Uint8Array(256)
  for (const code of classOf) used[code] = 1
  const values: Array<number> = []
  const number = new Uint8Array(256)
  used.forEach((is, code) => {
    if (is === 1) number[code] = values.push(decodeLength(code)) - 1
  })
  for (let doc = 0; doc < classOf.length; doc++) classOf[doc] = number[classOf[doc]!]!
  return { classOf, values }
}

const exactLengths = (lengths: Uint32Array): { readonly classOf: Uint16Array; readonly values: Array<number> } => {
  const values = [...new Set(lengths)].sort((left, right) => left - right)
  if (values.length > 65_536) throw new RangeError(`${values.length} distinct document lengths; at most 65536 are held`)
  const number = new Map(values.map((length, i) => [length, i]))
  return { classOf: Uint16Array.from(lengths, (length) => number.get(length) ?? 0), values }
}
