import { countRelevant, type Judgements } from "./Judgements.ts"
import { relevantAt } from "./precision.ts"

/**
 * The largest precision at any rank where at least `recall` of the relevant documents are found. The recall level is
 * turned into a number of documents as trec_eval 9 does, ⌊recall · R + 0.9⌋ (trec_eval 10 rounds to nearest).
 * 0 where fewer are retrieved.
 */
export const interpolatedPrecision = (
  grades: Int32Array,
  judged: Judgements,
  recall: number,
  rel: number,
  judgedOnly: boolean,
): number => {
  const needed = Math.floor(recall * countRelevant(judged, rel) + 0.9)
  const retrieved = relevantAt(grades, Number.POSITIVE_INFINITY, rel, judgedOnly)
  if (needed > retrieved) return 0
  let rank = 0
  let found = 0
  let best = 0
  for (let i = 0; i < grades.length; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    rank++
    if (grade < rel) continue
    found++
    if (found >= needed && found / rank > best) best = found / rank
  }
  return best
}

/** The mean of the interpolated precisions at recall 0, 0.1, …, 1 (trec_eval's `11pt_avg`). */
export const elevenPointAverage = (grades: Int32Array, judged: Judgements, rel: number): number => {
  let sum = 0
  for (let tenth = 0; tenth <= 10; tenth++) sum += interpolatedPrecision(grades, judged, tenth / 10, rel, false)
  return sum / 11
}
