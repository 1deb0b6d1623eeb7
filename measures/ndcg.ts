import { type Judgements, judgements, UNJUDGED } from "./Judgements.ts"
import type { GainMap } from "./MeasureArguments.ts"
import { defineMeasure, overJudgedOnly, share, trecCutoffs } from "./MeasureDefinition.ts"

/** log2(rank + 1) by rank − 1, grown as longer rankings come. */
let discounts = Float64Array.from({ length: 1024 }, (_, i) => Math.log2(i + 2))

/** log2(rank + 1) by rank − 1, for at least `length` ranks. */
export const discountsFor = (length: number): Float64Array => {
  if (length > discounts.length) {
    discounts = Float64Array.from({ length: Math.max(length, 2 * discounts.length) }, (_, i) => Math.log2(i + 2))
  }
  return discounts
}

const dcg = (grades: Int32Array, cutoff: number, exponential: boolean, judgedOnly: boolean): number => {
  const discount = discountsFor(grades.length)
  let rank = 0
  let sum = 0
  for (let i = 0; i < grades.length && rank < cutoff; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    if (grade > 0) sum += (exponential ? 2 ** grade - 1 : grade) / discount[rank]!
    rank++
  }
  return sum
}

/** Grades with ir-measures' `gains` applied; unjudged documents stay unjudged. */
export const withGains = (grades: Int32Array, gains: GainMap): Int32Array => {
  const gainOf = new Map(gains)
  return grades.map((grade) => (grade === UNJUDGED ? UNJUDGED : (gainOf.get(grade) ?? grade)))
}

/**
 * Discounted cumulative gain over that of the best order of all judged documents, both up to `cutoff`: gain / log2(rank
 * + 1) with gain = grade, or 2^grade − 1 where `exponential`. Negative grades gain nothing. There is no threshold of
 * relevance. 0 where no document has a gain.
 *
 * Järvelin and Kekäläinen, TOIS 20(4), 2002; the exponential gain is Burges et al., ICML 2005.
 */
export const ndcg = (
  grades: Int32Array,
  judged: Judgements,
  cutoff: number,
  exponential: boolean,
  judgedOnly: boolean,
): number => {
  const ideal = dcg(judged.grades, cutoff, exponential, false)
  return ideal === 0 ? 0 : dcg(grades, cutoff, exponential, judgedOnly) / ideal
}

const infinite = Number.POSITIVE_INFINITY

export const nDCG = defineMeasure({
  name: "nDCG",
  description: "Discounted cumulative gain over that of the best order",
  range: share,
  aliases: [{ name: "NDCG" }],
  trecNames: [{ name: "ndcg" }, { name: "ndcg_cut", takes: { parameter: "cutoff", defaults: trecCutoffs } }],
  at: "cutoff",
  read: (given) => ({ cutoff: given.cutoff(), dcg: given.dcg(), gains: given.gains(), judgedOnly: given.judgedOnly() }),
  write: ({ dcg, gains, judgedOnly }) => [
    ...(dcg === "log2" ? [] : [`dcg='${dcg}'`]),
    ...(gains === null ? [] : [`gains={${gains.map(([grade, gain]) => `${grade}:${gain}`).join(",")}}`]),
    ...overJudgedOnly(judgedOnly),
  ],
  writeAt: ({ cutoff }) => (cutoff === null ? null : String(cutoff)),
  overJudged: (parameters) => (parameters.judgedOnly ? null : { ...parameters, judgedOnly: true }),
  score: ({ cutoff, dcg, gains, judgedOnly }, grades, judged) =>
    gains === null
      ? ndcg(grades, judged, cutoff ?? infinite, dcg === "exp-log2", judgedOnly)
      : ndcg(
          withGains(grades, gains),
          judgements(withGains(judged.grades, gains)),
          cutoff ?? infinite,
          dcg === "exp-log2",
          judgedOnly,
        ),
  // A map of gains may turn the order of grades about: the best order is that of the gains.
  oracle: ({ cutoff, dcg, gains, judgedOnly }, grades, judged) => {
    const gained = (each: Int32Array): Int32Array =>
      Int32Array.from(gains === null ? each : withGains(each, gains))
        .sort()
        .reverse()
    return ndcg(gained(grades), { grades: gained(judged.grades) }, cutoff ?? infinite, dcg === "exp-log2", judgedOnly)
  },
})
