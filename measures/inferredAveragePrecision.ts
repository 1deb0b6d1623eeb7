import { countRelevant, type Judgements, UNJUDGED } from "./Judgements.ts"
import { defineMeasure, plain, share } from "./MeasureDefinition.ts"

/** trec_eval's smoothing of the share of relevant documents among the judged ones. */
const EPSILON = 0.00001

/**
 * Inferred average precision for a sampled pool: a negative grade is a document in the pool that was not judged, and is
 * taken to be relevant as often as the judged documents above it; a document outside the pool is not relevant.
 *
 * Yilmaz and Aslam, CIKM 2006, as trec_eval computes it.
 */
export const inferredAveragePrecision = (grades: Int32Array, judged: Judgements, rel: number): number => {
  const relevant = countRelevant(judged, rel)
  if (relevant === 0) return 0
  let relevantAbove = 0
  let otherAbove = 0
  let unjudgedAbove = 0
  let sum = 0
  for (let above = 0; above < grades.length; above++) {
    const grade = grades[above]!
    if (grade === UNJUDGED) continue
    if (grade < 0) unjudgedAbove++
    else if (grade < rel) otherAbove++
    else {
      const pooled = relevantAbove + otherAbove + unjudgedAbove
      const share = (relevantAbove + EPSILON) / (relevantAbove + otherAbove + 2 * EPSILON)
      sum += above === 0 ? 1 : 1 / (above + 1) + (above / (above + 1)) * (pooled / above) * share
      relevantAbove++
    }
  }
  return sum / relevant
}

export const infAP = defineMeasure({
  ...plain,
  name: "infAP",
  description: "Average precision inferred from a sampled pool",
  range: share,
  trecNames: [{ name: "infAP" }],
  score: ({ rel }, grades, judged) => inferredAveragePrecision(grades, judged, rel),
})
