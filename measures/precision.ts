import { countRelevant, type Judgements } from "./Judgements.ts"

/** How many of the first `cutoff` documents are relevant. */
export const relevantAt = (grades: Int32Array, cutoff: number, rel: number, judgedOnly: boolean): number => {
  let rank = 0
  let found = 0
  for (let i = 0; i < grades.length && rank < cutoff; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    rank++
    if (grade >= rel) found++
  }
  return found
}

/** Relevant documents among the first `cutoff`, over `cutoff`: ranks that the run does not fill count as misses. */
export const precisionAt = (grades: Int32Array, cutoff: number, rel: number, judgedOnly: boolean): number =>
  relevantAt(grades, cutoff, rel, judgedOnly) / cutoff

/** Relevant documents among the first `cutoff`, over all relevant ones; 0 where nothing is relevant. */
export const recallAt = (
  grades: Int32Array,
  judged: Judgements,
  cutoff: number,
  rel: number,
  judgedOnly: boolean,
): number => {
  const relevant = countRelevant(judged, rel)
  return relevant === 0 ? 0 : relevantAt(grades, cutoff, rel, judgedOnly) / relevant
}

/** Precision after as many documents as are relevant; 0 where nothing is relevant. */
export const rPrecision = (grades: Int32Array, judged: Judgements, rel: number, judgedOnly: boolean): number => {
  const relevant = countRelevant(judged, rel)
  return relevant === 0 ? 0 : relevantAt(grades, relevant, rel, judgedOnly) / relevant
}
