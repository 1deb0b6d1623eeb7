import * as Schema from "effect/Schema"
import { choice, count, setting } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import type { Lists } from "./Lists.ts"
import { defineLoss } from "./LossDefinition.ts"
import { logistic } from "./pairwise.ts"

/** |ΔnDCG_ij|, what exchanging two items in the present ranking does to nDCG, times the best DCG; and that DCG, [lists, 1]. */
const exchanges = <T extends Onnx.FloatType>(
  lists: Lists<T>,
  gain: "linear" | "exponential",
  cutoff: number | undefined,
) => {
  const one = Onnx.scalarLike(lists.grades, 1)
  const gains =
    gain === "linear" ? lists.grades : Onnx.subtract(Onnx.exponential(Onnx.multiply(lists.grades, Math.LN2)), one)
  const discounts = (ranks: Onnx.Expression<T>): Onnx.Expression<T> => {
    const all = Onnx.divide(Onnx.scalarLike(ranks, Math.LN2), Onnx.logarithm(Onnx.add(ranks, 1)))
    return cutoff === undefined ? all : Onnx.multiply(all, lists.indicator(Onnx.lessOrEqual(ranks, cutoff)))
  }
  const ideal = lists.sum(lists.present, Onnx.multiply(gains, discounts(lists.ranks(lists.grades))))
  const changes = Onnx.multiply(
    Onnx.absolute(lists.difference(gains)),
    Onnx.absolute(lists.difference(discounts(lists.ranks(lists.scores)))),
  )
  return { changes, ideal: Onnx.where(lists.counts, ideal, one) }
}

/**
 * Σ |ΔnDCG_ij| · softplus(s_j − s_i) over the pairs with grade_i > grade_j, where ΔnDCG_ij is what exchanging the two in the
 * present ranking does to nDCG. Burges, 2010.
 */
export const lambdaRank = defineLoss({
  name: "lambdarank",
  description: "Pairwise logistic, each pair weighted by what exchanging it does to nDCG",
  settings: Schema.Struct({
    gain: setting(Schema.Literal("linear", "exponential"), "linear", "An item's gain: its grade, or 2^grade − 1"),
    cutoff: choice(count, "The rank behind which nothing is gained; left out, the whole list counts"),
  }),
  parts: (lists, { cutoff, gain }) => {
    const { changes, ideal } = exchanges(lists, gain, cutoff)
    return Onnx.divide(lists.sum(lists.better(), Onnx.multiply(changes, logistic(lists))), ideal)
  },
})
