/** The grade of a ranked document that the query's qrels do not name. Every real grade is larger. */
export const UNJUDGED = -2147483648

/**
 * What a query's qrels say, in the form the measures read: all grades, largest first. A negative grade is a document
 * that was pooled and not judged; it is never relevant.
 */
export interface Judgements {
  readonly grades: Int32Array
}

/** Sorts a copy of the grades of one query's qrels. */
export const judgements = (grades: ArrayLike<number>): Judgements => ({
  grades: Int32Array.from(grades).sort().reverse(),
})

/** How many judged documents have a grade of at least `rel` (0 or more). */
export const countRelevant = (judged: Judgements, rel: number): number => {
  const { grades } = judged
  let count = 0
  while (count < grades.length && grades[count]! >= rel) count++
  return count
}

/** How many documents are judged and not relevant: a grade from 0 to `rel` − 1. */
export const countNonRelevant = (judged: Judgements, rel: number): number => {
  const { grades } = judged
  let count = 0
  for (let i = 0; i < grades.length; i++) if (grades[i]! >= 0 && grades[i]! < rel) count++
  return count
}
