export type { ScoredLists } from "./Lists.ts"
export { type LossExpressions, lossExpression } from "./lossExpression.ts"
