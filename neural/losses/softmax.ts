import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"

/** Grades as shares of their sum over the items of a scope, and log p over the same items; both [lists, m]. */
export const distribution = <T extends Onnx.FloatType>(lists: Lists<T>, scope: Onnx.Expression<"bool">) => {
  const total = lists.sum(scope, lists.grades)
  const some = Onnx.where(Onnx.greater(total, 0), total, Onnx.scalarLike(total, 1))
  return { targets: Onnx.divide(lists.grades, some), logProbabilities: lists.logSoftmax(scope, lists.scores) }
}

/** −Σ y log p over a scope, y the shares of the grades there; 0 where nothing of it is relevant. [lists, 1] */
export const crossEntropy = <T extends Onnx.FloatType>(
  lists: Lists<T>,
  scope: Onnx.Expression<"bool">,
): Onnx.Expression<T> => {
  const { logProbabilities, targets } = distribution(lists, scope)
  return Onnx.negate(lists.sum(scope, Onnx.multiply(targets, logProbabilities)))
}

export const softmax = defineLoss({
  name: "softmax",
  description: "Softmax cross-entropy over the list (RankT5)",
  parts: (lists) => crossEntropy(lists, lists.present),
})
