import { countNonRelevant, countRelevant, type Judgements } from "./Judgements.ts"
import { defineMeasure, plain, share } from "./MeasureDefinition.ts"

/**
 * Binary preference: for each retrieved relevant document, the share of judged non-relevant documents that it
 * precedes, counting at most R of them; over R. Documents without a judgement are passed over.
 *
 * Buckley and Voorhees, SIGIR 2004, as trec_eval computes it.
 */
export const bpref = (grades: Int32Array, judged: Judgements, rel: number): number => {
  const relevant = countRelevant(judged, rel)
  if (relevant === 0) return 0
  const most = Math.min(countNonRelevant(judged, rel), relevant)
  let above = 0
  let sum = 0
  for (let i = 0; i < grades.length; i++) {
    const grade = grades[i]!
    if (grade < 0) continue
    if (grade < rel) above++
    else sum += above === 0 ? 1 : 1 - Math.min(above, relevant) / most
  }
  return sum / relevant
}

export const Bpref = defineMeasure({
  ...plain,
  name: "Bpref",
  description: "Binary preference: relevant documents before judged ones that are not",
  range: share,
  aliases: [{ name: "BPref" }],
  trecNames: [{ name: "bpref" }],
  score: ({ rel }, grades, judged) => bpref(grades, judged, rel),
})

/** trec_eval's geometric mean of bpref over the queries. */
export const gmBpref = defineMeasure({
  ...plain,
  name: "gm_bpref",
  description: "Geometric mean over the queries of Bpref",
  range: share,
  trecNames: [{ name: "gm_bpref" }],
  aggregation: "geometric-mean",
  score: ({ rel }, grades, judged) => bpref(grades, judged, rel),
})
