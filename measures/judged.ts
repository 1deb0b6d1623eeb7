import { UNJUDGED } from "./Judgements.ts"
import { defineMeasure, share } from "./MeasureDefinition.ts"

/**
 * The share of the first `cutoff` retrieved documents that the qrels name with any grade, negative ones too. A run
 * shorter than the cutoff is divided by its own length, as ir-measures does; an empty one gives 0.
 */
export const judgedShare = (grades: Int32Array, cutoff: number): number => {
  const end = Math.min(grades.length, cutoff)
  if (end === 0) return 0
  let judged = 0
  for (let i = 0; i < end; i++) if (grades[i]! !== UNJUDGED) judged++
  return judged / end
}

export const Judged = defineMeasure({
  name: "Judged",
  description: "Share of the first k that has a judgement",
  range: share,
  at: "cutoff",
  read: (given) => ({ cutoff: given.cutoff() }),
  write: () => [],
  writeAt: ({ cutoff }) => (cutoff === null ? null : String(cutoff)),
  score: ({ cutoff }, grades) => judgedShare(grades, cutoff ?? Number.POSITIVE_INFINITY),
})
