import { readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  arraysOf,
  kernelSpaces,
  ordinarySpace,
  RowSum,
  type Space,
  squaredNorm,
  updateOf,
} from "../../../neural/optimizers/index.ts"
import { kernelsOf } from "../../../neural/optimizers/kernels/kernelSpaces.ts"
import { OptimizerSettings } from "../../../schemas/index.ts"
import { compiledKernel, kernelModules } from "../../support/kernelModule.ts"

const settings = Schema.decodeUnknownSync(OptimizerSettings)({})

/** Numbers of all sizes that a gradient may have, and the odd ones. */
const value = fc.oneof(
  fc.float({ noNaN: true, min: -2, max: 2 }),
  fc.constantFrom(0, -0, 1e-30, -1e-38, 1e-45, 3e19, Number.POSITIVE_INFINITY, Number.NaN),
)
interface Steps {
  readonly rows: number
  readonly width: number
  readonly start: readonly number[]
  readonly gradients: readonly {
    readonly used: readonly number[]
    readonly values: readonly number[]
    readonly scale: number
    readonly decay: number
  }[]
}

const steps: fc.Arbitrary<Steps> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 19 }))
  .chain(([rows, width]) =>
    fc.record({
      rows: fc.constant(rows),
      width: fc.constant(width),
      start: fc.array(value, { minLength: rows * width, maxLength: rows * width }),
      gradients: fc.array(
        fc.record({
          used: fc.array(fc.integer({ min: 0, max: rows - 1 }), { maxLength: rows }),
          values: fc.array(value, { minLength: rows * width, maxLength: rows * width }),
          scale: fc.constantFrom(1, 0.3),
          decay: fc.constantFrom(0, 0.1),
        }),
        { minLength: 1, maxLength: 4 },
      ),
    }),
  )

/** The bits of what a weight becomes, of its moments, and of the gradients' norms. */
const bitsAfter = (
  { gradients, rows, start, width }: Steps,
  byRow: boolean,
  space: Space,
): readonly (readonly number[])[] => {
  const weight = space(start.length)
  const values = byRow ? new Float32Array(0) : space(start.length)
  weight.set(start)
  const update = updateOf(settings, [rows, width], byRow, space)
  const norms: number[] = []
  gradients.forEach((gradient, step) => {
    const terms = { rate: 1e-2, decay: gradient.decay, scale: gradient.scale, count: step + 1 }
    if (byRow) {
      const sum = new RowSum(rows, width)
      sum.add(BigInt64Array.from(gradient.used, BigInt), Float32Array.from(gradient.values))
      update.apply(weight, sum.gradient(), terms)
      return
    }
    values.set(gradient.values)
    norms.push(squaredNorm({ kind: "dense", values }))
    update.apply(weight, { kind: "dense", values }, terms)
  })
  const bits = (array: Float32Array | Int32Array) => Array.from(new Int32Array(array.slice().buffer))
  return [bits(weight), ...Object.values(update.memory).map(bits), norms]
}

describe("update kernels", () => {
  it.each(kernelModules)("T23 the module $constant is what its text compiles to", async (module) => {
    expect(readFileSync(module.bytes, "utf8")).toBe(await compiledKernel(module))
  })

  it.each([false, true])("T23 an update in a kernel's memory makes the bytes of one elsewhere; by row: %s", (byRow) => {
    fc.assert(
      fc.property(steps, (given) => {
        const { rows, width } = given
        const elements = rows * width
        const gradient = byRow ? [] : [elements]
        // Between others, whose arrays an update must leave alone.
        const own = [elements, ...gradient, ...arraysOf(settings, [rows, width], byRow)]
        const [before, space, after] = kernelSpaces([[5], own, [5]])
        if (before === undefined || space === undefined || after === undefined) throw new Error("a space is missing")
        const neighbours = [before(5).fill(7), after(5).fill(7)]
        expect(bitsAfter(given, byRow, space)).toEqual(bitsAfter(given, byRow, ordinarySpace))
        for (const neighbour of neighbours) expect(Array.from(neighbour)).toEqual([7, 7, 7, 7, 7])
      }),
    )
  })

  it("T23 a set's arrays lie in one memory with kernels; what a set has no room for, and what none can hold, is made elsewhere", () => {
    const [small, huge, last] = kernelSpaces([[3, 8], [2 ** 29, 4], [2]])
    if (small === undefined || huge === undefined || last === undefined) throw new Error("a space is missing")
    const [a, b] = [small(3), small(8)]
    expect(kernelsOf(a, b)).toBeDefined()
    expect(b.byteOffset % 16).toBe(0)
    expect(kernelsOf(a, small(1))).toBeUndefined()
    expect(kernelsOf(huge(4))).toBeUndefined()
    expect(kernelsOf(last(2))).toBeDefined()
    expect(kernelsOf(new Float32Array(4))).toBeUndefined()
  })
})
