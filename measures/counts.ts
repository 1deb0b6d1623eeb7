import { countRelevant } from "./Judgements.ts"
import { counts, defineMeasure, plain } from "./MeasureDefinition.ts"
import { relevantAt } from "./precision.ts"

const one = { kind: "integer", value: 1 } as const

/** How many queries are judged. Like `NumRel`, it does not depend on the run. */
export const NumQ = defineMeasure({
  name: "NumQ",
  description: "Number of judged queries",
  range: counts,
  trecNames: [{ name: "num_q" }],
  aggregation: "sum",
  at: null,
  read: () => ({}),
  write: () => [],
  writeAt: () => null,
  score: () => 1,
})

export const NumRel = defineMeasure({
  ...plain,
  name: "NumRel",
  description: "Number of relevant documents",
  range: counts,
  trecNames: [{ name: "num_rel" }],
  aggregation: "sum",
  score: ({ rel }, _grades, judged) => countRelevant(judged, rel),
})

/** How many documents are retrieved, or with `rel` how many relevant ones are. */
export const NumRet = defineMeasure({
  name: "NumRet",
  description: "Number of retrieved documents; with rel, of the relevant ones among them",
  range: counts,
  aliases: [{ name: "NumRelRet", presets: { rel: one } }],
  trecNames: [{ name: "num_ret" }, { name: "num_rel_ret", fixes: "rel=1" }],
  aggregation: "sum",
  at: null,
  read: (given) => ({ rel: given.optionalRel() }),
  write: ({ rel }) => (rel === null ? [] : [`rel=${rel}`]),
  writeAt: () => null,
  score: ({ rel }, grades) => (rel === null ? grades.length : relevantAt(grades, Number.POSITIVE_INFINITY, rel, false)),
})
