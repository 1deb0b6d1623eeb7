import { defineMeasure, share } from "./MeasureDefinition.ts"

/**
 * Σ 1/rank · P(the reader stops there), where a document of grade g satisfies with probability (2^g − 1) / 2^maxRel.
 * `maxRel` is fixed for the whole collection, 4 in the gdeval script that ir-measures runs.
 *
 * Chapelle, Metzler, Zhang and Grinspan, CIKM 2009.
 */
export const expectedReciprocalRank = (grades: Int32Array, cutoff: number, maxRel: number): number => {
  const end = Math.min(grades.length, cutoff)
  const scale = 2 ** maxRel
  let reading = 1
  let sum = 0
  for (let i = 0; i < end; i++) {
    const grade = grades[i]!
    if (grade <= 0) continue
    const satisfied = (2 ** grade - 1) / scale
    sum += (satisfied * reading) / (i + 1)
    reading *= 1 - satisfied
  }
  return sum
}

export const ERR = defineMeasure({
  name: "ERR",
  description: "Expected reciprocal of the rank at which the reader is satisfied",
  range: share,
  at: "cutoff",
  read: (given) => ({ cutoff: given.cutoff(), maxRel: given.maxRel(4) }),
  write: ({ maxRel }) => (maxRel === 4 ? [] : [`max_rel=${maxRel}`]),
  writeAt: ({ cutoff }) => (cutoff === null ? null : String(cutoff)),
  largestGrade: ({ maxRel }) => maxRel,
  score: ({ cutoff, maxRel }, grades) => expectedReciprocalRank(grades, cutoff ?? Number.POSITIVE_INFINITY, maxRel),
})
