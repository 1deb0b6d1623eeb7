import { countRelevant, type Judgements } from "./Judgements.ts"
import { type MeasureArguments, Refused } from "./MeasureArguments.ts"
import { defineMeasure, float, plain, share, whole } from "./MeasureDefinition.ts"
import { relevantAt } from "./precision.ts"

/**
 * The largest precision at any rank where at least `recall` of the relevant documents are found. The recall level is
 * turned into a number of documents as trec_eval 9 does, ⌊recall · R + 0.9⌋ (trec_eval 10 rounds to nearest).
 * 0 where fewer are retrieved.
 */
export const interpolatedPrecision = (
  grades: Int32Array,
  judged: Judgements,
  recall: number,
  rel: number,
  judgedOnly: boolean,
): number => {
  const needed = Math.floor(recall * countRelevant(judged, rel) + 0.9)
  const retrieved = relevantAt(grades, Number.POSITIVE_INFINITY, rel, judgedOnly)
  if (needed > retrieved) return 0
  let rank = 0
  let found = 0
  let best = 0
  for (let i = 0; i < grades.length; i++) {
    const grade = grades[i]!
    if (judgedOnly && grade < 0) continue
    rank++
    if (grade < rel) continue
    found++
    if (found >= needed && found / rank > best) best = found / rank
  }
  return best
}

/** The mean of the interpolated precisions at recall 0, 0.1, …, 1 (trec_eval's `11pt_avg`). */
export const elevenPointAverage = (grades: Int32Array, judged: Judgements, rel: number): number => {
  let sum = 0
  for (let tenth = 0; tenth <= 10; tenth++) sum += interpolatedPrecision(grades, judged, tenth / 10, rel, false)
  return sum / 11
}

const read = (given: MeasureArguments) => {
  const recall = given.real("recall", (value) => value >= 0 && value <= 1, "from 0 to 1")
  if (recall === null) throw new Refused("recall", "required, as in IPrec@0.1")
  return { recall, ...whole.read(given) }
}

export const IPrec = defineMeasure({
  name: "IPrec",
  description: "Largest precision at any rank with at least this recall",
  range: share,
  trecNames: [
    {
      name: "iprec_at_recall",
      takes: {
        parameter: "recall",
        defaults: ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1.0"],
      },
    },
  ],
  at: "recall",
  read,
  write: whole.write,
  writeAt: ({ recall }) => float(recall),
  overJudged: (parameters) => (parameters.judgedOnly ? null : { ...parameters, judgedOnly: true }),
  score: ({ judgedOnly, recall, rel }, grades, judged) =>
    interpolatedPrecision(grades, judged, recall, rel, judgedOnly),
})

export const elevenPoint = defineMeasure({
  ...plain,
  name: "11pt_avg",
  description: "Mean of the interpolated precisions at eleven recall levels",
  range: share,
  trecNames: [{ name: "11pt_avg" }],
  score: ({ rel }, grades, judged) => elevenPointAverage(grades, judged, rel),
})
