import type { Judgements } from "./Judgements.ts"
import type { Measure } from "./Measure.ts"

/**
 * The best value of a measure that any reranking of `grades` can reach. Every measure here is largest with the grades
 * in descending order, documents without a judgement last: exchanging two neighbours that are out of that order never
 * lowers it. Two exceptions: infAP can fall by such an exchange, but each of its terms is largest where only relevant
 * documents stand above; nDCG with a gain map needs the gains in descending order. Set* and Num* do not depend on order.
 */
export const oracleScore = (measure: Measure, grades: Int32Array, judged: Judgements): number =>
  measure.oracle(grades, judged)
