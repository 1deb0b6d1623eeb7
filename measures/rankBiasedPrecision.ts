import { type MeasureArguments, Refused } from "./MeasureArguments.ts"
import { counts, defineMeasure, float, share } from "./MeasureDefinition.ts"

/**
 * (1 − p) · Σ gain · p^(rank − 1) over the first `cutoff` documents, with gain 1 from grade `rel` on, or grade / maxRel
 * where `rel` is `null`. Nothing is added for ranks that the run does not fill.
 *
 * Moffat and Zobel, TOIS 27(1), 2008.
 */
export const rankBiasedPrecision = (
  grades: Int32Array,
  cutoff: number,
  p: number,
  rel: number | null,
  maxRel: number,
): number => {
  const end = Math.min(grades.length, cutoff)
  let weight = 1
  let sum = 0
  for (let i = 0; i < end; i++) {
    const grade = grades[i]!
    if (rel === null ? grade > 0 : grade >= rel) sum += weight * (rel === null ? grade / maxRel : 1)
    weight *= p
  }
  return (1 - p) * sum
}

const read = (given: MeasureArguments) => {
  const cutoff = given.cutoff()
  const p = given.real("p", (value) => value > 0 && value < 1, "between 0 and 1") ?? 0.8
  const rel = given.optionalRel()
  const maxRel = given.maxRel(1)
  if (rel !== null && maxRel !== 1) throw new Refused("max_rel", "only for graded gains, that is without rel")
  return { cutoff, p, rel, maxRel }
}

export const RBP = defineMeasure({
  name: "RBP",
  description: "Gain of a reader who goes on to the next rank with probability p",
  // Graded gains over maxRel 1, the default, are the grades themselves.
  range: ({ maxRel, rel }) => (rel === null && maxRel === 1 ? counts() : share()),
  at: "cutoff",
  read,
  write: ({ maxRel, p, rel }) => [
    ...(p === 0.8 ? [] : [`p=${float(p)}`]),
    ...(rel === null ? [] : [`rel=${rel}`]),
    ...(maxRel === 1 ? [] : [`max_rel=${maxRel}`]),
  ],
  writeAt: ({ cutoff }) => (cutoff === null ? null : String(cutoff)),
  largestGrade: ({ maxRel, rel }) => (rel === null && maxRel > 1 ? maxRel : null),
  score: ({ cutoff, maxRel, p, rel }, grades) =>
    rankBiasedPrecision(grades, cutoff ?? Number.POSITIVE_INFINITY, p, rel, maxRel),
})
