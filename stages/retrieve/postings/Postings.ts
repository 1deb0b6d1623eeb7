/**
 * The postings of an index. Documents are seen through windows of 4,096. A common term's postings have 16 bits each, window by window: the
 * document's place in the window, and in the lowest 4 bits how often the term stands in it. A rarer term has, as varints, the distance
 * from the document before, and how often where that is more than once. Of a common term there are maxima as well (`maxima.ts`).
 */
import { encodeLength } from "../SmallFloat.ts"
import { MaximaReader, MaximaWriter } from "./maxima.ts"
import { VarintWriter } from "./Varints.ts"

/** Documents of a window, as a power of two. */
export const windowBits = 12
export const windowSize = 1 << windowBits

/** The lowest bits of a posting: the frequency, and the greatest one, which stands for what `largeFrequencies` say. */
export const frequencyBits = 4
export const largeFrequency = (1 << frequencyBits) - 1

/** How many postings a window has, on average, of a term that is common. */
const commonDensity = 4

export interface Postings {
  /** Of common terms, one behind another. */
  readonly common: Uint16Array
  /** Pairs of a place in `common` and a frequency of 15 or more, ascending. */
  readonly largeFrequencies: Uint32Array
  /** Where each common term's postings begin, and where all end. */
  readonly commonPlaces: Uint32Array
  readonly maxima: Uint8Array
  /** Where each common term's maxima begin, and where all end. */
  readonly maximaPlaces: Uint32Array
  /** Of rarer terms, one behind another. */
  readonly rare: Uint8Array
  /** Of each term: which of the common terms it is, or where it begins in `rare`. */
  readonly places: Uint32Array
}

export const windowsOf = (documents: number): number => Math.ceil(documents / windowSize)

/** In how many documents a common term stands at least. */
export const commonFrom = (documents: number): number => Math.max(1, windowsOf(documents)) * commonDensity

/** Memory for arrays, shared or not. */
export type Allocate = (bytes: number) => ArrayBuffer | SharedArrayBuffer

const unshared: Allocate = (bytes) => new ArrayBuffer(bytes)

/**
 * Where the postings of each common term begin, and where all end.
 *
 * @param offsets how many postings the terms before each have, and all
 */
export const placesOfCommon = (offsets: Uint32Array, documents: number, allocate = unshared): Uint32Array => {
  const from = commonFrom(documents)
  const places = [0]
  for (let term = 0, place = 0; term + 1 < offsets.length; term++) {
    const size = offsets[term + 1]! - offsets[term]!
    if (size < from) continue
    place += size
    places.push(place)
  }
  const all = new Uint32Array(allocate(4 * places.length))
  all.set(places)
  return all
}

/** `places` of postings, from what of them is in files. */
export const placesOfTerms = (
  offsets: Uint32Array,
  documents: number,
  rare: Uint8Array,
  allocate: Allocate,
): Uint32Array => {
  const from = commonFrom(documents)
  const places = new Uint32Array(allocate(4 * (offsets.length - 1)))
  for (let term = 0, nth = 0, at = 0; term < places.length; term++) {
    const size = offsets[term + 1]! - offsets[term]!
    if (size >= from) {
      places[term] = nth++
      continue
    }
    places[term] = at
    for (let posting = 0; posting < size; posting++) {
      const several = (rare[at]! & 1) === 1
      while (rare[at++]! > 127) {}
      if (several) while (rare[at++]! > 127) {}
    }
  }
  return places
}

/** Packs postings that come in any order of terms, each term's by document ascending. */
export class PostingsPacker {
  readonly #offsets: Uint32Array
  readonly #from: number
  readonly #windows: number
  readonly #common: Uint16Array
  readonly #commonPlaces: Uint32Array
  /** How many postings each common term has in each window. */
  readonly #counts: Uint16Array
  /** Of each term: which of the common ones it is, or `isRare` and where its next posting goes. */
  readonly #places: Uint32Array
  readonly #next: Uint32Array
  readonly #rareDocs: Int32Array
  readonly #rareFrequencies: Uint32Array
  /** Pairs of a place and a frequency, as they come. */
  #large = new Uint32Array(1024)
  #largeSize = 0

  /** @param offsets how many postings the terms before each have, and all: at most 2^30 - 1 */
  constructor(offsets: Uint32Array, documents: number) {
    this.#offsets = offsets
    this.#from = commonFrom(documents)
    this.#windows = windowsOf(documents)
    this.#commonPlaces = placesOfCommon(offsets, documents)
    const commons = this.#commonPlaces[this.#commonPlaces.length - 1]!
    this.#common = new Uint16Array(commons)
    this.#counts = new Uint16Array((this.#commonPlaces.length - 1) * this.#windows)
    this.#next = this.#commonPlaces.slice()
    const rares = offsets[offsets.length - 1]! - commons
    this.#rareDocs = new Int32Array(rares)
    this.#rareFrequencies = new Uint32Array(rares)
    this.#places = new Uint32Array(offsets.length - 1)
    for (let term = 0, nth = 0, place = isRare; term < this.#places.length; term++) {
      const size = offsets[term + 1]! - offsets[term]!
      this.#places[term] = size >= this.#from ? nth++ : place
      if (size < this.#from) place += size
    }
  }

  add(term: number, doc: number, frequency: number): void {
    const nth = this.#places[term]!
    if (nth >= isRare) {
      this.#rareDocs[nth - isRare] = doc
      this.#rareFrequencies[nth - isRare] = frequency
      this.#places[term] = nth + 1
      return
    }
    const at = this.#next[nth]!++
    this.#counts[nth * this.#windows + (doc >>> windowBits)]!++
    this.#common[at] = ((doc & (windowSize - 1)) << frequencyBits) | Math.min(frequency, largeFrequency)
    if (frequency < largeFrequency) return
    if (this.#largeSize === this.#large.length) {
      const larger = new Uint32Array(this.#largeSize * 2)
      larger.set(this.#large)
      this.#large = larger
    }
    this.#large[this.#largeSize++] = at
    this.#large[this.#largeSize++] = frequency
  }

  /**
   * The postings of what was added. The packer is spent.
   *
   * @param lengths of the documents, in terms
   */
  finish(lengths: Uint32Array): Postings {
    const largeFrequencies = this.#sortedLarge()
    const codes = Uint8Array.from(lengths, encodeLength)
    const commons = this.#commonPlaces.length - 1
    const maxima = new MaximaWriter()
    const maximaPlaces = new Uint32Array(commons + 1)
    for (let nth = 0, at = 0, large = 0; nth < commons; nth++) {
      for (let window = 0; window < this.#windows; window++) {
        const base = window << windowBits
        for (const end = at + this.#counts[nth * this.#windows + window]!; at < end; at++) {
          const posting = this.#common[at]!
          const frequency = posting & largeFrequency
          maxima.add(
            frequency < largeFrequency ? frequency : largeFrequencies[2 * large++ + 1]!,
            codes[base + (posting >>> frequencyBits)]!,
          )
        }
        maxima.endWindow()
      }
      maximaPlaces[nth + 1] = maxima.endTerm()
    }
    return {
      common: this.#common,
      largeFrequencies,
      commonPlaces: this.#commonPlaces,
      maxima: maxima.finish(),
      maximaPlaces,
      ...this.#packRare(),
    }
  }

  /** The large frequencies by place. Those of one term have come in order. */
  #sortedLarge(): Uint32Array {
    const places = this.#commonPlaces
    const next = new Uint32Array(places.length + 1)
    const termOf = new Uint32Array(this.#largeSize / 2)
    for (let i = 0; i < termOf.length; i++) {
      termOf[i] = lastNotAbove(places, this.#large[2 * i]!)
      next[termOf[i]! + 1]!++
    }
    for (let nth = 1; nth < next.length; nth++) next[nth]! += next[nth - 1]!
    const sorted = new Uint32Array(this.#largeSize)
    for (let i = 0; i < termOf.length; i++) {
      const to = 2 * next[termOf[i]!]!++
      sorted[to] = this.#large[2 * i]!
      sorted[to + 1] = this.#large[2 * i + 1]!
    }
    return sorted
  }

  #packRare(): Pick<Postings, "rare" | "places"> {
    const writer = new VarintWriter()
    for (let term = 0, at = 0; term < this.#places.length; term++) {
      const size = this.#offsets[term + 1]! - this.#offsets[term]!
      if (size >= this.#from) continue
      this.#places[term] = writer.size
      let next = 0
      for (const end = at + size; at < end; at++) {
        const doc = this.#rareDocs[at]!
        const frequency = this.#rareFrequencies[at]!
        writer.write((((doc - next) << 1) | (frequency > 1 ? 1 : 0)) >>> 0)
        if (frequency > 1) writer.write(frequency)
        next = doc + 1
      }
    }
    return { rare: writer.finish(), places: this.#places }
  }
}

const isRare = 2 ** 31

/** Which of ascending places is the last that is not above one. */
const lastNotAbove = (places: Uint32Array, place: number): number => {
  let low = 0
  let high = places.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (places[middle]! <= place) low = middle
    else high = middle - 1
  }
  return low
}

/** Where a place comes among the pairs of `largeFrequencies`: how many are before it. */
export const largeBefore = ({ largeFrequencies }: Postings, place: number): number => {
  let low = 0
  let high = largeFrequencies.length / 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (largeFrequencies[2 * middle]! < place) low = middle + 1
    else high = middle
  }
  return low
}

/** Reads `size` postings of a rarer term from a place on. */
export const readRare = (
  { rare }: Postings,
  place: number,
  size: number,
  docs: Int32Array,
  frequencies: Uint32Array,
): void => {
  let at = place
  let next = 0
  for (let i = 0; i < size; i++) {
    let byte = rare[at++]!
    let value = byte & 127
    for (let shift = 7; byte > 127; shift += 7) {
      byte = rare[at++]!
      value |= (byte & 127) << shift
    }
    const doc = next + (value >>> 1)
    next = doc + 1
    docs[i] = doc
    let frequency = 1
    if ((value & 1) === 1) {
      byte = rare[at++]!
      frequency = byte & 127
      for (let shift = 7; byte > 127; shift += 7) {
        byte = rare[at++]!
        frequency |= (byte & 127) << shift
      }
    }
    frequencies[i] = frequency
  }
}

/** Reads the postings of a common term, the nth. */
export const readCommon = (
  postings: Postings,
  nth: number,
  windows: number,
  docs: Int32Array,
  frequencies: Uint32Array,
): void => {
  const { common, commonPlaces, largeFrequencies, maxima, maximaPlaces } = postings
  const from = commonPlaces[nth]!
  const starts = new Uint32Array(windows + 1)
  const reader = new MaximaReader(maxima)
  reader.start(maximaPlaces[nth]!)
  reader.windows(windows, new Float32Array(256), starts, 0, new Float32Array(windows), 0)
  let large = largeBefore(postings, from)
  for (let window = 0; window < windows; window++) {
    for (let i = starts[window]!; i < starts[window + 1]!; i++) {
      const posting = common[from + i]!
      const frequency = posting & largeFrequency
      docs[i] = (window << windowBits) + (posting >>> frequencyBits)
      frequencies[i] = frequency < largeFrequency ? frequency : largeFrequencies[2 * large++ + 1]!
    }
  }
}
