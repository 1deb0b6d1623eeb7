import type { Judgements } from "./Judgements.ts"
import type { Measure } from "./Measure.ts"

/**
 * The value of a measure for one query: `grades` are those of the ranked documents, best first, `UNJUDGED` where the
 * qrels do not name the document; `judged` are the query's qrels. A query that the run misses is an empty `grades`: it
 * scores 0 in every measure but the counts of queries and of relevant documents, which do not depend on the run.
 */
export const scoreQuery = (measure: Measure, grades: Int32Array, judged: Judgements): number =>
  measure.score(grades, judged)
