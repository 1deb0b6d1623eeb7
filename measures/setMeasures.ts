import { countRelevant, type Judgements } from "./Judgements.ts"
import { relevantAt } from "./precision.ts"

/** How many documents are retrieved, or retrieved and judged. */
const countRetrieved = (grades: Int32Array, judgedOnly: boolean): number => {
  if (!judgedOnly) return grades.length
  let count = 0
  for (let i = 0; i < grades.length; i++) if (grades[i]! >= 0) count++
  return count
}

const relevantRetrieved = (grades: Int32Array, rel: number): number =>
  relevantAt(grades, Number.POSITIVE_INFINITY, rel, false)

/** Precision of the whole run, or its share of the largest precision possible at its size where `relative`. */
export const setPrecision = (
  grades: Int32Array,
  judged: Judgements,
  rel: number,
  relative: boolean,
  judgedOnly: boolean,
): number => {
  const retrieved = countRetrieved(grades, judgedOnly)
  const possible = relative ? Math.min(retrieved, countRelevant(judged, rel)) : retrieved
  return possible === 0 ? 0 : relevantRetrieved(grades, rel) / possible
}

/** Recall of the whole run. */
export const setRecall = (grades: Int32Array, judged: Judgements, rel: number): number => {
  const relevant = countRelevant(judged, rel)
  return relevant === 0 ? 0 : relevantRetrieved(grades, rel) / relevant
}

/**
 * (beta + 1) · P · R / (beta · P + R). As in trec_eval and ir-measures, `beta` is a linear weight and not the square of
 * van Rijsbergen's β.
 */
export const setF = (
  grades: Int32Array,
  judged: Judgements,
  rel: number,
  beta: number,
  judgedOnly: boolean,
): number => {
  const precision = setPrecision(grades, judged, rel, false, judgedOnly)
  const recall = setRecall(grades, judged, rel)
  return precision === 0 || recall === 0 ? 0 : ((beta + 1) * precision * recall) / (beta * precision + recall)
}

/** Precision times recall of the whole run (trec_eval's `set_map`). */
export const setAveragePrecision = (grades: Int32Array, judged: Judgements, rel: number, judgedOnly: boolean): number =>
  setPrecision(grades, judged, rel, false, judgedOnly) * setRecall(grades, judged, rel)
