import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"

/** Grades as shares of their sum over the items of a scope, [lists, m]. */
export const gradeShares = <T extends Onnx.FloatType>(
  lists: Lists<T>,
  scope: Onnx.Expression<"bool">,
): Onnx.Expression<T> => {
  const total = lists.sum(scope, lists.grades)
  const some = Onnx.where(Onnx.greater(total, 0), total, Onnx.scalarLike(total, 1))
  return Onnx.divide(lists.grades, some)
}

/** Those shares, and log p over the same items; both [lists, m]. */
export const distribution = <T extends Onnx.FloatType>(lists: Lists<T>, scope: Onnx.Expression<"bool">) => ({
  targets: gradeShares(lists, scope),
  logProbabilities: lists.logSoftmax(scope, lists.scores),
})

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
