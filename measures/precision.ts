import { countRelevant, type Judgements } from "./Judgements.ts"
import { cut, defineMeasure, share, trecCutoffs, whole } from "./MeasureDefinition.ts"

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

/** The harmonic mean of precision and recall at `cutoff`; 0 where both are. */
export const f1At = (
  grades: Int32Array,
  judged: Judgements,
  cutoff: number,
  rel: number,
  judgedOnly: boolean,
): number => {
  const precision = precisionAt(grades, cutoff, rel, judgedOnly)
  const recall = recallAt(grades, judged, cutoff, rel, judgedOnly)
  return precision + recall === 0 ? 0 : (2 * precision * recall) / (precision + recall)
}

/** Precision after as many documents as are relevant; 0 where nothing is relevant. */
export const rPrecision = (grades: Int32Array, judged: Judgements, rel: number, judgedOnly: boolean): number => {
  const relevant = countRelevant(judged, rel)
  return relevant === 0 ? 0 : relevantAt(grades, relevant, rel, judgedOnly) / relevant
}

export const P = defineMeasure({
  ...cut,
  name: "P",
  description: "Share of relevant documents among the first k",
  range: share,
  aliases: [{ name: "Precision" }],
  trecNames: [{ name: "P", takes: { parameter: "cutoff", defaults: trecCutoffs } }],
  score: ({ cutoff, judgedOnly, rel }, grades) => precisionAt(grades, cutoff, rel, judgedOnly),
})

export const R = defineMeasure({
  ...cut,
  name: "R",
  description: "Share of the relevant documents that is among the first k",
  range: share,
  aliases: [{ name: "Recall" }],
  trecNames: [{ name: "recall", takes: { parameter: "cutoff", defaults: trecCutoffs } }],
  score: ({ cutoff, judgedOnly, rel }, grades, judged) => recallAt(grades, judged, cutoff, rel, judgedOnly),
})

export const F1 = defineMeasure({
  ...cut,
  name: "F1",
  description: "The harmonic mean of P and R among the first k, ranx's; of all results it is SetF",
  range: share,
  score: ({ cutoff, judgedOnly, rel }, grades, judged) => f1At(grades, judged, cutoff, rel, judgedOnly),
})

export const Success = defineMeasure({
  ...cut,
  name: "Success",
  description: "1 where a relevant document is among the first k, else 0",
  range: share,
  trecNames: [{ name: "success", takes: { parameter: "cutoff", defaults: ["1", "5", "10"] } }],
  score: ({ cutoff, judgedOnly, rel }, grades) => (relevantAt(grades, cutoff, rel, judgedOnly) > 0 ? 1 : 0),
})

export const Rprec = defineMeasure({
  ...whole,
  name: "Rprec",
  description: "Precision after as many documents as are relevant",
  range: share,
  aliases: [{ name: "RPrec" }],
  trecNames: [{ name: "Rprec" }],
  score: ({ judgedOnly, rel }, grades, judged) => rPrecision(grades, judged, rel, judgedOnly),
})
