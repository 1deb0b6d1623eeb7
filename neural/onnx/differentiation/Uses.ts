import * as Dim from "../Dim.ts"
import type { Expression } from "../Expression.ts"
import { type Floating, isFloating } from "./Rule.ts"

/** What uses each tensor that a gradient leads to, once for every time; a tensor with a gradient of its own has none. */
export type Uses = ReadonlyMap<Expression, readonly Floating[]>

export const usesOf = (
  order: readonly Expression[],
  isLedTo: (x: Expression) => boolean,
  outputs: readonly Expression[],
): Uses => {
  const uses = new Map<Expression, Floating[]>()
  for (const node of order) {
    if (!isLedTo(node) || !isFloating(node)) continue
    for (const input of node.inputs) {
      if (isLedTo(input)) uses.set(input, [...(uses.get(input) ?? []), node])
    }
  }
  for (const output of outputs) uses.delete(output)
  return uses
}

const sameShape = (a: Dim.Shape, b: Dim.Shape): boolean =>
  a.length === b.length && a.every((size, axis) => Dim.equals(size, b[axis]!))

/**
 * The matrix product Z = Y V that the rows of y go into, and nothing else: as they are, in another shape, or times something
 * of their shape that has no gradient (dropout). With the gradients g of y and h of Z then Σ g y = Σ h Z for each row: a sum
 * over a head's width, where Σ g y is one over all that is attended to.
 */
export const productOfRows = (y: Floating, uses: Uses): Floating | undefined => {
  let rows = y
  for (;;) {
    const [use, ...others] = uses.get(rows) ?? []
    if (use === undefined || others.length > 0) return undefined
    const [first] = use.inputs
    switch (use.operation.kind) {
      case "MatMul":
        return first === rows && sameShape(use.shape.slice(0, -1), rows.shape.slice(0, -1)) ? use : undefined
      case "Mul":
        if (!sameShape(use.shape, rows.shape) || use.inputs.every((input) => uses.has(input))) return undefined
        break
      case "Reshape":
        if (!Dim.equals(use.shape.at(-1) ?? 1, rows.shape.at(-1) ?? 1)) return undefined
        break
      default:
        return undefined
    }
    rows = use
  }
}
