import { countRelevant, type Judgements } from "./Judgements.ts"
import { defineMeasure, plain, ranked, share, trecCutoffs } from "./MeasureDefinition.ts"

/**
 * Sum of the precisions at the relevant documents among the first `cutoff`, over the number of all relevant documents
 * (also with a cutoff, as trec_eval's `map_cut`). 0 where nothing is relevant.
 */
export const averagePrecision = (
  grades: Int32Array,
  judged: Judgements,
  cutoff: number,
  rel: number,
  judgedOnly: boolean,
): number => {
  const relevant = countRelevant(judged, rel)
  if (relevant === 0) return 0
  let rank = 0
  let found = 0
  let sum = 0
  for (let i = 0; i < grades.length && rank < cutoff; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    rank++
    if (grade >= rel) sum += ++found / rank
  }
  return sum / relevant
}

export const AP = defineMeasure({
  ...ranked,
  name: "AP",
  description: "Mean of the precisions at the relevant documents",
  range: share,
  aliases: [{ name: "MAP" }],
  trecNames: [{ name: "map" }, { name: "map_cut", takes: { parameter: "cutoff", defaults: trecCutoffs } }],
  score: ({ cutoff, judgedOnly, rel }, grades, judged) =>
    averagePrecision(grades, judged, cutoff ?? Number.POSITIVE_INFINITY, rel, judgedOnly),
})

/** trec_eval's geometric mean of average precision over the queries. */
export const gmMap = defineMeasure({
  ...plain,
  name: "gm_map",
  description: "Geometric mean over the queries of AP",
  range: share,
  trecNames: [{ name: "gm_map" }],
  aggregation: "geometric-mean",
  score: ({ rel }, grades, judged) => averagePrecision(grades, judged, Number.POSITIVE_INFINITY, rel, false),
})
