import type { Measure } from "../Measure.ts"
import type { Judgements } from "./Judgements.ts"
import { withGains } from "./ndcg.ts"
import { scoreQuery } from "./score.ts"

/**
 * The best value of a measure that any reranking of `grades` can reach. Every measure here is largest with the grades
 * in descending order, documents without a judgement last (exchanging two neighbours that are out of that order never
 * lowers it; Set* and Num* do not depend on the order at all); nDCG with a gain map, with the gains in descending order.
 */
export const oracleScore = (measure: Measure, grades: Int32Array, judged: Judgements): number => {
  if (measure.name === "nDCG" && measure.gains !== null) {
    const plain: Measure = { ...measure, gains: null }
    return scoreQuery(plain, withGains(grades, measure.gains).sort().reverse(), {
      grades: withGains(judged.grades, measure.gains).sort().reverse(),
    })
  }
  return scoreQuery(measure, Int32Array.from(grades).sort().reverse(), judged)
}
