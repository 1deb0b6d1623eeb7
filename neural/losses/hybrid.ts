import * as Schema from "effect/Schema"
import { count, setting, share } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"
import { logistic } from "./pairwise.ts"
import { crossEntropy } from "./softmax.ts"

const HybridScope = Schema.Literal("all", "remainder", "remainder+relevant")

/** The pairs that have an item among the first k, and what the softmax goes over. */
const scopes = <T extends Onnx.FloatType>(lists: Lists<T>, k: number, scope: typeof HybridScope.Type) => {
  const first = Onnx.lessOrEqual(lists.ranks(lists.scores), k)
  const pairs = Onnx.and(lists.better(), Onnx.or(lists.first(first), lists.second(first)))
  if (scope === "all") return { pairs, items: lists.present }
  const behind = Onnx.not(first)
  const kept = scope === "remainder" ? behind : Onnx.or(behind, Onnx.greater(lists.grades, 0))
  return { pairs, items: Onnx.and(lists.present, kept) }
}

/**
 * α · mean of softplus(s_j − s_i) over the pairs (i, j), grade_i > grade_j, one of them among the k first by the current scores,
 * plus (1 − α) · softmax cross-entropy over the items of the scope.
 */
export const hybrid = defineLoss({
  name: "hybrid",
  description: "Pairwise at the top, softmax for the list",
  settings: Schema.Struct({
    alpha: setting(share, 0.5, "Share of the pairwise part"),
    k: setting(count, 5, "Pairs count that have an item among the first k"),
    scope: setting(
      HybridScope,
      "all",
      "What the softmax goes over: all items, those behind rank k, or those and every relevant one",
    ),
  }),
  parts: (lists, { alpha, k, scope }) => {
    const { items, pairs } = scopes(lists, k, scope)
    return [
      { name: "pairwise", weight: alpha, perList: lists.mean(pairs, logistic(lists)) },
      { name: "softmax", weight: 1 - alpha, perList: crossEntropy(lists, items) },
    ]
  },
})
