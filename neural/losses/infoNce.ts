import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"
import { gradeShares } from "./softmax.ts"

/**
 * −Σ y log (e^s / (e^s + Σ e^r)) over a list's relevant items, y their shares of the grades, r the query's scores of what is no answer
 * to it: other relevant items are on neither side. [lists, 1]
 */
export const contrast = <T extends Onnx.FloatType>(lists: Lists<T>): Onnx.Expression<T> => {
  const behind = Onnx.softplus(Onnx.subtract(lists.rivals(), lists.scores))
  return lists.sum(lists.present, Onnx.multiply(gradeShares(lists, lists.present), behind))
}

/** van den Oord et al., 2018, with the negatives of a step's other lists as well (Karpukhin et al., 2020), where they are compared. */
export const infoNce = defineLoss({
  name: "infonce",
  description: "Each relevant passage alone against what is no answer, of embedding models in all lists of a step",
  overBatch: true,
  parts: contrast,
})
