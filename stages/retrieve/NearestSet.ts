/**
 * What may be among the `k` nearest of one query, by scores that are known to within an error: all that come to within twice that of
 * the k-th greatest so far. Nothing below the floor, which rises as better ones come, can be among the `k` nearest.
 */
export class NearestSet {
  floor = Number.NEGATIVE_INFINITY
  size = 0
  /** Places of passages, and their scores. */
  rows: Uint32Array
  scores: Float32Array
  readonly #k: number
  readonly #error: number

  /** @param error what a score differs at most by from the one that ranks */
  constructor(k: number, error: number) {
    this.#k = k
    this.#error = error
    const capacity = k + Math.max(512, k)
    this.rows = new Uint32Array(capacity)
    this.scores = new Float32Array(capacity)
  }

  get capacity(): number {
    return this.rows.length
  }

  /** Takes a passage whose score is not below the floor; there is room, or `cut` and `grow` make it. */
  add(row: number, score: number): void {
    this.rows[this.size] = row
    this.scores[this.size++] = score
  }

  /** Raises the floor and drops what is below it. */
  cut(): void {
    const { rows, scores, size } = this
    if (size >= this.#k) {
      const reached = kthGreatest(scores.slice(0, size), this.#k)
      this.floor = Math.max(this.floor, reached - 2 * this.#error)
    }
    let kept = 0
    for (let i = 0; i < size; i++) {
      if (scores[i]! < this.floor) continue
      rows[kept] = rows[i]!
      scores[kept++] = scores[i]!
    }
    this.size = kept
  }

  /** Twice the room, where many are too close to be told apart. */
  grow(): void {
    const rows = new Uint32Array(2 * this.capacity)
    const scores = new Float32Array(2 * this.capacity)
    rows.set(this.rows)
    scores.set(this.scores)
    this.rows = rows
    this.scores = scores
  }

  /**
   * Empties it, once what was in it is scored as it ranks.
   *
   * @param score of the k-th best passage so far, as it ranks
   */
  settle(score: number): void {
    this.size = 0
    this.floor = Math.max(this.floor, score - this.#error)
  }
}

/** The k-th greatest of some values, whose order changes: quickselect (Hoare's FIND, 1961). */
const kthGreatest = (values: Float32Array, k: number): number => {
  let low = 0
  let high = values.length - 1
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! > pivot) i++
      while (values[j]! < pivot) j--
      if (i > j) break
      const value = values[i]!
      values[i++] = values[j]!
      values[j--] = value
    }
    if (k - 1 <= j) high = j
    else if (k - 1 >= i) low = i
    else break
  }
  return values[k - 1]!
}
