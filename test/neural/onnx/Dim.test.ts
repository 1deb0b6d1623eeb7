import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  add,
  type Dim,
  divide,
  dividedUp,
  equals,
  evaluate,
  multiply,
  named,
  namesOf,
  showDim,
  subtract,
} from "../../../neural/onnx/Dim.ts"

const names = ["batch", "sequence", "m"] as const
const dim: fc.Arbitrary<Dim> = fc.letrec<{ dim: Dim }>((tie) => ({
  dim: fc.oneof(
    { maxDepth: 4 },
    fc.integer({ min: -5, max: 9 }),
    fc.constantFrom(...names).map(named),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => add(a, b)),
    fc.tuple(tie("dim"), tie("dim")).map(([a, b]) => multiply(a, b)),
  ),
})).dim

const binding = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 50 }))
  .map((values) => new Map(names.map((name, i) => [String(name), values[i] ?? 1])))

describe("sizes", () => {
  it("N1 arithmetic on sizes is arithmetic on their values", () => {
    fc.assert(
      fc.property(dim, dim, binding, (a, b, values) => {
        const [x = 0, y = 0] = [evaluate(a, values), evaluate(b, values)]
        expect(evaluate(add(a, b), values)).toBe(x + y)
        expect(evaluate(subtract(a, b), values)).toBe(x - y)
        expect(evaluate(multiply(a, b), values)).toBe(x * y + 0)
      }),
    )
  })

  it("N1 equal sizes are written the same, in whatever order they were made", () => {
    fc.assert(
      fc.property(dim, dim, dim, (a, b, c) => {
        expect(equals(multiply(a, add(b, c)), add(multiply(c, a), multiply(b, a)))).toBe(true)
        expect(showDim(add(add(a, b), c))).toBe(showDim(add(a, add(c, b))))
        expect(subtract(a, a)).toBe(0)
      }),
    )
  })

  it("N1 a quotient rounded up has the value of its parts, and none of a size that is no input's", () => {
    const text = fc.integer({ min: 0, max: 500 })
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 70 }), (length, by) => {
        const blocks = dividedUp(named("m"), by)
        if (blocks === undefined) throw new Error("there is none")
        expect(evaluate(add(multiply(blocks, by), 1), new Map([["m", length]]))).toBe(Math.ceil(length / by) * by + 1)
        expect(dividedUp(length, by)).toBe(Math.ceil(length / by))
        expect([...namesOf(multiply(blocks, named("batch")))].sort()).toEqual(["batch", "m"])
        expect(dividedUp(blocks, 2)).toBeUndefined()
      }),
    )
    expect(dividedUp(add(named("m"), 1), 2)).toBeUndefined()
  })

  it("N1 division undoes multiplication by a product of names", () => {
    const factor = multiply(3, multiply(named("batch"), named("m")))
    fc.assert(
      fc.property(dim, (a) => {
        const quotient = divide(multiply(a, factor), factor)
        expect(quotient !== undefined && equals(quotient, a)).toBe(true)
      }),
    )
    expect(divide(named("batch"), 2)).toBeUndefined()
    expect(divide(add(named("batch"), 1), named("batch"))).toBeUndefined()
  })
})
