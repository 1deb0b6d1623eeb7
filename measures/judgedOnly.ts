import type { Measure } from "./Measure.ts"

/**
 * The same measure with documents without a judgement dropped before ranks are counted, ir-measures' `judged_only=True`; none for
 * a measure that cannot, or already does.
 */
export const judgedOnlyOf = (measure: Measure): Measure | null =>
  "judgedOnly" in measure && !measure.judgedOnly ? { ...measure, judgedOnly: true } : null
