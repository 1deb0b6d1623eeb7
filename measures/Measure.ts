import type { Judgements } from "./Judgements.ts"

/**
 * A measure with all its parameters filled in. Names and parameters are those of ir-measures; what only trec_eval has keeps
 * trec_eval's name.
 */
export interface Measure {
  /** The name without parameters: `nDCG`. */
  readonly name: string
  /**
   * The canonical name, `Name(param=value,…)@cutoff` with defaults left out and parameters in a fixed order: two spellings of one
   * measure have one, and parsing it gives the measure back.
   */
  readonly text: string
  readonly aggregation: Aggregation
  /** What the value of a query can be. */
  readonly range: MeasureRange
  /** The largest grade that its scale of gains or probabilities allows; none where any grade will do. */
  readonly largestGrade: number | null
  /** The value for one query: see `scoreQuery`. */
  readonly score: (grades: Int32Array, judged: Judgements) => number
  /** The best value that any order of the documents can have: see `oracleScore`. */
  readonly oracle: (grades: Int32Array, judged: Judgements) => number
  /**
   * The same measure with documents without a judgement dropped before ranks are counted, ir-measures' `judged_only=True`; none for
   * one that cannot, or already does.
   */
  readonly overJudged: () => Measure | null
}

/** The least and the greatest value; infinite where there is none. */
export type MeasureRange = readonly [least: number, greatest: number]

/** How the values of the queries become one figure. The geometric mean raises each value to at least 0.00001. */
export type Aggregation = "mean" | "sum" | "geometric-mean"

/** A measure's canonical name. */
export const measureName = (measure: Measure): string => measure.text

/** How the values of a measure's queries become one figure. */
export const aggregation = (measure: Measure): Aggregation => measure.aggregation
