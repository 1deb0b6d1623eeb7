/** The lowest and the highest grade of some judgements. */
export interface GradeRange {
  readonly lowest: number
  readonly highest: number
}

/** The range of grades; none where there is no grade. */
export const gradeRange = (grades: Iterable<number>): GradeRange | undefined => {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const grade of grades) {
    if (grade < lowest) lowest = grade
    if (grade > highest) highest = grade
  }
  return lowest > highest ? undefined : { lowest, highest }
}

/**
 * What has to be known of judgements whose grades the usual level of relevance, 1, does not divide; nothing where it does. Judgements
 * that are all of one grade are those of relevant passages alone, as in MS MARCO.
 */
export const gradesNote = (range: GradeRange | undefined): string | undefined => {
  if (range === undefined) return undefined
  const { lowest, highest } = range
  if (highest < 1)
    return `no query has a relevant passage: the highest grade is ${highest}, and passages are relevant from 1`
  if (lowest < 1 || lowest === highest) return undefined
  return `no grade is below 1 (they are ${lowest} to ${highest}), so that everything judged counts as relevant; a measure takes another level, as in AP(rel=${highest})`
}
