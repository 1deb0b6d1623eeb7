import * as Dim from "../Dim.ts"
import type { FloatType } from "../ElementType.ts"
import { type Expression, expand, gemm, reduceSum, reshape, scalarLike, transpose } from "../Expression.ts"
import { GraphError } from "../GraphError.ts"

/** A tensor that can have a gradient. */
export type Floating = Expression<FloatType>

/**
 * The gradients of a node's inputs, in their order, from the node (whose value and inputs may be used) and the gradient of
 * its value. Undefined where an input has none: indices, conditions. What nobody asks for is not in any graph, so a rule
 * need not know which inputs matter.
 */
export type Rule = (node: Floating, gradient: Floating) => readonly (Floating | undefined)[]

/** Whether a tensor's elements are floating-point numbers: others have no gradient. */
export const isFloating = (x: Expression): x is Floating =>
  x.type === "float32" || x.type === "float64" || x.type === "float16" || x.type === "bfloat16"

/** An input of a node that the operation wants to be floating. */
export const floatingInput = (node: Expression, index: number): Floating => {
  const found = node.inputs[index]
  if (found !== undefined && isFloating(found)) return found
  throw new GraphError("gradient", `${node.operation.kind} has no floating-point input ${index}`)
}

/** A shape filled with one number, of a tensor's element type. */
export const filled = (like: Floating, shape: Dim.Shape, value: number): Floating => {
  const one = scalarLike(like, value)
  return shape.length === 0 ? one : expand(one, shape)
}

/** The sums of a matrix's columns, [1, columns]: a product with a row of ones, which takes half the time of a reduction. */
export const columnSums = (x: Floating): Floating => gemm(filled(x, [1, x.shape[0] ?? 0], 1), x)

/** A gradient with the axes summed that broadcasting repeated. */
export const summedTo = (gradient: Floating, shape: Dim.Shape): Floating => {
  const added = gradient.shape.length - shape.length
  const repeated: number[] = []
  gradient.shape.forEach((size, axis) => {
    const own = axis < added ? undefined : shape[axis - added]
    if (own === undefined || !Dim.equals(own, size)) repeated.push(axis)
  })
  if (repeated.length === 0) return gradient
  if (gradient.shape.length === 2 && repeated.length === 1 && repeated[0] === 0) {
    return reshape(columnSums(gradient), shape)
  }
  const keeps = repeated.every((axis) => axis < added)
  const summed = reduceSum(gradient, repeated, !keeps)
  return keeps || added === 0 ? summed : reshape(summed, shape)
}

/** A tensor with its last two axes exchanged. */
export const swapped = (x: Floating): Floating => {
  const axes = x.shape.map((_, axis) => axis)
  const rank = axes.length
  return transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2])
}
