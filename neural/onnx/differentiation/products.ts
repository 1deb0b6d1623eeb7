import * as Dim from "../Dim.ts"
import { gemm, matMul, multiply, reshape } from "../Expression.ts"
import { type Floating, floatingInput, type Rule, summedTo, swapped } from "./Rule.ts"

/** Y = op(A) op(B) + C: each gradient is a product again, with its transposes inside it. */
export const gemmRule =
  (transposeA: boolean, transposeB: boolean): Rule =>
  (node, gradient) => {
    const [a, b] = [floatingInput(node, 0), floatingInput(node, 1)]
    const ofA = transposeA
      ? gemm(b, gradient, { transposeA: transposeB, transposeB: true })
      : gemm(gradient, b, { transposeB: !transposeB })
    const ofB = transposeB
      ? gemm(gradient, a, { transposeA: true, transposeB: transposeA })
      : gemm(a, gradient, { transposeA: !transposeA })
    if (node.inputs.length < 3) return [ofA, ofB]
    return [ofA, ofB, summedTo(gradient, floatingInput(node, 2).shape)]
  }

/** A matrix product, or where the inner size is 1 the multiplication that it comes to. */
const product = (a: Floating, b: Floating): Floating =>
  Dim.equals(a.shape.at(-1) ?? 0, 1) ? multiply(a, b) : matMul(a, b)

/** All rows of a tensor under one another. */
const asRows = (x: Floating): Floating => reshape(x, [Dim.elements(x.shape.slice(0, -1)), x.shape.at(-1) ?? 0])

export const matMulRule: Rule = (node, gradient) => {
  const [a, b] = [floatingInput(node, 0), floatingInput(node, 1)]
  const ofA = summedTo(product(gradient, swapped(b)), a.shape)
  // One matrix for all rows: one product sums over them.
  if (b.shape.length === 2) return [ofA, gemm(asRows(a), asRows(gradient), { transposeA: true })]
  return [ofA, summedTo(product(swapped(a), gradient), b.shape)]
}
