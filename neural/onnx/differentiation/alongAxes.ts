import * as Dim from "../Dim.ts"
import {
  add,
  cast,
  dimension,
  divide,
  equal,
  expand,
  exponential,
  gemm,
  matMul,
  multiply,
  reciprocal,
  reduceMean,
  reduceSum,
  reshape,
  squareRoot,
  subtract,
} from "../Expression.ts"
import type { ReductionKind } from "../Operation.ts"
import { columnSums, type Floating, floatingInput, type Rule } from "./Rule.ts"

/** (g − Σ g y) y; the sums may be known from elsewhere. */
export const softmaxGradient = (y: Floating, gradient: Floating, axis: number, sums?: Floating): Floating =>
  multiply(subtract(gradient, sums ?? reduceSum(multiply(gradient, y), [axis], true)), y)

/** g − exp(y) Σ g */
export const logSoftmaxRule =
  (axis: number): Rule =>
  (node, gradient) => [subtract(gradient, multiply(exponential(node), reduceSum(gradient, [axis], true)))]

/** A tensor divided by a size. */
const dividedBy = (x: Floating, size: Dim.Dim): Floating =>
  typeof size === "number" ? multiply(x, 1 / size) : divide(x, dimension(size, x.type))

/** The rule of a reduction over some axes. */
export const reductionRule =
  (kind: ReductionKind, axes: readonly number[]): Rule =>
  (node, gradient) => {
    const x = floatingInput(node, 0)
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    const spread = reshape(gradient, kept)
    switch (kind) {
      case "ReduceSum":
        return [expand(spread, x.shape)]
      case "ReduceMean": {
        const count = Dim.elements(axes.map((axis) => x.shape[axis] ?? 1))
        return [expand(dividedBy(spread, count), x.shape)]
      }
      case "ReduceMax":
      case "ReduceMin": {
        const reached = cast(equal(x, reshape(node, kept)), x.type)
        return [multiply(reached, divide(spread, reduceSum(reached, axes, true)))]
      }
    }
  }

/** What a normalisation over the last axis, of gain γ, works on: all rows under one another. */
const normalizedRows = (node: Floating, gradient: Floating) => {
  const [x, gain] = [floatingInput(node, 0), floatingInput(node, 1)]
  const width = x.shape.at(-1) ?? 0
  const shape = [Dim.elements(x.shape.slice(0, -1)), width]
  const column = reshape(gain, [width, 1])
  return { x: reshape(x, shape), gain, column, gradient: reshape(gradient, shape), shape: x.shape, width }
}

/** 1 / √(mean of squares + ε) of each row, [rows, 1]. */
const inverseRoot = (x: Floating, width: Dim.Dim, epsilon: number): Floating =>
  reciprocal(squareRoot(add(dividedBy(reduceSum(multiply(x, x), [1], true), width), epsilon)))

/** The sums of a matrix's columns, its rows weighted by a column. */
const weightedSums = (weights: Floating, x: Floating): Floating =>
  reshape(gemm(reshape(weights, [1, x.shape[0] ?? 0]), x), [x.shape[1] ?? 0])

/**
 * y = γ x r, r = 1 / √(mean x² + ε): the gradient of x is r (γ g − x r² mean(γ g x)), that of γ is Σ g x r. Both sums are
 * products of g x with a vector.
 */
export const rmsNormalizationRule =
  (epsilon: number): Rule =>
  (node, outer) => {
    const { column, gain, gradient, shape, width, x } = normalizedRows(node, outer)
    const root = inverseRoot(x, width, epsilon)
    const weighted = multiply(gradient, x)
    const along = multiply(dividedBy(matMul(weighted, column), width), multiply(root, root))
    const ofX = multiply(subtract(multiply(gradient, gain), multiply(x, along)), root)
    return [reshape(ofX, shape), weightedSums(root, weighted)]
  }

/**
 * y = γ d r + β, d = x − mean x, r = 1 / √(mean d² + ε): the gradient of x is r (γ g − mean(γ g) − d r² mean(γ g d)), that
 * of γ is Σ g d r, that of β is Σ g.
 */
export const layerNormalizationRule =
  (epsilon: number): Rule =>
  (node, outer) => {
    const { column, gain, gradient, shape, width, x } = normalizedRows(node, outer)
    const centred = subtract(x, reduceMean(x, [1], true))
    const root = inverseRoot(centred, width, epsilon)
    const weighted = multiply(gradient, centred)
    const along = multiply(dividedBy(matMul(weighted, column), width), multiply(root, root))
    const level = dividedBy(matMul(gradient, column), width)
    const inner = subtract(subtract(multiply(gradient, gain), level), multiply(centred, along))
    return [reshape(multiply(inner, root), shape), weightedSums(root, weighted), reshape(columnSums(gradient), [width])]
  }
