import * as Schema from "effect/Schema"
import { setting } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { defineLoss } from "./LossDefinition.ts"
import { crossEntropy, distribution } from "./softmax.ts"

/** Softmax cross-entropy plus ε · Σ y (1 − p). Leng et al., ICLR 2022, as RankT5 has it for lists. */
export const poly1 = defineLoss({
  name: "poly1",
  description: "Softmax cross-entropy with its first polynomial term reweighted",
  settings: Schema.Struct({
    epsilon: setting(
      Schema.Number.pipe(Schema.greaterThan(-1), Schema.finite()),
      1,
      "Weight of Σ target · (1 − p) beside the softmax cross-entropy",
    ),
  }),
  parts: (lists, { epsilon }) => {
    const { logProbabilities, targets } = distribution(lists, lists.present)
    const improbability = Onnx.subtract(Onnx.scalarLike(targets, 1), Onnx.exponential(logProbabilities))
    const missed = lists.sum(lists.present, Onnx.multiply(targets, improbability))
    return [
      { name: "softmax", weight: 1, perList: crossEntropy(lists, lists.present) },
      { name: "missed", weight: epsilon, perList: missed },
    ]
  },
})
