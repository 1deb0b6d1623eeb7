import * as Schema from "effect/Schema"
import { setting } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"

/** For items: −y log σ(s) − (1 − y) log σ(−s), as softplus(s) − y s. Mean over the items. */
export const pointwise = defineLoss({
  name: "pointwise",
  description: "Cross-entropy of each item on its own",
  settings: Schema.Struct({
    targets: setting(
      Schema.Literal("graded", "binary"),
      "graded",
      "An item's target: its grade as a share of its list's highest, or 1 where it is relevant",
    ),
  }),
  parts: (lists, { targets }) => {
    const shares = Onnx.divide(lists.grades, Onnx.where(lists.counts, lists.highest, Onnx.scalarLike(lists.grades, 1)))
    const y = targets === "graded" ? shares : lists.indicator(Onnx.greater(lists.grades, 0))
    const each = Onnx.subtract(Onnx.softplus(lists.scores), Onnx.multiply(y, lists.scores))
    return lists.mean(lists.present, each)
  },
})
