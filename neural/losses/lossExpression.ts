import * as Onnx from "../onnx/index.ts"
import { contrast } from "./infoNce.ts"
import { Lists, type ScoredLists } from "./Lists.ts"
import type { Loss } from "./LossDefinition.ts"
import { lossNamed } from "./registry.ts"

/** A loss over lists: scalars. */
export interface LossExpressions<T extends Onnx.FloatType> {
  /** The mean over the lists that count: 0 where none does. */
  readonly loss: Onnx.Expression<T>
  /** What it is made of, before weights: means over the same lists. */
  readonly components: Readonly<Record<string, Onnx.Expression<T>>>
  /** How many lists count. */
  readonly counted: Onnx.Expression<T>
}

/**
 * A loss over lists as `loss`, its parts and how many lists count. Ranks and the weights made of them are constants of the
 * gradient.
 *
 * @param beside the weight of the loss `infonce` beside it, as its part `inBatch`
 * @throws GraphError where there is no such loss, or it needs a teacher's scores and there are none
 */
export const lossExpression = <T extends Onnx.FloatType>(
  loss: Loss,
  scored: ScoredLists<T>,
  beside = 0,
): LossExpressions<T> => {
  const definition = lossNamed(loss.kind)
  if (definition === undefined) throw new Onnx.GraphError("loss", `there is no loss «${loss.kind}»`)
  const lists = new Lists(scored)
  const own = definition.parts(loss, lists)
  const all = beside === 0 ? own : [...own, { name: "inBatch", weight: beside, perList: contrast(lists) }]
  const parts = all.map(({ name, perList, weight }) => ({
    name,
    weight,
    mean: lists.overLists(perList),
  }))
  const weighted = parts.map(({ mean, weight }) => (weight === 1 ? mean : Onnx.multiply(mean, weight)))
  return {
    loss: weighted.reduce((sum, part) => Onnx.add(sum, part)),
    components: Object.fromEntries(parts.map(({ mean, name }) => [name, mean])),
    counted: lists.counted,
  }
}
