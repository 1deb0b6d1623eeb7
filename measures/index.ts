/**
 * Measures of a ranking as a pure library: names in, values out. The final evaluation, validation during training and
 * the tuning of weights all read the same figures from here.
 */

export { aggregate, figureRange, GEOMETRIC_FLOOR } from "./aggregate.ts"
export { chooseOnDev } from "./chooseOnDev.ts"
export { combineSummaries } from "./combineSummaries.ts"
export { addToProfile, type DepthProfile, type DepthSums, emptyProfile, PROFILED } from "./depthProfile.ts"
export { type GradeRange, gradeRange, gradesNote } from "./gradesNote.ts"
export { type Judgements, judgements, UNJUDGED } from "./Judgements.ts"
export { judgedShare } from "./judged.ts"
export { type JudgedRanking, judgeRun, type NamedTwice } from "./judgeRun.ts"
export { type Aggregation, aggregation, type Measure, type MeasureRange, measureName } from "./Measure.ts"
export { type Cutoff, type GainMap, MeasureArguments } from "./MeasureArguments.ts"
export type { Parsed } from "./MeasureCall.ts"
export {
  counts,
  cut,
  defineMeasure,
  graded,
  type MeasureAlias,
  type MeasureDefinition,
  type MeasureSpec,
  type ParameterForm,
  plain,
  ranked,
  share,
  type TrecName,
  whole,
} from "./MeasureDefinition.ts"
export { describeMeasureError, type MeasureError } from "./MeasureError.ts"
export { MeasureText, measuresOf } from "./MeasureText.ts"
export { oracleScore } from "./oracle.ts"
export { parseMeasure, parseMeasures } from "./parseMeasure.ts"
export { recallAt } from "./precision.ts"
export { addMeasure, measureDigest, measures } from "./registry.ts"
export { scoreQuery } from "./score.ts"
export { compareTrecOrder, trecOrderSql, trecRanking } from "./trecOrder.ts"
