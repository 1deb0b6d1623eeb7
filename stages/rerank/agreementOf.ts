/** A query's pairs as two runs score them. */
export interface ScoredTwice {
  readonly own: ReadonlyArray<number>
  readonly reference: ReadonlyArray<number>
  /** Ranks in the runs, the least the best. */
  readonly ownRanks: ReadonlyArray<number>
  readonly referenceRanks: ReadonlyArray<number>
}

/** What of two runs is alike, as it is counted, query by query. */
export class AgreementCount {
  #told = 0
  #alike = 0
  #first = 0
  #queries = 0
  #largest = 0
  #count = 0
  #mean = 0
  #squares = 0

  add({ own, ownRanks, reference, referenceRanks }: ScoredTwice): void {
    const { length } = own
    if (length === 0) return
    this.#queries++
    if (leastAt(ownRanks) === leastAt(referenceRanks)) this.#first++
    for (let i = 0; i < length; i++) {
      const score = reference[i]!
      this.#largest = Math.max(this.#largest, Math.abs(own[i]! - score))
      // Welford's.
      const away = score - this.#mean
      this.#mean += away / ++this.#count
      this.#squares += away * (score - this.#mean)
      for (let j = 0; j < i; j++) {
        const between = score - reference[j]!
        if (between === 0) continue
        this.#told++
        if (between > 0 ? own[i]! > own[j]! : own[i]! < own[j]!) this.#alike++
      }
    }
  }

  get found() {
    return {
      pairs: this.#count,
      queries: this.#queries,
      alike: this.#told === 0 ? 1 : this.#alike / this.#told,
      first: this.#queries === 0 ? 1 : this.#first / this.#queries,
      largest: this.#largest,
      deviation: this.#count === 0 ? 0 : Math.sqrt(this.#squares / this.#count),
    }
  }
}

const leastAt = (values: ReadonlyArray<number>): number => {
  let at = 0
  for (let i = 1; i < values.length; i++) if (values[i]! < values[at]!) at = i
  return at
}
