/** The terms of a query, seen through windows: where each one's postings lie and what they can contribute. */
import type { InvertedIndex } from "../InvertedIndex.ts"
import type { LengthClasses } from "./LengthClasses.ts"
import { LevelCounts, MaximaReader } from "./maxima.ts"
import {
  commonFrom,
  frequencyBits,
  largeBefore,
  largeFrequency,
  readRare,
  windowBits,
  windowSize,
  windowsOf,
} from "./Postings.ts"
import { contribution, type Sums } from "./Sums.ts"

/** Windows whose postings are in memory at once. */
export const blockWindows = 16

export class TermWindows {
  readonly windows: number
  /** By term, `windows + 1` each: where a window's postings begin among the term's. */
  starts = new Uint32Array(0)
  /** By term, `windows` each: the greatest contribution in a window; 0 where there is none. */
  bounds = new Float32Array(0)
  /** What all terms together contribute in each window, at most. */
  readonly totals: Float64Array
  /** The least and the greatest that a document of a result can score. */
  lowest = 0
  highest = 0
  /** What at least `k` documents score; 0 where that is not known. */
  floor = 0
  /** By term: pairs of a posting's place among the term's, and its frequency of 15 or more, ascending. */
  large: Array<Uint32Array> = []

  readonly #index: InvertedIndex
  readonly #sums: Sums
  readonly #lengths: Pick<LengthClasses, "greatest" | "least">
  readonly #lowestLevel: number
  readonly #reader: MaximaReader
  readonly #levels = new LevelCounts()
  readonly #common: number
  /** By term: where a common one's postings begin in the index; -1 for a rarer one. */
  #from: Array<number> = []
  /** By term: the first window of the block whose postings are in memory. */
  #loaded: Array<number> = []
  #docs = new Int32Array(0)
  #frequencies = new Uint32Array(0)
  #packed = new Uint16Array(0)

  constructor(index: InvertedIndex, lengths: LengthClasses, sums: Sums) {
    this.#index = index
    this.#sums = sums
    this.#lengths = { greatest: lengths.greatest, least: lengths.least }
    this.#lowestLevel = Math.fround(1 + lengths.inverses.reduce((least, inverse) => Math.min(least, inverse), Infinity))
    this.#reader = new MaximaReader(index.postings.maxima)
    this.#common = commonFrom(index.lengths.length)
    this.windows = windowsOf(index.lengths.length)
    this.totals = new Float64Array(this.windows)
  }

  /** Begins a query of distinct terms, for the `k` best. */
  open(terms: ReadonlyArray<number>, weights: Float32Array, k: number): void {
    const { windows } = this
    if (this.bounds.length < terms.length * windows) {
      this.starts = new Uint32Array(terms.length * (windows + 1))
      this.bounds = new Float32Array(terms.length * windows)
    }
    this.totals.fill(0)
    this.lowest = Infinity
    this.highest = 0
    this.floor = 0
    this.large = []
    this.#from = []
    this.#loaded = []
    this.#sums.begin()
    const { bounds, totals } = this
    terms.forEach((term, i) => {
      const weight = weights[i]!
      const size = this.#index.offsets[term + 1]! - this.#index.offsets[term]!
      const kth =
        size < this.#common ? this.#openRare(i, term, weight, size, k) : this.#openCommon(i, term, weight, size, k)
      let peak = 0
      for (let window = 0, at = i * windows; window < windows; window++, at++) {
        const level = bounds[at]!
        if (level === 0) continue
        if (level > peak) peak = level
        const bound = contribution(weight, level)
        bounds[at] = bound
        totals[window]! += bound
      }
      this.floor = Math.max(this.floor, contribution(weight, kth))
      this.lowest = Math.min(this.lowest, contribution(weight, this.#lowestLevel))
      this.highest += contribution(weight, peak)
    })
  }

  /** Brings a term's postings of a block of windows into memory, if they are not there. */
  load(i: number, block: number): void {
    if (this.#loaded[i] === block || this.#from[i]! < 0) return
    this.#loaded[i] = block
    const { starts, windows } = this
    const from = this.#from[i]!
    const at = i * (windows + 1)
    const first = starts[at + block]!
    const end = starts[at + Math.min(windows, block + blockWindows)]!
    this.#sums.load(i, this.#index.postings.common.subarray(from + first, from + end), first)
  }

  /** Leaves levels in `bounds`, and returns one that at least k postings have. */
  #openCommon(i: number, term: number, weight: number, size: number, k: number): number {
    const { starts, windows } = this
    const { commonPlaces, largeFrequencies, maximaPlaces, places } = this.#index.postings
    const nth = places[term]!
    const from = commonPlaces[nth]!
    const reader = this.#reader
    reader.start(maximaPlaces[nth]!)
    reader.windows(windows, this.#lengths.greatest, starts, i * (windows + 1), this.bounds, i * windows)
    let room = 0
    for (let block = 0, at = i * (windows + 1); block < windows; block += blockWindows) {
      const end = Math.min(windows, block + blockWindows)
      room = Math.max(room, starts[at + end]! - starts[at + block]!)
    }
    this.#sums.take(weight, reader.greatest, room)
    this.#from.push(from)
    this.#loaded.push(-1)
    if (reader.greatest < largeFrequency) this.large.push(none)
    else {
      const first = largeBefore(this.#index.postings, from)
      const end = largeBefore(this.#index.postings, from + size)
      const large = largeFrequencies.slice(2 * first, 2 * end)
      for (let at = 0; at < large.length; at += 2) large[at]! -= from
      this.large.push(large)
    }
    if (size < k) return 1
    this.#levels.clear()
    reader.levels(this.#lengths.least, this.#levels)
    return this.#levels.kth(k)
  }

  #openRare(i: number, term: number, weight: number, size: number, k: number): number {
    const { bounds, starts, windows } = this
    const { postings } = this.#index
    if (this.#docs.length < size) {
      this.#docs = new Int32Array(size)
      this.#frequencies = new Uint32Array(size)
      this.#packed = new Uint16Array(size)
    }
    const docs = this.#docs
    const frequencies = this.#frequencies
    const packed = this.#packed
    readRare(postings, postings.places[term]!, size, docs, frequencies)
    const large: Array<number> = []
    const counted = size >= k
    if (counted) this.#levels.clear()
    let greatest = 0
    const first = i * (windows + 1)
    let window = 0
    starts[first] = 0
    bounds.fill(0, i * windows, (i + 1) * windows)
    for (let at = 0; at < size; at++) {
      const doc = docs[at]!
      const frequency = frequencies[at]!
      while (doc >>> windowBits > window) starts[first + ++window] = at
      packed[at] = ((doc & (windowSize - 1)) << frequencyBits) | Math.min(frequency, largeFrequency)
      if (frequency >= largeFrequency) large.push(at, frequency)
      if (frequency > greatest) greatest = frequency
      const level = this.#sums.level(doc, frequency)
      if (level > bounds[i * windows + window]!) bounds[i * windows + window] = level
      if (counted) this.#levels.add(level, 1)
    }
    starts.fill(size, first + window + 1, first + windows + 1)
    this.#sums.take(weight, greatest, size)
    this.#sums.load(i, packed.subarray(0, size), 0)
    this.#from.push(-1)
    this.#loaded.push(-1)
    this.large.push(large.length === 0 ? none : Uint32Array.from(large))
    return counted ? this.#levels.kth(k) : 1
  }
}

const none = new Uint32Array(0)
