import { defineMeasure, ranked, share } from "./MeasureDefinition.ts"

/** 1 / rank of the first relevant document among the first `cutoff`, or 0. trec_eval's `recip_rank`, with a cutoff. */
export const reciprocalRank = (grades: Int32Array, cutoff: number, rel: number, judgedOnly: boolean): number => {
  let rank = 0
  for (let i = 0; i < grades.length && rank < cutoff; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    rank++
    if (grade >= rel) return 1 / rank
  }
  return 0
}

export const RR = defineMeasure({
  ...ranked,
  name: "RR",
  description: "One over the rank of the first relevant document",
  range: share,
  aliases: [{ name: "MRR" }],
  trecNames: [{ name: "recip_rank" }],
  score: ({ cutoff, judgedOnly, rel }, grades) =>
    reciprocalRank(grades, cutoff ?? Number.POSITIVE_INFINITY, rel, judgedOnly),
})
