import { compareDocids, type Docids } from "./InvertedIndex.ts"

/** Documents by score descending, then by the bytes of their docids descending. */
export interface Hits {
  readonly docs: Int32Array
  readonly scores: Float32Array
}

export const noHits: Hits = { docs: new Int32Array(0), scores: new Float32Array(0) }

/** The best `k` documents of those offered, in bounded memory: what can no longer be among them is cut from time to time. */
export class Best {
  /** No document below this score is among the best. */
  floor = 0
  readonly #docids: Docids
  readonly #k: number
  readonly #scores: Float32Array
  readonly #docs: Int32Array
  #size = 0
  /** The k-th document, once there is one: at the floor's score, docids before its own are out. */
  #last = -1

  constructor(docids: Docids, k: number) {
    this.#docids = docids
    this.#k = k
    const room = k + Math.max(256, k >> 1)
    this.#scores = new Float32Array(room)
    this.#docs = new Int32Array(room)
  }

  offer(doc: number, score: number): void {
    if (score < this.floor) return
    if (score === this.floor && this.#last >= 0 && compareDocids(this.#docids, doc, this.#last) < 0) return
    if (this.#size === this.#scores.length) {
      this.#cut()
      this.offer(doc, score)
      return
    }
    this.#scores[this.#size] = score
    this.#docs[this.#size++] = doc
  }

  hits(): Hits {
    if (this.#size > this.#k) this.#cut()
    const n = this.#size
    // One 64-bit number each, the score's bits above the place: the built-in sort needs no comparator.
    const bits = new Uint32Array(this.#scores.buffer)
    const room = 2 ** 21
    const places = Math.max(1, Math.ceil(n / room))
    const keys = new Float64Array(n)
    const docs = new Int32Array(n)
    const scores = new Float32Array(n)
    if (places === 1) {
      for (let i = 0; i < n; i++) keys[i] = bits[i]! * room + i
      keys.sort()
      for (let i = 0; i < n; i++) {
        const at = keys[n - 1 - i]! % room
        docs[i] = this.#docs[at]!
        scores[i] = this.#scores[at]!
      }
    } else {
      const order = Array.from({ length: n }, (_, i) => i)
      order.sort((left, right) => this.#scores[right]! - this.#scores[left]!)
      order.forEach((at, i) => {
        docs[i] = this.#docs[at]!
        scores[i] = this.#scores[at]!
      })
    }
    for (let from = 0; from < n; ) {
      let to = from + 1
      while (to < n && scores[to] === scores[from]) to++
      if (to - from > 1) {
        const tied = Array.from(docs.subarray(from, to))
        docs.set(
          tied.sort((left, right) => compareDocids(this.#docids, right, left)),
          from,
        )
      }
      from = to
    }
    return { docs, scores }
  }

  /** Leaves the best k, and raises the floor to the worst of them. */
  #cut(): void {
    const k = this.#k
    let low = 0
    let high = this.#size - 1
    while (low < high) {
      const pivotAt = (low + high) >>> 1
      this.#swap(pivotAt, high)
      let edge = low
      for (let i = low; i < high; i++) if (this.#before(i, high)) this.#swap(i, edge++)
      this.#swap(edge, high)
      if (edge === k - 1) break
      if (edge < k - 1) low = edge + 1
      else high = edge - 1
    }
    this.#size = k
    this.floor = this.#scores[k - 1]!
    this.#last = this.#docs[k - 1]!
  }

  #before(left: number, right: number): boolean {
    const difference = this.#scores[left]! - this.#scores[right]!
    if (difference !== 0) return difference > 0
    return compareDocids(this.#docids, this.#docs[left]!, this.#docs[right]!) > 0
  }

  #swap(i: number, j: number): void {
    const scores = this.#scores
    const docs = this.#docs
    const score = scores[i]!
    const doc = docs[i]!
    scores[i] = scores[j]!
    docs[i] = docs[j]!
    scores[j] = score
    docs[j] = doc
  }
}
