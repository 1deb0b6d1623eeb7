import { countRelevant, type Judgements } from "./Judgements.ts"
import { defineMeasure, float, overJudgedOnly, plain, relevance, share, whole } from "./MeasureDefinition.ts"
import { relevantAt } from "./precision.ts"

/** How many documents are retrieved, or retrieved and judged. */
const countRetrieved = (grades: Int32Array, judgedOnly: boolean): number => {
  if (!judgedOnly) return grades.length
  let count = 0
  for (let i = 0; i < grades.length; i++) if (grades[i]! >= 0) count++
  return count
}

const relevantRetrieved = (grades: Int32Array, rel: number): number =>
  relevantAt(grades, Number.POSITIVE_INFINITY, rel, false)

/** Precision of the whole run, or its share of the largest precision possible at its size where `relative`. */
export const setPrecision = (
  grades: Int32Array,
  judged: Judgements,
  rel: number,
  relative: boolean,
  judgedOnly: boolean,
): number => {
  const retrieved = countRetrieved(grades, judgedOnly)
  const possible = relative ? Math.min(retrieved, countRelevant(judged, rel)) : retrieved
  return possible === 0 ? 0 : relevantRetrieved(grades, rel) / possible
}

/** Recall of the whole run. */
export const setRecall = (grades: Int32Array, judged: Judgements, rel: number): number => {
  const relevant = countRelevant(judged, rel)
  return relevant === 0 ? 0 : relevantRetrieved(grades, rel) / relevant
}

/**
 * (beta + 1) · P · R / (beta · P + R). As in trec_eval and ir-measures, `beta` is a linear weight and not the square of
 * van Rijsbergen's β.
 */
export const setF = (
  grades: Int32Array,
  judged: Judgements,
  rel: number,
  beta: number,
  judgedOnly: boolean,
): number => {
  const precision = setPrecision(grades, judged, rel, false, judgedOnly)
  const recall = setRecall(grades, judged, rel)
  return precision === 0 || recall === 0 ? 0 : ((beta + 1) * precision * recall) / (beta * precision + recall)
}

/** Precision times recall of the whole run (trec_eval's `set_map`). */
export const setAveragePrecision = (grades: Int32Array, judged: Judgements, rel: number, judgedOnly: boolean): number =>
  setPrecision(grades, judged, rel, false, judgedOnly) * setRecall(grades, judged, rel)

const relativePrecision = { kind: "boolean", value: true } as const

export const SetP = defineMeasure({
  name: "SetP",
  description: "Precision of all that is retrieved",
  range: share,
  aliases: [{ name: "SetRelP", presets: { relative: relativePrecision } }],
  trecNames: [{ name: "set_P" }, { name: "set_relative_P", fixes: "relative=True" }],
  at: null,
  read: (given) => ({ rel: given.rel(), relative: given.flag("relative"), judgedOnly: given.judgedOnly() }),
  write: ({ judgedOnly, rel, relative }) => [
    ...relevance(rel),
    ...(relative ? ["relative=True"] : []),
    ...overJudgedOnly(judgedOnly),
  ],
  writeAt: () => null,
  overJudged: (parameters) => (parameters.judgedOnly ? null : { ...parameters, judgedOnly: true }),
  score: ({ judgedOnly, rel, relative }, grades, judged) => setPrecision(grades, judged, rel, relative, judgedOnly),
})

export const SetR = defineMeasure({
  ...plain,
  name: "SetR",
  description: "Recall of all that is retrieved",
  range: share,
  trecNames: [{ name: "set_recall" }],
  score: ({ rel }, grades, judged) => setRecall(grades, judged, rel),
})

export const SetF = defineMeasure({
  name: "SetF",
  description: "Precision and recall of all that is retrieved, as one",
  range: share,
  trecNames: [{ name: "set_F", takes: { parameter: "beta", defaults: ["1.0"] } }],
  at: null,
  read: (given) => ({
    rel: given.rel(),
    beta: given.real("beta", (value) => value >= 0 && Number.isFinite(value), "of at least 0") ?? 1,
    judgedOnly: given.judgedOnly(),
  }),
  write: ({ beta, judgedOnly, rel }) => [
    ...relevance(rel),
    ...(beta === 1 ? [] : [`beta=${float(beta)}`]),
    ...overJudgedOnly(judgedOnly),
  ],
  writeAt: () => null,
  overJudged: (parameters) => (parameters.judgedOnly ? null : { ...parameters, judgedOnly: true }),
  score: ({ beta, judgedOnly, rel }, grades, judged) => setF(grades, judged, rel, beta, judgedOnly),
})

export const SetAP = defineMeasure({
  ...whole,
  name: "SetAP",
  description: "Precision times recall of all that is retrieved",
  range: share,
  trecNames: [{ name: "set_map" }],
  score: ({ judgedOnly, rel }, grades, judged) => setAveragePrecision(grades, judged, rel, judgedOnly),
})
