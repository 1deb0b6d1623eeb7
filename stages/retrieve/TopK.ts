import type { DocidOrder } from "./docidOrder.ts"

/** Documents by score descending, then by the bytes of their docids descending. */
export interface Hits {
  readonly docs: Int32Array
  readonly scores: Float32Array
}

export const noHits: Hits = { docs: new Int32Array(0), scores: new Float32Array(0) }

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)

/** The bits of a 32-bit float as an integer; their order is that of the floats from 0 up. */
const bitsOf = (score: number): number => {
  float[0] = score
  return floatBits[0]!
}

const exactIntegers = 2 ** 53

/**
 * The best `k` of the documents offered. A score and its document are kept as one number, (bits of the score - bits of the
 * lowest) * room + document, so that selecting and sorting need no comparator; the order of docids is looked up where
 * scores are equal and it decides.
 */
export class Best {
  /** No document below this score is among the best. */
  floor = 0
  readonly #order: DocidOrder
  readonly #room: number
  #keys = new Float64Array(0)
  /** Scratch: places of documents of one score in the order of docids. */
  #places = new Float64Array(0)
  #k = 0
  #size = 0
  #base = 0
  /** Among documents at the floor's score, those whose docids come before this place are out. */
  #floorRank = 0
  /** The score that is guessed to be reached by k, as in keys; 0 where none is. */
  #guessed = 0

  constructor(order: DocidOrder) {
    this.#order = order
    this.#room = 2 ** Math.ceil(Math.log2(Math.max(2, order.ranks.length)))
  }

  /**
   * Begins anew: the `k` best, given that no score offered is below `lowest` (but may be 0) or above `highest`, and that
   * at least `k` documents score `floor` or more, where it is above 0.
   *
   * @throws RangeError where scores could lie so far apart that they do not fit: a ratio of 2^60 with 16 million documents.
   */
  start(k: number, lowest: number, highest: number, floor = 0): void {
    this.#k = k
    const capacity = k + Math.max(512, k)
    if (this.#keys.length < capacity) {
      this.#keys = new Float64Array(capacity)
      this.#places = new Float64Array(capacity)
    }
    this.#size = 0
    this.#base = Math.max(0, bitsOf(lowest) - 1)
    if ((bitsOf(highest) - this.#base + 1) * this.#room > exactIntegers) {
      throw new RangeError(
        `Scores from ${lowest} to ${highest} of ${this.#order.ranks.length} documents cannot be ordered`,
      )
    }
    this.floor = floor
    this.#floorRank = 0
    this.#guessed = 0
  }

  offer(doc: number, score: number): void {
    if (this.#isOut(doc, score)) return
    if (this.#size === this.#keys.length) {
      this.#cut()
      if (this.#isOut(doc, score)) return
    }
    this.#keys[this.#size++] = (score === 0 ? 0 : bitsOf(score) - this.#base) * this.#room + doc
  }

  /**
   * Takes it that at least `k` documents score as the `rank`-th of those offered so far, where there are so many: what scores less is
   * left out from now on. Whether that was right, `holds` says in the end.
   */
  guess(rank: number): void {
    if (rank < 1 || this.#size < rank) return
    const above = Math.floor(selectGreatest(this.#keys, this.#size, rank) / this.#room)
    const score = this.#scoreOf(above)
    if (score <= this.floor) return
    this.#guessed = above
    this.floor = score
    this.#floorRank = 0
  }

  /** Whether nothing was left out that is among the best. */
  holds(): boolean {
    if (this.#guessed === 0) return true
    let reached = 0
    for (let i = 0; i < this.#size; i++) if (this.#keys[i]! >= this.#guessed * this.#room) reached++
    return reached >= this.#k
  }

  /** A score that at least `k` documents offered have; 0 where there are not so many. */
  reached(): number {
    if (this.#size < this.#k) return 0
    return this.#scoreOf(Math.floor(selectGreatest(this.#keys, this.#size, this.#k) / this.#room))
  }

  hits(): Hits {
    if (this.#size > this.#k) this.#cut()
    const n = this.#size
    const { ranks } = this.#order
    const docs = new Int32Array(n)
    const scores = new Float32Array(n)
    const bits = new Uint32Array(scores.buffer)
    for (let i = 0; i < n; i++) {
      const key = this.#keys[i]!
      const above = Math.floor(key / this.#room)
      docs[i] = key - above * this.#room
      bits[i] = above === 0 ? 0 : above + this.#base
    }
    sortDescending(bits, docs)
    for (let from = 0; from < n; ) {
      let to = from + 1
      while (to < n && bits[to] === bits[from]) to++
      if (to - from > 1) {
        const places = this.#places
        for (let i = from; i < to; i++) places[i - from] = ranks[docs[i]!]!
        sortAscending(places, to - from)
        for (let i = from; i < to; i++) docs[i] = this.#order.docs[places[to - 1 - i]!]!
      }
      from = to
    }
    return { docs, scores }
  }

  #isOut(doc: number, score: number): boolean {
    return score < this.floor || (score === this.floor && this.#order.ranks[doc]! < this.#floorRank)
  }

  #scoreOf(above: number): number {
    floatBits[0] = above === 0 ? 0 : above + this.#base
    return float[0]!
  }

  /** Leaves the best k, and raises the floor to the worst of them. */
  #cut(): void {
    const keys = this.#keys
    const size = this.#size
    const room = this.#room
    const k = this.#k
    const worst = Math.floor(selectGreatest(keys, size, k) / room)
    // All at the worst score to the end, then those of them that stay by the order of their docids.
    let kept = 0
    for (let i = 0; i < size; i++) {
      const key = keys[i]!
      if (key < (worst + 1) * room) continue
      keys[i] = keys[kept]!
      keys[kept++] = key
    }
    const { ranks, docs } = this.#order
    const places = this.#places
    let tied = 0
    for (let i = kept; i < size; i++) {
      if (keys[i]! >= worst * room) places[tied++] = ranks[keys[i]! - worst * room]!
    }
    sortAscending(places, tied)
    const first = tied - (k - kept)
    for (let i = first; i < tied; i++) keys[kept++] = worst * room + docs[places[i]!]!
    this.#size = k
    const floor = this.#scoreOf(worst)
    // A guess may be above the k-th best.
    if (floor < this.floor) return
    this.floor = floor
    this.#floorRank = places[first]!
  }
}

const digitBits = 11
const digits = 1 << digitBits

/** Sorts by keys descending, digit by digit: a sort by comparison costs ten times as much. */
const sortDescending = (keys: Uint32Array, values: Int32Array): void => {
  const n = keys.length
  let greatest = 0
  let least = 2 ** 32
  for (let i = 0; i < n; i++) {
    greatest = Math.max(greatest, keys[i]!)
    least = Math.min(least, keys[i]!)
  }
  let [fromKeys, fromValues]: [Uint32Array, Int32Array] = [keys, values]
  let [toKeys, toValues]: [Uint32Array, Int32Array] = [new Uint32Array(n), new Int32Array(n)]
  const places = new Uint32Array(digits)
  for (let shift = 0; n > 1 && (greatest - least) >>> shift > 0; shift += digitBits) {
    places.fill(0)
    for (let i = 0; i < n; i++) places[((greatest - fromKeys[i]!) >>> shift) & (digits - 1)]!++
    for (let digit = 0, place = 0; digit < digits; digit++) {
      const count = places[digit]!
      places[digit] = place
      place += count
    }
    for (let i = 0; i < n; i++) {
      const place = places[((greatest - fromKeys[i]!) >>> shift) & (digits - 1)]!++
      toKeys[place] = fromKeys[i]!
      toValues[place] = fromValues[i]!
    }
    ;[fromKeys, toKeys] = [toKeys, fromKeys]
    ;[fromValues, toValues] = [toValues, fromValues]
    if (shift + digitBits > 31) break
  }
  if (fromKeys === keys) return
  keys.set(fromKeys)
  values.set(fromValues)
}

/** Sorts `values[0 .. size)`. */
const sortAscending = (values: Float64Array, size: number): void => {
  if (size > 32) {
    values.subarray(0, size).sort()
    return
  }
  for (let i = 1; i < size; i++) {
    const value = values[i]!
    let j = i
    while (j > 0 && values[j - 1]! > value) {
      values[j] = values[j - 1]!
      j--
    }
    values[j] = value
  }
}

/** Moves the `k` greatest of `keys[0 .. size)` to the front and returns the least of them. No two are equal. */
const selectGreatest = (keys: Float64Array, size: number, k: number): number => {
  let low = 0
  let high = size - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    const [a, b, c] = [keys[low]!, keys[middle]!, keys[high]!]
    const pivot = a > b ? (b > c ? b : a > c ? c : a) : a > c ? a : b > c ? c : b
    let i = low
    let j = high
    while (i <= j) {
      while (keys[i]! > pivot) i++
      while (keys[j]! < pivot) j--
      if (i > j) break
      const key = keys[i]!
      keys[i++] = keys[j]!
      keys[j--] = key
    }
    if (k - 1 <= j) high = j
    else if (k - 1 >= i) low = i
    else break
  }
  let least = keys[0]!
  for (let i = 1; i < k; i++) if (keys[i]! < least) least = keys[i]!
  return least
}
