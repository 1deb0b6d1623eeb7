import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"

/**
 * Plackett and Luce's likelihood of the order by grades: each item is drawn from those that are not better than it. Items of
 * one grade are in no order, so each is drawn from all of them (Breslow's treatment of ties), and the lowest grade's items
 * are drawn from nothing worse. The mean over the items that are drawn: with one relevant item it is the softmax loss.
 */
export const listMle = defineLoss({
  name: "listmle",
  description: "Likelihood of the order by grades (Plackett and Luce)",
  parts: (lists) => {
    const notBetter = Onnx.and(
      Onnx.lessOrEqual(lists.second(lists.grades), lists.first(lists.grades)),
      lists.second(lists.present),
    )
    const drawn = Onnx.greater(Onnx.reduceSum(lists.indicator(lists.better()), [2]), 0)
    const byRow = lists.logSoftmax(notBetter, lists.second(lists.scores))
    return Onnx.negate(lists.mean(drawn, lists.diagonal(byRow)))
  },
})
