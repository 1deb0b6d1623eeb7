import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"

/** softplus(s_j − s_i) of every pair (i, j), [lists, m, m]. */
export const logistic = <T extends Onnx.FloatType>(lists: Lists<T>): Onnx.Expression<T> =>
  Onnx.softplus(Onnx.negate(lists.difference(lists.scores)))

/** RankNet: mean over the pairs with grade_i > grade_j of softplus(s_j − s_i). Burges et al., ICML 2005. */
export const pairwise = defineLoss({
  name: "pairwise",
  description: "Logistic loss of each pair of unequal grades (RankNet)",
  parts: (lists) => lists.mean(lists.better(), logistic(lists)),
})
