/** What a test of paired differences says. */
export interface PairedTest {
  /** The test's statistic; none where it has no value. */
  readonly statistic: number | null
  /** Two-sided. */
  readonly p: number
  /** What a reader has to know of this p: which method, or why it is what it is. */
  readonly note: string | null
}

/** The sample is too small or too plain for a test; its p is defined and said. */
export const NO_DIFFERENCE: PairedTest = { statistic: null, p: 1, note: "no query differs" }
export const ONE_QUERY: PairedTest = { statistic: null, p: 1, note: "one query decides nothing" }
