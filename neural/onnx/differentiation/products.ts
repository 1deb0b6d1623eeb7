import * as Dim from "../Dim.ts"
import { gemm, matMul, multiply, reshape, transpose } from "../Expression.ts"
import { type Floating, floatingInput, type Rule, summedTo, swapped } from "./Rule.ts"

/** From how many columns on a matrix is transposed before it is multiplied, and not by the product. */
const columnsToTranspose = 128

/** Aᵀ B of matrices that have many rows. */
const overRows = (a: Floating, b: Floating): Floating => {
  const [rows = 0, ...columns] = [a.shape[0], a.shape[1], b.shape[1]]
  const [ofA, ofB] = columns
  const wide = (size: Dim.Dim | undefined): size is number => typeof size === "number" && size >= columnsToTranspose
  if (typeof rows === "number" || !wide(ofA) || !wide(ofB)) return gemm(a, b, { transposeA: true })
  // onnxruntime's product reads a transposed matrix a few columns at a time, all rows of them, which takes a third longer than
  // transposing the narrower one first. Through a third axis, for else it would make both one again.
  const [narrow, other, columnsOfNarrow] = ofA <= ofB ? [a, b, ofA] : [b, a, ofB]
  const turned = transpose(reshape(narrow, [1, rows, columnsOfNarrow]), [0, 2, 1])
  const product = gemm(reshape(turned, [columnsOfNarrow, rows]), other)
  return ofA <= ofB ? product : transpose(product, [1, 0])
}

/** Y = op(A) op(B) + C: each gradient is a product again, with its transposes inside it. */
export const gemmRule =
  (transposeA: boolean, transposeB: boolean): Rule =>
  (node, gradient) => {
    const [a, b] = [floatingInput(node, 0), floatingInput(node, 1)]
    const ofA = transposeA
      ? gemm(b, gradient, { transposeA: transposeB, transposeB: true })
      : gemm(gradient, b, { transposeB: !transposeB })
    const ofB = transposeA
      ? transposeB
        ? gemm(gradient, a, { transposeA: true, transposeB: true })
        : gemm(a, gradient)
      : transposeB
        ? overRows(gradient, a)
        : overRows(a, gradient)
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
  if (b.shape.length === 2) return [ofA, overRows(asRows(a), asRows(gradient))]
  return [ofA, summedTo(product(swapped(a), gradient), b.shape)]
}
