import * as Onnx from "../onnx/index.ts"

/** Scored lists as a loss sees them; all [lists, m]. */
export interface ScoredLists<T extends Onnx.FloatType> {
  readonly scores: Onnx.Expression<T>
  /** Below 0 counts as 0. */
  readonly grades: Onnx.Expression<T>
  /** 1 at items, 0 where a list has fewer than m. */
  readonly mask: Onnx.Expression<T>
  /** A teacher's scores, for the losses that need one. */
  readonly teacher?: Onnx.Expression<T>
  /** Left out: each query has been compared with its own list alone. */
  readonly batch?: BatchScores<T>
}

/** What each list's query scores of the passages of all lists; both [lists, passages]. */
export interface BatchScores<T extends Onnx.FloatType> {
  readonly scores: Onnx.Expression<T>
  /** 1 at the passages that are no answer to the list's query, each once. */
  readonly others: Onnx.Expression<T>
}

/** Stands for −∞ in a softmax: its exponential is exactly zero, and no infinity arises that could become NaN. */
const lowest = -3.4028234663852886e38

/**
 * Lists with what all losses ask of them. What stands under a mask of 0 is replaced before anything is computed from it. A
 * list counts if it has a relevant item and one of a lower grade: of others no loss could say what to do better.
 */
export class Lists<T extends Onnx.FloatType> {
  /** [lists, m] */
  readonly present: Onnx.Expression<"bool">
  /** [lists, m], 0 where nothing is. */
  readonly scores: Onnx.Expression<T>
  /** [lists, m], at least 0, and 0 where nothing is. */
  readonly grades: Onnx.Expression<T>
  /** The highest grade of each list, [lists, 1]. */
  readonly highest: Onnx.Expression<T>
  /** Which lists count, [lists, 1]. */
  readonly counts: Onnx.Expression<"bool">
  /** How many do. */
  readonly counted: Onnx.Expression<T>
  readonly #teacher: Onnx.Expression<T> | undefined
  readonly #batch: BatchScores<T> | undefined
  readonly #zero: Onnx.Expression<T>
  readonly #one: Onnx.Expression<T>

  constructor({ batch, grades, mask, scores, teacher }: ScoredLists<T>) {
    this.#zero = Onnx.scalarLike(scores, 0)
    this.#one = Onnx.scalarLike(scores, 1)
    this.present = Onnx.greater(mask, 0)
    this.scores = this.only(this.present, scores)
    this.grades = this.only(this.present, Onnx.maximum(grades, 0))
    this.highest = Onnx.reduceMax(this.grades, [1], true)
    const below = Onnx.and(this.present, Onnx.less(this.grades, this.highest))
    this.counts = Onnx.greater(this.count(below), 0)
    this.counted = Onnx.reduceSum(this.indicator(this.counts), [0, 1])
    this.#teacher = teacher
    this.#batch = batch
  }

  /**
   * A teacher's scores, [lists, m], 0 where nothing is.
   *
   * @throws GraphError where there are none
   */
  teacher(): Onnx.Expression<T> {
    if (this.#teacher === undefined) throw new Onnx.GraphError("loss", "the loss needs a teacher's scores")
    return this.only(this.present, this.#teacher)
  }

  /**
   * log Σ exp of each query's scores of what is no answer to it: of the passages of all lists, where it has been compared with them, and
   * else of its own list's items of grade 0. [lists, 1]; about the lowest number where there is nothing.
   */
  rivals(): Onnx.Expression<T> {
    const own = () => ({ scores: this.scores, others: Onnx.and(this.present, Onnx.lessOrEqual(this.grades, 0)) })
    const { others, scores } =
      this.#batch === undefined ? own() : { ...this.#batch, others: Onnx.greater(this.#batch.others, 0) }
    const counted = Onnx.where(others, scores, Onnx.scalarLike(scores, lowest))
    const highest = Onnx.reduceMax(counted, [1], true)
    const sum = Onnx.reduceSum(Onnx.exponential(Onnx.subtract(counted, highest)), [1], true)
    return Onnx.add(highest, Onnx.logarithm(sum))
  }

  /** Values where a condition holds, 0 elsewhere. */
  only(condition: Onnx.Expression<"bool">, x: Onnx.Expression<T>): Onnx.Expression<T> {
    return Onnx.where(condition, x, this.#zero)
  }

  /** 1 where a condition holds, 0 elsewhere. */
  indicator(condition: Onnx.Expression<"bool">): Onnx.Expression<T> {
    return Onnx.where(condition, this.#one, this.#zero)
  }

  /** For how many items of each list a condition holds, [lists, 1]; of pairs [lists, m, m] likewise. */
  count(condition: Onnx.Expression<"bool">): Onnx.Expression<T> {
    return this.#perList(this.indicator(condition))
  }

  #perList(x: Onnx.Expression<T>): Onnx.Expression<T> {
    const sum = x.shape.length === 3 ? Onnx.reduceSum(x, [2]) : x
    return Onnx.reduceSum(sum, [1], true)
  }

  /** The sum in each list of values of the items or pairs for which a condition holds, [lists, 1]. */
  sum(condition: Onnx.Expression<"bool">, x: Onnx.Expression<T>): Onnx.Expression<T> {
    return this.#perList(this.only(condition, x))
  }

  /** Their mean, 0 where there are none, [lists, 1]. */
  mean(condition: Onnx.Expression<"bool">, x: Onnx.Expression<T>): Onnx.Expression<T> {
    return Onnx.divide(this.sum(condition, x), Onnx.maximum(this.count(condition), 1))
  }

  /** The mean over the lists that count of a value of each, [lists, 1] → []; 0 where none does. */
  overLists(x: Onnx.Expression<T>): Onnx.Expression<T> {
    const total = Onnx.reduceSum(this.only(this.counts, x), [0, 1])
    return Onnx.divide(total, Onnx.maximum(this.counted, 1))
  }

  /** A value of each item as one of each pair (i, j), by its first or its second item: [lists, m, 1] or [lists, 1, m]. */
  first<E extends Onnx.ElementType>(x: Onnx.Expression<E>): Onnx.Expression<E> {
    return Onnx.unsqueeze(x, [2])
  }

  second<E extends Onnx.ElementType>(x: Onnx.Expression<E>): Onnx.Expression<E> {
    return Onnx.unsqueeze(x, [1])
  }

  /** x_i − x_j, [lists, m, m]. */
  difference(x: Onnx.Expression<T>): Onnx.Expression<T> {
    return Onnx.subtract(this.first(x), this.second(x))
  }

  /** The pairs (i, j) with grade_i > grade_j, [lists, m, m]. */
  better(): Onnx.Expression<"bool"> {
    return Onnx.and(Onnx.greater(this.first(this.grades), this.second(this.grades)), this.second(this.present))
  }

  /** Whether j stands behind i in its list, [m, m], or is i. */
  #places(compare: (i: Onnx.Expression<"int64">, j: Onnx.Expression<"int64">) => Onnx.Expression<"bool">) {
    const positions = Onnx.range(this.scores.shape[1] ?? 0, "int64")
    return compare(Onnx.unsqueeze(positions, [1]), Onnx.unsqueeze(positions, [0]))
  }

  /** The values at (i, i) of pairs, [lists, m]. */
  diagonal(x: Onnx.Expression<T>): Onnx.Expression<T> {
    return Onnx.reduceSum(this.only(this.#places(Onnx.equal), x), [2])
  }

  /**
   * The rank of each item from 1 by descending values, [lists, m]; of equal ones the later in its list ranks first. Nothing
   * has a gradient through it.
   */
  ranks(values: Onnx.Expression<T>): Onnx.Expression<T> {
    const tied = Onnx.equal(this.second(values), this.first(values))
    const above = Onnx.or(
      Onnx.greater(this.second(values), this.first(values)),
      Onnx.and(tied, this.#places(Onnx.less)),
    )
    return Onnx.add(Onnx.reduceSum(this.indicator(Onnx.and(above, this.second(this.present))), [2]), 1)
  }

  /** log softmax over those of the last axis for which a condition holds. */
  logSoftmax(condition: Onnx.Expression<"bool">, x: Onnx.Expression<T>): Onnx.Expression<T> {
    return Onnx.logSoftmax(Onnx.where(condition, x, Onnx.scalarLike(x, lowest)), -1)
  }
}
