import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, int64s, layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"
import { differencesOfGradients, type Variable } from "./finiteDifferences.ts"
import { runGraph, valueOf } from "./run.ts"

type Doubles = Onnx.Expression<"float64">
interface Case {
  readonly of: readonly Variable[]
  readonly build: (...inputs: readonly Doubles[]) => Doubles
}

const one =
  (build: (x: Doubles) => Doubles): Case["build"] =>
  (x) => {
    if (x === undefined) throw new Error("one input")
    return build(x)
  }
const two =
  (build: (a: Doubles, b: Doubles) => Doubles): Case["build"] =>
  (a, b) => {
    if (a === undefined || b === undefined) throw new Error("two inputs")
    return build(a, b)
  }
const three =
  (build: (a: Doubles, b: Doubles, c: Doubles) => Doubles): Case["build"] =>
  (a, b, c) => {
    if (a === undefined || b === undefined || c === undefined) throw new Error("three inputs")
    return build(a, b, c)
  }

const positive = (uniform: number): number => 0.3 + 2 * uniform
/** Not near 0: the kink of |x| and relu. */
const apart = (uniform: number): number => (uniform < 0.5 ? -0.1 - 2 * uniform : 0.1 + 2 * (uniform - 0.5))
const square: readonly Variable[] = [{ shape: [3, 4] }]
const cube: readonly Variable[] = [{ shape: [2, 3, 4] }]
const pair: readonly Variable[] = [{ shape: [2, 3, 4] }, { shape: [3, 1] }]
const ids = Onnx.integers([2, 0, 2, 1], [2, 2])
const lower = Onnx.constant([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0], [3, 4])

const cases: Readonly<Record<string, Case>> = {
  Neg: { of: square, build: one(Onnx.negate) },
  Abs: { of: [{ shape: [3, 4], draw: apart }], build: one(Onnx.absolute) },
  Reciprocal: { of: [{ shape: [3, 4], draw: positive }], build: one(Onnx.reciprocal) },
  Sqrt: { of: [{ shape: [3, 4], draw: positive }], build: one(Onnx.squareRoot) },
  Exp: { of: square, build: one(Onnx.exponential) },
  Log: { of: [{ shape: [3, 4], draw: positive }], build: one(Onnx.logarithm) },
  Sin: { of: square, build: one(Onnx.sine) },
  Cos: { of: square, build: one(Onnx.cosine) },
  Tanh: { of: square, build: one(Onnx.tanh) },
  Sigmoid: { of: square, build: one(Onnx.sigmoid) },
  Softplus: { of: square, build: one(Onnx.softplus) },
  Relu: { of: [{ shape: [3, 4], draw: apart }], build: one(Onnx.relu) },
  Add: { of: pair, build: two(Onnx.add) },
  Sub: { of: pair, build: two((a, b) => Onnx.subtract(b, a)) },
  Mul: { of: pair, build: two(Onnx.multiply) },
  MulBySelf: { of: square, build: one((x) => Onnx.multiply(x, x)) },
  Div: { of: [{ shape: [3, 1] }, { shape: [2, 3, 4], draw: positive }], build: two(Onnx.divide) },
  Pow: { of: [{ shape: [3, 4], draw: positive }, { shape: [4] }], build: two(Onnx.power) },
  PowTwo: { of: square, build: one((x) => Onnx.power(x, 2)) },
  PowThree: { of: square, build: one((x) => Onnx.power(x, 3)) },
  Min: { of: pair, build: two(Onnx.minimum) },
  Max: { of: pair, build: two(Onnx.maximum) },
  Where: {
    of: [{ shape: [3, 4] }, { shape: [2, 1, 4] }],
    build: two((a, b) => Onnx.where(Onnx.greater(lower, 0), a, b)),
  },
  Cast: { of: square, build: one((x) => Onnx.cast(Onnx.multiply(x, x), "float64")) },
  GeluTanh: { of: cube, build: one((x) => Onnx.gelu(x, "tanh")) },
  MatMul: { of: [{ shape: [3, 4] }, { shape: [4, 2] }], build: two(Onnx.matMul) },
  MatMulRows: { of: [{ shape: [2, 3, 4] }, { shape: [4, 2] }], build: two(Onnx.matMul) },
  MatMulBatch: { of: [{ shape: [2, 3, 4] }, { shape: [2, 4, 2] }], build: two(Onnx.matMul) },
  MatMulBroadcast: { of: [{ shape: [3, 4] }, { shape: [2, 1, 4, 2] }], build: two(Onnx.matMul) },
  MatMulColumn: { of: [{ shape: [2, 3, 4] }, { shape: [2, 4, 1] }], build: two(Onnx.matMul) },
  MatMulRow: { of: [{ shape: [2, 1, 4] }, { shape: [2, 4, 3] }], build: two(Onnx.matMul) },
  Gemm: {
    of: [{ shape: [3, 4] }, { shape: [4, 2] }, { shape: [2] }],
    build: three((a, b, c) => Onnx.gemm(a, b, { plus: c })),
  },
  GemmTransposedA: {
    of: [{ shape: [4, 3] }, { shape: [4, 2] }, { shape: [3, 1] }],
    build: three((a, b, c) => Onnx.gemm(a, b, { transposeA: true, plus: c })),
  },
  GemmTransposedB: {
    of: [{ shape: [3, 4] }, { shape: [2, 4] }, { shape: [3, 2] }],
    build: three((a, b, c) => Onnx.gemm(a, b, { transposeB: true, plus: c })),
  },
  GemmTransposedBoth: {
    of: [{ shape: [4, 3] }, { shape: [2, 4] }, { shape: [] }],
    build: three((a, b, c) => Onnx.gemm(a, b, { transposeA: true, transposeB: true, plus: c })),
  },
  Softmax: { of: cube, build: one((x) => Onnx.softmax(x, 1)) },
  Attention: {
    of: [{ shape: [2, 2, 3, 4] }, { shape: [2, 4, 2] }],
    build: two((x, v) => {
      const kept = Onnx.doubles([0, 1.5, 1.5, 1.5, 1.5, 0, 1.5, 1.5, 1.5, 1.5, 0, 1.5], [3, 4])
      const dropped = Onnx.multiply(Onnx.softmax(x, -1), Onnx.expand(kept, [2, 2, 3, 4]))
      return Onnx.matMul(Onnx.reshape(dropped, [2, 6, 4]), v)
    }),
  },
  AttentionUsedTwice: {
    of: [{ shape: [3, 4] }, { shape: [4, 2] }],
    build: two((x, v) => {
      const weights = Onnx.softmax(x, -1)
      return Onnx.add(Onnx.matMul(weights, v), Onnx.reduceMax(weights, [1], true))
    }),
  },
  LogSoftmax: { of: cube, build: one((x) => Onnx.logSoftmax(x, -1)) },
  ReduceSum: { of: cube, build: one((x) => Onnx.reduceSum(x, [0, 2])) },
  ReduceSumKeeping: { of: cube, build: one((x) => Onnx.reduceSum(x, [1], true)) },
  ReduceMean: { of: cube, build: one((x) => Onnx.reduceMean(x, [1, 2])) },
  ReduceMax: { of: cube, build: one((x) => Onnx.reduceMax(x, [-1])) },
  ReduceMin: { of: cube, build: one((x) => Onnx.reduceMin(x, [0, 1], true)) },
  LayerNormalization: {
    // A width whose inverse is exact: onnxruntime takes it into a product, as float32.
    of: [{ shape: [2, 3, 4] }, { shape: [4] }, { shape: [4] }],
    build: three((x, gain, bias) => Onnx.layerNormalization(x, gain, bias, 2 ** -7)),
  },
  RmsNormalization: {
    of: [{ shape: [2, 3, 4] }, { shape: [4] }],
    // onnxruntime's kernel in float64 has this ε whatever it is told.
    build: two((x, gain) => Onnx.rmsNormalization(x, gain, 1e-5)),
  },
  Gather: { of: [{ shape: [3, 2] }], build: one((x) => Onnx.gather(x, ids)) },
  GatherAxis: { of: cube, build: one((x) => Onnx.gather(x, ids, 1)) },
  GatherLastAxis: { of: cube, build: one((x) => Onnx.gather(x, Onnx.integers([3, 3, 0], [3]), -1)) },
  GatherElements: {
    of: [{ shape: [2, 3] }],
    build: one((x) => Onnx.gatherElements(x, Onnx.integers([2, 2, 0, 1, 1, 0, 2, 0], [2, 4]), 1)),
  },
  ScatterNDAdd: {
    of: [{ shape: [2, 3, 4] }, { shape: [3, 4] }],
    build: two((x, updates) => Onnx.scatterND(x, Onnx.integers([1, 2, 0, 0, 1, 2], [3, 2]), updates, "add")),
  },
  ScatterNDPut: {
    of: [{ shape: [3, 4] }, { shape: [2, 4] }],
    build: two((x, updates) => Onnx.scatterND(x, Onnx.integers([2, 0], [2, 1]), updates, "none")),
  },
  ScatterElementsAdd: {
    of: [{ shape: [2, 3] }, { shape: [2, 4] }],
    build: two((x, updates) =>
      Onnx.scatterElements(x, Onnx.integers([2, 2, 0, 1, 1, 0, 2, 0], [2, 4]), updates, 1, "add"),
    ),
  },
  ScatterElementsPut: {
    of: [{ shape: [2, 3] }, { shape: [2, 2] }],
    build: two((x, updates) => Onnx.scatterElements(x, Onnx.integers([2, 0, 0, 1], [2, 2]), updates, 1, "none")),
  },
  Transpose: { of: cube, build: one((x) => Onnx.transpose(x, [2, 0, 1])) },
  Reshape: { of: cube, build: one((x) => Onnx.reshape(x, [4, 6])) },
  Expand: { of: [{ shape: [3, 1] }], build: one((x) => Onnx.expand(x, [2, 3, 4])) },
  Concat: {
    of: [{ shape: [2, 1, 3] }, { shape: [2, 2, 3] }],
    build: two((a, b) => Onnx.concat([a, b, a], 1)),
  },
  Slice: { of: cube, build: one((x) => Onnx.slice(x, 1, 1, 3)) },
  SlicesRotated: {
    of: cube,
    build: one((x) => Onnx.concat([Onnx.negate(Onnx.slice(x, -1, 2, 4)), Onnx.slice(x, -1, 0, 2)], -1)),
  },
  SlicesOverlapping: {
    of: cube,
    build: one((x) =>
      Onnx.concat([Onnx.slice(x, 2, 1, 3), Onnx.slice(x, 2, 0, 2), Onnx.slice(x, 2, 3, 4), Onnx.multiply(x, x)], 2),
    ),
  },
  Shared: {
    of: square,
    build: one((x) => {
      const y = Onnx.tanh(x)
      return Onnx.add(Onnx.multiply(y, y), Onnx.multiply(x, Onnx.exponential(y)))
    }),
  },
}

/** 2/√π Σ (−1)ⁿ x²ⁿ⁺¹ / (n! (2n + 1)) */
const erf = (x: number): number => {
  let [sum, power] = [0, x]
  for (let n = 0; n < 80; n++) {
    sum += power / (2 * n + 1)
    power *= (-x * x) / (n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * sum
}

const sizes = fc.constantFrom(1, 2, 3)

describe("gradients", () => {
  it.effect.each(Object.keys(cases))("N16 the gradient of %s is the central difference's", (name) =>
    Effect.gen(function* () {
      const { build, of } = cases[name] ?? { of: [], build: one((x) => x) }
      for (const difference of yield* differencesOfGradients(of, build)) expect(difference).toBeLessThan(1e-8)
    }),
  )

  it.effect("N16 the gradients of erf and of gelu by erf are the closed forms'", () =>
    Effect.gen(function* () {
      const points = Float32Array.from({ length: 61 }, (_, i) => (i - 30) / 10)
      const x = Onnx.input("x", "float32", [points.length])
      const seeds = Onnx.input("seeds", "float32", [points.length])
      const feeds = { x: floats([points.length], points), seeds: floats([points.length], points.map(Math.cos)) }
      const slopes = {
        erf: [Onnx.erf(x), (t: number) => (2 / Math.sqrt(Math.PI)) * Math.exp(-t * t)],
        gelu: [
          Onnx.gelu(x, "none"),
          (t: number) => 0.5 + 0.5 * erf(t * Math.SQRT1_2) + (t * Math.exp((-t * t) / 2)) / Math.sqrt(2 * Math.PI),
        ],
      } as const
      for (const [name, [of, slope]] of Object.entries(slopes)) {
        const [gradient = x] = Onnx.gradients([{ of, seed: seeds }], [x])
        const { data } = yield* valueOf(gradient, [x, seeds], feeds)
        points.forEach((t, i) => {
          expect(Number(data[i]), `${name} at ${t}`).toBeCloseTo(Math.fround(Math.cos(t)) * slope(t), 6)
        })
      }
    }),
  )

  it("N16 broadcasting is undone on random shapes", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(sizes, fc.boolean(), fc.boolean()), { maxLength: 4 }),
        fc.nat(4),
        fc.nat(4),
        fc.nat(),
        async (axes, leftRank, rightRank, seed) => {
          const shapeOf = (rank: number, which: 1 | 2): readonly number[] =>
            axes.slice(Math.max(0, axes.length - rank)).map((axis) => (axis[which] ? axis[0] : 1))
          const pairOf: readonly Variable[] = [{ shape: shapeOf(leftRank, 1) }, { shape: shapeOf(rightRank, 2) }]
          const build = two((a, b) => Onnx.add(Onnx.multiply(a, b), Onnx.subtract(Onnx.maximum(a, 0.2), b)))
          const differences = await Effect.runPromise(differencesOfGradients(pairOf, build, seed))
          expect(Math.max(...differences)).toBeLessThan(1e-8)
        },
      ),
      { seed: 16, numRuns: 40 },
    ))

  it("N16 matrix products with any leading axes have their gradients", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(sizes, fc.boolean(), fc.boolean()), { maxLength: 2 }),
        fc.nat(2),
        fc.nat(2),
        fc.tuple(sizes, sizes, sizes),
        async (axes, leftRank, rightRank, [m, k, n]) => {
          const leading = (rank: number, which: 1 | 2): readonly number[] =>
            axes.slice(Math.max(0, axes.length - rank)).map((axis) => (axis[which] ? axis[0] : 1))
          const pairOf: readonly Variable[] = [
            { shape: [...leading(leftRank, 1), m, k] },
            { shape: [...leading(rightRank, 2), k, n] },
          ]
          const differences = await Effect.runPromise(differencesOfGradients(pairOf, two(Onnx.matMul)))
          expect(Math.max(...differences)).toBeLessThan(1e-8)
        },
      ),
      { seed: 17, numRuns: 40 },
    ))

  it.effect("N16 sizes known by name only are summed, averaged and joined as their values say", () =>
    Effect.gen(function* () {
      const [rows, columns] = [Onnx.dimensions.named("rows"), Onnx.dimensions.named("columns")]
      const x = Onnx.input("x", "float32", [rows, columns])
      const column = Onnx.input("column", "float32", [rows, 1])
      const joined = Onnx.concat([Onnx.multiply(x, column), Onnx.multiply(x, 2)], 1)
      const later = Onnx.slice(joined, 1, columns, Onnx.dimensions.multiply(columns, 2))
      const of = Onnx.add(Onnx.reduceMean(joined, [0, 1]), Onnx.reduceSum(later, [0, 1]))
      const [ofX = x, ofColumn = x] = Onnx.gradients([{ of }], [x, column])
      const feeds = {
        x: floats([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)),
        column: floats([2, 1], Float32Array.of(1, 4)),
      }
      const found = yield* runGraph({ name: "named", inputs: [x, column], outputs: { ofX, ofColumn } }, feeds)
      const [first, second] = [(1 + 2) / 12 + 2, (4 + 2) / 12 + 2]
      const expected = [first, first, first, second, second, second]
      expect(Array.from(found.get("ofX")?.data ?? [], Number)).toEqual(expected.map(Math.fround))
      expect(Array.from(found.get("ofColumn")?.data ?? [], Number)).toEqual([0.5, 1.25])
    }),
  )

  it.effect("N16 an entry that is gathered often gets all additions, on several threads too", () =>
    Effect.gen(function* () {
      const table = Onnx.input("table", "float32", [3, 4])
      const often = Onnx.input("often", "int64", [30_000])
      const [gradient = table] = Onnx.gradients([{ of: Onnx.gather(table, often) }], [table])
      const graph = { name: "often", inputs: [table, often], outputs: { gradient } }
      const runtime = yield* OnnxRuntime
      const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model)
      const session = yield* runtime.open({ name: graph.name, bytes }, { device: "cpu", threads: 4 })
      const indices = BigInt64Array.from({ length: 30_000 }, (_, i) => BigInt(i % 3))
      const feeds = { table: floats([3, 4], new Float32Array(12)), often: int64s([30_000], indices) }
      for (let run = 0; run < 10; run++) {
        const data = (yield* session.run(feeds)).get("gradient")?.data ?? []
        expect(Array.from(data, Number)).toEqual(Array.from({ length: 12 }, () => 10_000))
      }
    }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
  )

  it.effect(
    "N16 a minimum or maximum that is reached more than once shares its gradient; relu and |x| have 0 at 0",
    () =>
      Effect.gen(function* () {
        const x = Onnx.input("x", "float32", [4])
        const feeds = { x: floats([4], Float32Array.of(0, 3, 3, -1)) }
        const gradientOf = (of: Onnx.Expression<"float32">) => {
          const [gradient = x] = Onnx.gradients([{ of }], [x])
          return Effect.map(valueOf(gradient, [x], feeds), ({ data }) => Array.from(data, Number))
        }
        expect(yield* gradientOf(Onnx.reduceMax(x, [0]))).toEqual([0, 0.5, 0.5, 0])
        expect(yield* gradientOf(Onnx.maximum(x, 3))).toEqual([0, 0.5, 0.5, 0])
        expect(yield* gradientOf(Onnx.minimum(x, 3))).toEqual([1, 0.5, 0.5, 1])
        expect(yield* gradientOf(Onnx.relu(x))).toEqual([0, 1, 1, 0])
        expect(yield* gradientOf(Onnx.absolute(x))).toEqual([0, 1, 1, -1])
      }),
  )
})

describe("where there is no gradient", () => {
  const x = Onnx.input("x", "float32", [3])

  it.effect("N17 nothing passes through comparisons, conditions and whole numbers; the gradient is zero", () =>
    Effect.gen(function* () {
      const steps = Onnx.cast(Onnx.greater(x, 1), "float32")
      const whole = Onnx.cast(Onnx.cast(x, "int64"), "float32")
      const other = Onnx.parameter("other", [2, 2])
      const of = Onnx.add(Onnx.add(steps, whole), Onnx.multiply(x, steps))
      const [ofX = x, ofOther = x] = Onnx.gradients([{ of }], [x, other])
      const feeds = { x: floats([3], Float32Array.of(0.5, 1.5, 2.5)) }
      const found = yield* runGraph({ name: "steps", inputs: [x], outputs: { ofX, ofOther } }, feeds)
      expect(Array.from(found.get("ofX")?.data ?? [], Number)).toEqual([0, 1, 1])
      expect(Array.from(found.get("ofOther")?.data ?? [], Number)).toEqual([0, 0, 0, 0])
    }),
  )

  const thrownBy = (body: () => unknown): string => {
    try {
      body()
    } catch (error) {
      return error instanceof Error ? error.message : ""
    }
    return ""
  }

  it("N17 an operation without a gradient on the way, and what cannot have a gradient, are named", () => {
    expect(thrownBy(() => Onnx.gradients([{ of: Onnx.multiply(Onnx.floor(x), 2) }], [x]))).toContain("Floor")
    expect(thrownBy(() => Onnx.gradients([{ of: Onnx.sign(x) }], [x]))).toContain("Sign")
    expect(thrownBy(() => Onnx.gradients([{ of: Onnx.step(x) }], [x]))).toContain("Step")
    expect(thrownBy(() => Onnx.gradients([{ of: x, seed: Onnx.scalar(1) }], [x]))).toContain("[3] and []")
    expect(thrownBy(() => Onnx.gradients([{ of: x, seed: Onnx.doubles([1, 1, 1], [3]) }], [x]))).toContain("float64")
  })
})

describe("gradients by row", () => {
  const table = Onnx.parameter("table", [5, 2])
  const rows = Onnx.dimensions.named("rows")
  const ids32 = Onnx.input("ids", "int64", [rows, 2])

  it.effect("N18 the rows of a table's gradient, summed by index, are its dense gradient", () =>
    Effect.gen(function* () {
      const first = Onnx.gather(table, ids32)
      const second = Onnx.gather(table, Onnx.integers([4, 0], [2]))
      const of = Onnx.add(
        Onnx.reduceSum(Onnx.multiply(first, first), [0, 1, 2]),
        Onnx.reduceSum(Onnx.exponential(second), [0, 1]),
      )
      const { byRow, dense } = Onnx.differentiate([{ of }], { byRow: [table] })
      expect(dense).toEqual([])
      const [sparse = { indices: ids32, rows: table }] = byRow
      const [whole = table] = Onnx.gradients([{ of }], [table])
      const weights = Float32Array.from({ length: 10 }, (_, i) => Math.sin(i))
      const feeds: Record<string, Tensor> = {
        ids: int64s([2, 2], BigInt64Array.of(1n, 4n, 1n, 1n)),
        table: floats([5, 2], weights),
      }
      const outputs = { indices: sparse.indices, rows: sparse.rows, whole }
      const found = yield* runGraph({ name: "rows", inputs: [ids32], outputs }, feeds)
      const indices = Array.from(found.get("indices")?.data ?? [], Number)
      expect(indices.length).toBe(6)
      const sums = new Float32Array(10)
      indices.forEach((index, row) => {
        for (const column of [0, 1]) sums[index * 2 + column]! += Number(found.get("rows")?.data[row * 2 + column])
      })
      Array.from(found.get("whole")?.data ?? [], Number).forEach((value, i) => expect(value).toBeCloseTo(sums[i]!, 5))
    }),
  )

  it.effect("N18 a table that nothing uses has no rows", () =>
    Effect.gen(function* () {
      const { byRow } = Onnx.differentiate([{ of: Onnx.gather(table, ids32) }], {
        byRow: [Onnx.parameter("b", [7, 3])],
      })
      const [sparse = { indices: ids32, rows: table }] = byRow
      const feeds = { ids: int64s([1, 2], BigInt64Array.of(0n, 1n)) }
      const outputs = { rows: sparse.rows, indices: sparse.indices }
      const found = yield* runGraph({ name: "none", inputs: [ids32], outputs }, feeds)
      expect(found.get("rows")?.shape).toEqual([0, 3])
      expect(found.get("indices")?.shape).toEqual([0])
    }),
  )

  it("N18 a table that is used in another way is named", () => {
    const of = Onnx.linear(Onnx.gather(table, Onnx.integers([1, 2], [2])), table)
    expect(() => Onnx.differentiate([{ of }], { byRow: [table] })).toThrow(/table: .* comes from Gemm/)
  })
})

describe("what gradients cost", () => {
  const count = (roots: readonly Onnx.Expression[], kind: Onnx.OperationKind): number =>
    Onnx.inOrder(roots).filter(({ operation }) => operation.kind === kind).length

  it("N20 a tensor that is used many times passes its gradient on once", () => {
    let x: Onnx.Expression<"float32"> = Onnx.parameter("x", [2])
    const first = x
    for (let i = 0; i < 60; i++) x = Onnx.multiply(x, x)
    expect(Onnx.inOrder(Onnx.gradients([{ of: x }], [first])).length).toBeLessThan(400)
  })

  it("N20 three projections of the same rows have six products, transposed inside them", () => {
    const rows = Onnx.input("rows", "float32", [Onnx.dimensions.named("n"), 8])
    const inner = Onnx.tanh(rows)
    const weights = ["q", "k", "v"].map((name) => Onnx.parameter(name, [4, 8]))
    const outputs = weights.map((weight) => ({ of: Onnx.linear(inner, weight) }))
    const found = Onnx.gradients(outputs, [rows, ...weights])
    expect(count(found, "Gemm")).toBe(6)
    expect(count(found, "Transpose")).toBe(0)
  })

  it.effect(
    "N20 wide matrices with many rows are transposed before their product, the narrower one, and give the same gradient",
    () =>
      Effect.gen(function* () {
        const [n, texts] = [Onnx.dimensions.named("n"), 50]
        for (const [inputs, outputs] of [
          [130, 140],
          [140, 130],
        ] as const) {
          const rows = Onnx.input("rows", "float32", [n, inputs])
          const seed = Onnx.input("seed", "float32", [n, outputs])
          const weight = Onnx.parameter("weight", [outputs, inputs])
          const [gradient = rows] = Onnx.gradients([{ of: Onnx.linear(rows, weight), seed }], [weight])
          const narrower = Math.min(inputs, outputs)
          const turned = Onnx.inOrder([gradient]).find(({ operation }) => operation.kind === "Transpose")
          expect(turned?.inputs[0]?.shape.at(-1)).toBe(narrower)
          const values = (count: number, by: number): Float32Array =>
            Float32Array.from({ length: texts * count }, (_, i) => Math.sin(by * i))
          const results = yield* runGraph(
            {
              name: "wide",
              inputs: [rows, seed],
              outputs: { gradient, plain: Onnx.gemm(seed, rows, { transposeA: true }) },
            },
            { rows: floats([texts, inputs], values(inputs, 3)), seed: floats([texts, outputs], values(outputs, 7)) },
          )
          const [found, plain] = [results.get("gradient"), results.get("plain")]
          expect(found?.shape).toEqual([outputs, inputs])
          if (found?.type !== "float32" || plain?.type !== "float32") throw new Error("no floats")
          expect(found.data.every((value, i) => Math.abs(value - plain.data[i]!) <= 1e-4)).toBe(true)
        }
      }),
  )

  it("N20 the rows of attention's probabilities are summed by the values they select", () => {
    const [scores, values] = [Onnx.parameter("scores", [3, 40]), Onnx.parameter("values", [40, 2])]
    const of = Onnx.matMul(Onnx.softmax(scores, 1), values)
    const found = Onnx.gradients([{ of, seed: Onnx.parameter("seed", [3, 2]) }], [scores])
    const summed = Onnx.inOrder(found).filter(({ operation }) => operation.kind === "ReduceSum")
    expect(summed.map(({ inputs }) => inputs[0]?.shape)).toEqual([[3, 2]])
  })

  it("N20 the halves of a rotation are joined without zeros", () => {
    const x = Onnx.parameter("x", [3, 8])
    const turned = Onnx.concat([Onnx.negate(Onnx.slice(x, 1, 4, 8)), Onnx.slice(x, 1, 0, 4)], 1)
    const [gradient = x] = Onnx.gradients([{ of: turned, seed: Onnx.parameter("seed", [3, 8]) }], [x])
    expect(count([gradient], "Expand")).toBe(0)
    expect(count([gradient], "Concat")).toBe(1)
  })

  it("N20 what no gradient needs is not computed", () => {
    const x = Onnx.parameter("x", [3])
    const costly = Onnx.exponential(Onnx.input("y", "float32", [3]))
    const [gradient = x] = Onnx.gradients([{ of: Onnx.add(x, costly) }], [x])
    expect(count([gradient], "Exp")).toBe(0)
  })
})
