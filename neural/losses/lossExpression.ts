import type { Loss } from "../../schemas/index.ts"
import * as Onnx from "../onnx/index.ts"
import { Lists, type ScoredLists } from "./Lists.ts"

/** A loss over lists: scalars. */
export interface LossExpressions<T extends Onnx.FloatType> {
  /** The mean over the lists that count: 0 where none does. */
  readonly loss: Onnx.Expression<T>
  /** What it is made of, before weights: means over the same lists. */
  readonly components: Readonly<Record<string, Onnx.Expression<T>>>
  /** How many lists count. */
  readonly counted: Onnx.Expression<T>
}

type Floats<T extends Onnx.FloatType> = Onnx.Expression<T>
type Condition = Onnx.Expression<"bool">

/** For items: −y log σ(s) − (1 − y) log σ(−s), as softplus(s) − y s. Mean over the items. */
const pointwise = <T extends Onnx.FloatType>(lists: Lists<T>, targets: "graded" | "binary"): Floats<T> => {
  const shares = Onnx.divide(lists.grades, Onnx.where(lists.counts, lists.highest, Onnx.scalarLike(lists.grades, 1)))
  const y = targets === "graded" ? shares : lists.indicator(Onnx.greater(lists.grades, 0))
  const each = Onnx.subtract(Onnx.softplus(lists.scores), Onnx.multiply(y, lists.scores))
  return lists.mean(lists.present, each)
}

/** softplus(s_j − s_i) of every pair (i, j), [lists, m, m]. */
const logistic = <T extends Onnx.FloatType>(lists: Lists<T>): Floats<T> =>
  Onnx.softplus(Onnx.negate(lists.difference(lists.scores)))

/** Grades as shares of their sum over the items of a scope, and log p over the same items. */
const distribution = <T extends Onnx.FloatType>(lists: Lists<T>, scope: Condition) => {
  const total = lists.sum(scope, lists.grades)
  const some = Onnx.where(Onnx.greater(total, 0), total, Onnx.scalarLike(total, 1))
  return { targets: Onnx.divide(lists.grades, some), logProbabilities: lists.logSoftmax(scope, lists.scores) }
}

/** −Σ y log p over a scope, y the shares of the grades there; 0 where nothing of it is relevant. */
const softmax = <T extends Onnx.FloatType>(lists: Lists<T>, scope: Condition): Floats<T> => {
  const { logProbabilities, targets } = distribution(lists, scope)
  return Onnx.negate(lists.sum(scope, Onnx.multiply(targets, logProbabilities)))
}

/** Σ y (1 − p). */
const missed = <T extends Onnx.FloatType>(lists: Lists<T>): Floats<T> => {
  const { logProbabilities, targets } = distribution(lists, lists.present)
  const improbability = Onnx.subtract(Onnx.scalarLike(targets, 1), Onnx.exponential(logProbabilities))
  return lists.sum(lists.present, Onnx.multiply(targets, improbability))
}

/**
 * Plackett and Luce's likelihood of the order by grades: each item is drawn from those that are not better than it. Items of
 * one grade are in no order, so each is drawn from all of them (Breslow's treatment of ties), and the lowest grade's items
 * are drawn from nothing worse. The mean over the items that are drawn: with one relevant item it is the softmax loss.
 */
const listMle = <T extends Onnx.FloatType>(lists: Lists<T>): Floats<T> => {
  const notBetter = Onnx.and(
    Onnx.lessOrEqual(lists.second(lists.grades), lists.first(lists.grades)),
    lists.second(lists.present),
  )
  const drawn = Onnx.greater(Onnx.reduceSum(lists.indicator(lists.better()), [2]), 0)
  const byRow = lists.logSoftmax(notBetter, lists.second(lists.scores))
  return Onnx.negate(lists.mean(drawn, lists.diagonal(byRow)))
}

/**
 * Σ |ΔnDCG_ij| · softplus(s_j − s_i) over the pairs with grade_i > grade_j, where ΔnDCG_ij is what exchanging the two in the
 * present ranking does to nDCG.
 */
const lambdaRank = <T extends Onnx.FloatType>(
  lists: Lists<T>,
  gain: "linear" | "exponential",
  cutoff: number | undefined,
): Floats<T> => {
  const one = Onnx.scalarLike(lists.grades, 1)
  const gains =
    gain === "linear" ? lists.grades : Onnx.subtract(Onnx.exponential(Onnx.multiply(lists.grades, Math.LN2)), one)
  const discounts = (ranks: Floats<T>): Floats<T> => {
    const all = Onnx.divide(Onnx.scalarLike(ranks, Math.LN2), Onnx.logarithm(Onnx.add(ranks, 1)))
    return cutoff === undefined ? all : Onnx.multiply(all, lists.indicator(Onnx.lessOrEqual(ranks, cutoff)))
  }
  const ideal = lists.sum(lists.present, Onnx.multiply(gains, discounts(lists.ranks(lists.grades))))
  const some = Onnx.where(lists.counts, ideal, one)
  const changes = Onnx.multiply(
    Onnx.absolute(lists.difference(gains)),
    Onnx.absolute(lists.difference(discounts(lists.ranks(lists.scores)))),
  )
  return Onnx.divide(lists.sum(lists.better(), Onnx.multiply(changes, logistic(lists))), some)
}

/** ((s_i − s_j) − (t_i − t_j))², mean over the pairs with grade_i > grade_j. */
const marginMse = <T extends Onnx.FloatType>(lists: Lists<T>, teacher: Floats<T>): Floats<T> => {
  const ahead = lists.difference(Onnx.subtract(lists.scores, lists.only(lists.present, teacher)))
  return lists.mean(lists.better(), Onnx.multiply(ahead, ahead))
}

/** What the hybrid's softmax goes over, and its pairs: those that have an item among the first k. */
const hybridScopes = <T extends Onnx.FloatType>(
  lists: Lists<T>,
  { k, scope }: Extract<Loss, { readonly kind: "hybrid" }>,
): { readonly pairs: Condition; readonly items: Condition } => {
  const first = Onnx.lessOrEqual(lists.ranks(lists.scores), k)
  const pairs = Onnx.and(lists.better(), Onnx.or(lists.first(first), lists.second(first)))
  if (scope === "all") return { pairs, items: lists.present }
  const behind = Onnx.not(first)
  const kept = scope === "remainder" ? behind : Onnx.or(behind, Onnx.greater(lists.grades, 0))
  return { pairs, items: Onnx.and(lists.present, kept) }
}

const partsOf = <T extends Onnx.FloatType>(
  loss: Loss,
  lists: Lists<T>,
  teacher: Floats<T> | undefined,
): readonly { readonly name: string; readonly weight: number; readonly perList: Floats<T> }[] => {
  const whole = (perList: Floats<T>) => [{ name: loss.kind, weight: 1, perList }]
  switch (loss.kind) {
    case "pointwise":
      return whole(pointwise(lists, loss.targets))
    case "pairwise":
      return whole(lists.mean(lists.better(), logistic(lists)))
    case "hinge": {
      const short = Onnx.subtract(Onnx.scalarLike(lists.scores, loss.margin), lists.difference(lists.scores))
      return whole(lists.mean(lists.better(), Onnx.relu(short)))
    }
    case "softmax":
      return whole(softmax(lists, lists.present))
    case "poly1":
      return [
        { name: "softmax", weight: 1, perList: softmax(lists, lists.present) },
        { name: "missed", weight: loss.epsilon, perList: missed(lists) },
      ]
    case "listmle":
      return whole(listMle(lists))
    case "lambdarank":
      return whole(lambdaRank(lists, loss.gain, loss.cutoff))
    case "marginmse":
      if (teacher === undefined) throw new Onnx.GraphError("loss", "marginmse needs a teacher's scores")
      return whole(marginMse(lists, teacher))
    case "hybrid": {
      const { items, pairs } = hybridScopes(lists, loss)
      return [
        { name: "pairwise", weight: loss.alpha, perList: lists.mean(pairs, logistic(lists)) },
        { name: "softmax", weight: 1 - loss.alpha, perList: softmax(lists, items) },
      ]
    }
  }
}

/**
 * A loss over lists as `loss`, its parts and how many lists count. Ranks and the weights made of them are constants of the
 * gradient.
 *
 * @throws GraphError where a loss needs a teacher's scores and there are none
 */
export const lossExpression = <T extends Onnx.FloatType>(loss: Loss, scored: ScoredLists<T>): LossExpressions<T> => {
  const lists = new Lists(scored)
  const parts = partsOf(loss, lists, scored.teacher).map(({ name, perList, weight }) => ({
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
