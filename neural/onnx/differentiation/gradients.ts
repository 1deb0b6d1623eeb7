import * as Dim from "../Dim.ts"
import type { ElementType, FloatType } from "../ElementType.ts"
import { add, concat, type Expression, integers, multiply, reduceSum, reshape } from "../Expression.ts"
import { inOrder } from "../Graph.ts"
import { ElementTypeError, GraphError, ShapeError } from "../GraphError.ts"
import {
  layerNormalizationRule,
  logSoftmaxRule,
  reductionRule,
  rmsNormalizationRule,
  softmaxGradient,
} from "./alongAxes.ts"
import { binaryRule, castRule, geluRule, unaryRule, whereRule } from "./elementwise.ts"
import {
  concatRule,
  expandRule,
  gatherElementsRule,
  gatheredRows,
  gatherRule,
  gradientsOfParts,
  type Part,
  reshapeRule,
  scatterElementsRule,
  scatterNDRule,
  transposeRule,
} from "./placement.ts"
import { gemmRule, matMulRule } from "./products.ts"
import { type Floating, filled, isFloating, type Rule } from "./Rule.ts"
import { productOfRows, type Uses, usesOf } from "./Uses.ts"

/** What is differentiated: Σ seed · of. */
export interface Differentiated {
  readonly of: Floating
  /** The gradient of `of`, in its shape and element type. Default: ones. */
  readonly seed?: Floating
}

/**
 * A gradient that is zero but for some entries of axis 0: `rows[i]` belongs to the entry `indices[i]`. An entry may occur
 * several times; its gradient is the sum.
 */
export interface RowGradient<T extends FloatType = FloatType> {
  /** [n] */
  readonly indices: Expression<"int64">
  /** [n, …], the rest as in the tensor */
  readonly rows: Expression<T>
}

const noRule: Rule = (node) => {
  throw new GraphError("gradient", `${node.operation.kind} has no gradient`)
}

const ruleOf = (node: Floating): Rule => {
  const { operation } = node
  switch (operation.kind) {
    case "Neg":
    case "Abs":
    case "Sign":
    case "Floor":
    case "Reciprocal":
    case "Sqrt":
    case "Exp":
    case "Log":
    case "Sin":
    case "Cos":
    case "Tanh":
    case "Erf":
    case "Sigmoid":
    case "Softplus":
    case "Relu":
    case "Step":
      return unaryRule(operation.kind)
    case "Add":
    case "Sub":
    case "Mul":
    case "Div":
    case "Pow":
    case "Min":
    case "Max":
      return binaryRule(operation.kind)
    case "Where":
      return whereRule
    case "Cast":
      return castRule
    case "Gelu":
      return geluRule(operation.approximation)
    case "MatMul":
      return matMulRule
    case "Gemm":
      return gemmRule(operation.transposeA, operation.transposeB)
    case "LogSoftmax":
      return logSoftmaxRule(operation.axis)
    case "ReduceSum":
    case "ReduceMean":
    case "ReduceMax":
    case "ReduceMin":
      return reductionRule(operation.kind, operation.axes)
    case "LayerNormalization":
      return layerNormalizationRule(operation.epsilon)
    case "RmsNormalization":
      return rmsNormalizationRule(operation.epsilon)
    case "Gather":
      return gatherRule(operation.axis)
    case "GatherElements":
      return gatherElementsRule(operation.axis)
    case "ScatterND":
      return scatterNDRule(operation.reduction)
    case "ScatterElements":
      return scatterElementsRule(operation.axis, operation.reduction)
    case "Transpose":
      return transposeRule(operation.permutation)
    case "Reshape":
      return reshapeRule
    case "Expand":
      return expandRule
    case "Concat":
      return concatRule(operation.axis)
    default:
      return noRule
  }
}

/** The gradient of one node while it is being gathered from the node's users. */
class Gathered {
  readonly #node: Floating
  #sum: Floating | undefined
  readonly #parts: Part[] = []

  constructor(node: Floating) {
    this.#node = node
  }

  add(gradient: Floating): void {
    this.#sum = this.#sum === undefined ? gradient : add(this.#sum, gradient)
  }

  addPart(part: Part): void {
    this.#parts.push(part)
  }

  total(): Floating | undefined {
    for (const whole of gradientsOfParts(this.#node, this.#parts.splice(0))) this.add(whole)
    return this.#sum
  }
}

/** Whether a gradient leads on to an input. */
const leadsTo = (input: Expression, needed: ReadonlySet<Expression>): input is Floating =>
  isFloating(input) && needed.has(input)

const nameOf = ({ operation }: Expression): string =>
  operation.kind === "Parameter" || operation.kind === "Input" ? operation.name : `a ${operation.kind}`

/** One sweep from the outputs back to the tensors that are asked for. */
class Sweep {
  readonly #needed = new Set<Expression>()
  readonly #gathered = new Map<Expression, Gathered>()
  readonly #rows = new Map<Expression, RowGradient[]>()
  readonly #uses: Uses

  constructor(outputs: readonly Differentiated[], dense: readonly Expression[], byRow: readonly Expression[]) {
    for (const each of [...dense, ...byRow]) {
      if (!isFloating(each)) throw new ElementTypeError("Gradient", [each.type], "only floating-point tensors have one")
      this.#needed.add(each)
    }
    for (const table of byRow) this.#rows.set(table, [])
    const order = inOrder(outputs.map(({ of }) => of))
    for (const node of order) {
      if (isFloating(node) && node.inputs.some((input) => leadsTo(input, this.#needed))) this.#needed.add(node)
    }
    this.#uses = usesOf(
      order,
      (input) => leadsTo(input, this.#needed),
      outputs.map(({ of }) => of),
    )
    for (const { of, seed } of outputs) this.#start(of, seed ?? filled(of, of.shape, 1))
    for (const node of [...order].reverse()) if (leadsTo(node, this.#needed)) this.#pass(node)
  }

  dense(x: Floating): Floating {
    return this.#gathered.get(x)?.total() ?? filled(x, x.shape, 0)
  }

  rows(x: Floating): RowGradient {
    const found = this.#rows.get(x) ?? []
    const [first] = found
    if (first === undefined) {
      return { indices: integers([], [0]), rows: filled(x, [0, ...x.shape.slice(1)], 0) }
    }
    if (found.length === 1) return first
    return {
      indices: concat(
        found.map(({ indices }) => indices),
        0,
      ),
      rows: concat(
        found.map(({ rows }) => rows),
        0,
      ),
    }
  }

  #start(of: Floating, seed: Floating): void {
    if (seed.type !== of.type)
      throw new ElementTypeError("Gradient", [of.type, seed.type], "a seed has its output's type")
    const fits = seed.shape.length === of.shape.length && seed.shape.every((size, i) => Dim.equals(size, of.shape[i]!))
    if (!fits) throw new ShapeError("Gradient", [of.shape, seed.shape], "a seed has its output's shape")
    if (this.#needed.has(of)) this.#of(of, "the seed").add(seed)
  }

  #of(node: Floating, from: string): Gathered {
    if (this.#rows.has(node)) {
      const why = `its gradient is asked for by row, but comes from ${from} and not from gathers along its first axis`
      throw new GraphError("gradient", `${nameOf(node)}: ${why}`)
    }
    const known = this.#gathered.get(node)
    if (known !== undefined) return known
    const made = new Gathered(node)
    this.#gathered.set(node, made)
    return made
  }

  /** Σ g y along the last axis of y, if it can be had from the product that y goes into. */
  #sumsAlong(y: Floating, axis: number): Floating | undefined {
    const product = axis === y.shape.length - 1 ? productOfRows(y, this.#uses) : undefined
    const gradient = product && this.#gathered.get(product)?.total()
    if (product === undefined || gradient === undefined) return undefined
    return reshape(reduceSum(multiply(gradient, product), [-1]), [...y.shape.slice(0, -1), 1])
  }

  /** Takes the gradient of a node to its inputs. */
  #pass(node: Floating): void {
    const gradient = this.#gathered.get(node)?.total()
    if (gradient === undefined || !node.inputs.some((input) => leadsTo(input, this.#needed))) return
    const { operation } = node
    const [first] = node.inputs
    const rows = first === undefined ? undefined : this.#rows.get(first)
    if (operation.kind === "Gather" && operation.axis === 0 && rows !== undefined) {
      rows.push(gatheredRows(node, gradient))
      return
    }
    if (operation.kind === "Slice" && first !== undefined && leadsTo(first, this.#needed)) {
      const { axis, end, start } = operation
      this.#of(first, operation.kind).addPart({ axis, start, end, gradient })
      return
    }
    const contributions =
      operation.kind === "Softmax"
        ? [softmaxGradient(node, gradient, operation.axis, this.#sumsAlong(node, operation.axis))]
        : ruleOf(node)(node, gradient)
    node.inputs.forEach((input, index) => {
      const contribution = contributions[index]
      if (contribution === undefined || !leadsTo(input, this.#needed)) return
      this.#of(input, operation.kind).add(contribution)
    })
  }
}

const hasTypeOf = <T extends ElementType>(gradient: Expression, x: Expression<T>): gradient is Expression<T> =>
  gradient.type === x.type

const typed = <T extends FloatType>(gradient: Floating, x: Expression<T>): Expression<T> => {
  if (hasTypeOf(gradient, x)) return gradient
  throw new ElementTypeError("Gradient", [x.type, gradient.type], "a gradient has its tensor's type")
}

/** Which gradients are wanted, and in which form. */
export interface Wanted<T extends FloatType> {
  /** In the tensors' own shapes. */
  readonly dense?: readonly Expression<T>[]
  /**
   * By row: of tables that are used by gathers along their first axis and in no other way. An embedding's gradient then
   * costs as much as the rows that a batch touches.
   */
  readonly byRow?: readonly Expression<T>[]
}

export interface Gradients<T extends FloatType> {
  readonly dense: readonly Expression<T>[]
  readonly byRow: readonly RowGradient<T>[]
}

/**
 * The gradients of Σ seed · of, as expressions: reverse-mode differentiation. They use the values that the outputs are
 * computed from, so that a graph with both computes those once. Each is in its tensor's element type; that of a tensor which
 * no output depends on is zero (no rows). Through whole numbers, conditions and comparisons there is no gradient. At a
 * kink the gradient is one that PyTorch also gives: 0 for relu and |x| at 0, equal shares where a minimum or maximum is
 * reached more than once.
 *
 * @throws GraphError where the way to a tensor leads through an operation without a gradient (floor, sign, step), naming it, or
 *   where a gradient by row is asked for and the table is used in another way
 * @throws ShapeError, ElementTypeError where a seed does not fit its output, or a tensor is not floating-point
 */
export const differentiate = <T extends FloatType>(
  outputs: readonly Differentiated[],
  wanted: Wanted<T>,
): Gradients<T> => {
  const { byRow = [], dense = [] } = wanted
  const sweep = new Sweep(outputs, dense, byRow)
  return {
    dense: dense.map((x) => typed(sweep.dense(x), x)),
    byRow: byRow.map((x) => {
      const { indices, rows } = sweep.rows(x)
      return { indices, rows: typed(rows, x) }
    }),
  }
}

/** The gradients of Σ seed · of in the shapes of the tensors: `differentiate` with all of them dense. */
export const gradients = <T extends FloatType>(
  outputs: readonly Differentiated[],
  wrt: readonly Expression<T>[],
): readonly Expression<T>[] => differentiate(outputs, { dense: wrt }).dense
