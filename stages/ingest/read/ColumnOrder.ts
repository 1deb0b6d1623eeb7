interface OfQuery {
  rows: number
  last: number
}

interface Oddity {
  readonly line: number
  readonly found: string
}

/**
 * What the numbers of a column do within each query, in the order of the rows: what tells ranks from scores. Memory: a
 * pair of numbers for each query.
 */
export class ColumnOrder {
  private readonly queries = new Map<string, OfQuery>()
  private current: OfQuery | undefined
  private currentQid: string | undefined
  private whole = true
  private counting: Oddity | undefined
  private falling: Oddity | undefined
  private isRising = true
  private steps = false
  private stepsDown = true

  see(qid: string, value: number, line: number): void {
    if (qid !== this.currentQid || this.current === undefined) {
      this.current = this.queries.get(qid)
      if (this.current === undefined) {
        this.current = { rows: 0, last: 0 }
        this.queries.set(qid, this.current)
      }
      this.currentQid = qid
    }
    const { last, rows } = this.current
    if (!Number.isInteger(value) || value < 0) this.whole = false
    if (rows === 0) {
      if (value !== 0 && value !== 1) this.counting ??= { line, found: `${value} as the first of ${qid}` }
    } else {
      const found = `${value} after ${last} for ${qid}`
      if (value !== last + 1) this.counting ??= { line, found }
      if (value !== last - 1) this.stepsDown = false
      if (value > last) this.falling ??= { line, found }
      if (value <= last) this.isRising = false
      this.steps = true
    }
    this.current.rows++
    this.current.last = value
  }

  /** Whether all are whole numbers from 0 on, however they are written. */
  get isWhole(): boolean {
    return this.whole
  }

  /** Whether every query's count up by one, from 0 or 1. */
  get counts(): boolean {
    return this.counting === undefined
  }

  /** Whether none is higher than the one before in its query. */
  get falls(): boolean {
    return this.falling === undefined
  }

  /** Whether each is higher than the one before in its query, and there are such pairs. */
  get rises(): boolean {
    return this.steps && this.isRising
  }

  /** Whether every query's count down by one, to 0 or 1, and some query has two. */
  get countsDown(): boolean {
    if (!this.steps || !this.stepsDown) return false
    return [...this.queries.values()].every(({ last }) => last === 0 || last === 1)
  }

  /** The first that breaks the count. */
  get oddity(): Oddity {
    return this.counting ?? { line: 1, found: "ranks" }
  }

  /** The first that is higher than the one before. */
  get rise(): Oddity {
    return this.falling ?? this.oddity
  }
}
