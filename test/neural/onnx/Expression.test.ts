import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import * as Onnx from "../../../neural/onnx/index.ts"
import { floats, int64s, type Tensor } from "../../../neural/runtime/index.ts"
import { runGraph, valueOf } from "./run.ts"

const { add: addDims, evaluate, multiply: multiplyDims, named } = Onnx.dimensions
const [batch, sequence] = [named("batch"), named("sequence")]

const thrown = (body: () => unknown): unknown => {
  try {
    body()
  } catch (error) {
    return error
  }
  return undefined
}

describe("shapes are checked when an expression is built", () => {
  const x = Onnx.input("x", "float32", [batch, sequence, 8])
  const ids = Onnx.input("ids", "int64", [batch, sequence])

  it.each([
    ["MatMul", () => Onnx.matMul(x, Onnx.parameter("w", [9, 4])), "[batch, sequence, 8] and [9, 4]"],
    ["Gemm", () => Onnx.linear(Onnx.parameter("a", [3, 8]), Onnx.parameter("w", [4, 9])), "[3, 8] and [4, 9]"],
    ["Add", () => Onnx.add(x, Onnx.parameter("w", [7])), "[batch, sequence, 8] and [7]"],
    ["Reshape", () => Onnx.reshape(x, [batch, sequence, 2, 3]), "[batch, sequence, 8] and [batch, sequence, 2, 3]"],
    ["Concat", () => Onnx.concat([x, Onnx.parameter("w", [2, 2, 8])], 0), "[batch, sequence, 8] and [2, 2, 8]"],
    ["Expand", () => Onnx.expand(x, [batch, sequence, 9]), "[batch, sequence, 8] and [batch, sequence, 9]"],
    ["Softmax", () => Onnx.softmax(x, 3), "[batch, sequence, 8]"],
    ["Transpose", () => Onnx.transpose(x, [0, 0, 1]), "[batch, sequence, 8]"],
    ["Slice", () => Onnx.slice(x, 2, 4, 9), "[batch, sequence, 8]"],
    ["Squeeze", () => Onnx.reduceSum(x, [1, -2]), "[batch, sequence, 8]"],
    [
      "LayerNormalization",
      () => Onnx.rmsNormalization(x, Onnx.parameter("g", [9]), 1e-6),
      "[batch, sequence, 8] and [9]",
    ],
    [
      "ScatterND",
      () => Onnx.scatterND(x, Onnx.integers([0], [1, 1]), Onnx.parameter("u", [1, 8]), "add"),
      "[batch, sequence, 8] and [1, 1] and [1, 8]",
    ],
  ])("N2 %s names itself and the shapes", (operation, build, shapes) => {
    const error = thrown(build)
    expect(error).toBeInstanceOf(Onnx.ShapeError)
    if (error instanceof Onnx.ShapeError) {
      expect(error.message).toContain(shapes)
      if (operation !== "Squeeze" && operation !== "LayerNormalization") expect(error.operation).toBe(operation)
      expect(error._tag).toBe("ShapeError")
    }
  })

  it("N2 element types must agree, also where a type annotation hides it", () => {
    const hidden: Onnx.Expression<"float32" | "int64"> = ids
    const error = thrown(() => Onnx.add<"float32" | "int64">(x, Onnx.unsqueeze(hidden, [2])))
    expect(error).toBeInstanceOf(Onnx.ElementTypeError)
    if (error instanceof Onnx.ElementTypeError) {
      expect(error.operation).toBe("Add")
      expect(error.types).toEqual(["float32", "int64"])
    }
  })

  it("N2 a size with a name fits itself only", () => {
    expect(() => Onnx.add(x, Onnx.input("y", "float32", [batch, batch, 8]))).toThrow(Onnx.ShapeError)
    expect(Onnx.add(x, Onnx.input("y", "float32", [1, sequence, 1])).shape).toEqual(x.shape)
  })
})

const sampleFloats = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) * 2)

describe("what is built is what runs", () => {
  const x = Onnx.input("x", "float32", [batch, sequence, 4])
  const ids = Onnx.input("ids", "int64", [batch, sequence])
  const positive = Onnx.add(Onnx.absolute(x), 0.1)
  const rows = Onnx.reshape(x, [multiplyDims(batch, sequence), 4])
  const vector = Onnx.constant([1, -2, 3, 0.5], [4])
  const whole = multiplyDims(batch, multiplyDims(sequence, 4))
  const expressions: Readonly<Record<string, Onnx.Expression>> = {
    Neg: Onnx.negate(x),
    Abs: Onnx.absolute(x),
    Sign: Onnx.sign(x),
    Floor: Onnx.floor(x),
    Reciprocal: Onnx.reciprocal(positive),
    Sqrt: Onnx.squareRoot(positive),
    Exp: Onnx.exponential(x),
    Log: Onnx.logarithm(positive),
    Sin: Onnx.sine(x),
    Cos: Onnx.cosine(x),
    Tanh: Onnx.tanh(x),
    Erf: Onnx.erf(x),
    Sigmoid: Onnx.sigmoid(x),
    Softplus: Onnx.softplus(x),
    Relu: Onnx.relu(x),
    Step: Onnx.step(x),
    StepOfDoubles: Onnx.step(Onnx.cast(x, "float64")),
    Add: Onnx.add(x, vector),
    Sub: Onnx.subtract(x, 2),
    Mul: Onnx.multiply(x, x),
    Div: Onnx.divide(x, positive),
    Pow: Onnx.power(x, 3),
    Min: Onnx.minimum(x, vector),
    Max: Onnx.maximum(x, 0),
    Equal: Onnx.equal(ids, 1),
    Less: Onnx.less(x, 0),
    LessOrEqual: Onnx.lessOrEqual(ids, 1),
    Greater: Onnx.greater(x, vector),
    GreaterOrEqual: Onnx.greaterOrEqual(x, 0),
    And: Onnx.and(Onnx.less(x, 0), Onnx.greater(x, -1)),
    Or: Onnx.or(Onnx.less(x, 0), Onnx.greater(x, 1)),
    Not: Onnx.not(Onnx.equal(ids, 0)),
    Where: Onnx.where(Onnx.less(x, 0), Onnx.scalar(0), x),
    Cast: Onnx.cast(ids, "float32"),
    GeluExact: Onnx.gelu(x, "none"),
    GeluTanh: Onnx.gelu(x, "tanh"),
    MatMul: Onnx.matMul(x, Onnx.transpose(x, [0, 2, 1])),
    Gemm: Onnx.linear(rows, Onnx.constant(sampleFloats(12), [3, 4]), Onnx.constant([1, 2, 3], [3])),
    GemmTransposed: Onnx.gemm(rows, rows, { transposeA: true }),
    Softmax: Onnx.softmax(x, 1),
    LogSoftmax: Onnx.logSoftmax(x, -1),
    ReduceSum: Onnx.reduceSum(x, [0, 2]),
    ReduceMean: Onnx.reduceMean(x, [1], true),
    ReduceMax: Onnx.reduceMax(x, [-1]),
    ReduceMin: Onnx.reduceMin(x, [0, 1, 2]),
    LayerNormalization: Onnx.layerNormalization(x, vector, vector, 1e-5),
    RmsNormalization: Onnx.rmsNormalization(x, vector, 1e-6),
    GatherElements: Onnx.gatherElements(x, Onnx.expand(Onnx.integers([3, 0], [2]), [batch, sequence, 2]), 2),
    Gather: Onnx.gather(Onnx.constant(sampleFloats(10), [5, 2]), ids),
    GatherAxis: Onnx.gather(x, Onnx.integers([3, 0], [2]), 2),
    ScatterND: Onnx.scatterND(
      Onnx.constant(sampleFloats(20), [5, 4]),
      Onnx.reshape(ids, [multiplyDims(batch, sequence), 1]),
      rows,
      "add",
    ),
    ScatterElements: Onnx.scatterElements(
      Onnx.constant(sampleFloats(5), [5]),
      Onnx.reshape(ids, [multiplyDims(batch, sequence)]),
      Onnx.reduceSum(rows, [1]),
      0,
      "add",
    ),
    Transpose: Onnx.transpose(x, [2, 0, 1]),
    Reshape: Onnx.reshape(x, [sequence, batch, 2, 2]),
    ReshapeFlat: Onnx.reshape(x, [whole]),
    Unsqueeze: Onnx.unsqueeze(x, [0, -1]),
    Squeeze: Onnx.squeeze(Onnx.reduceSum(x, [1], true), [1]),
    Expand: Onnx.expand(vector, [batch, 3, 4]),
    Concat: Onnx.concat([x, x, Onnx.negate(x)], 1),
    Slice: Onnx.slice(x, 2, 1, 3),
    SliceNamed: Onnx.slice(Onnx.concat([x, x], 1), 1, sequence, multiplyDims(2, sequence)),
    Range: Onnx.range(addDims(multiplyDims(batch, sequence), 3), "int64"),
    RangeFloat: Onnx.range(sequence, "float32"),
    Dimension: Onnx.dimension(whole, "float32"),
  }

  it.effect.each([
    { b: 1, n: 1 },
    { b: 3, n: 5 },
  ])("N3 every operation has the element type and shape that its expression says, at $b × $n", ({ b, n }) =>
    Effect.gen(function* () {
      const feeds: Record<string, Tensor> = {
        x: floats([b, n, 4], sampleFloats(b * n * 4)),
        ids: int64s(
          [b, n],
          BigInt64Array.from({ length: b * n }, (_, i) => BigInt((i * 3) % 5)),
        ),
      }
      const results = yield* runGraph({ name: "all", inputs: [x, ids], outputs: expressions }, feeds)
      const values = new Map([
        ["batch", b],
        ["sequence", n],
      ])
      for (const [name, expression] of Object.entries(expressions)) {
        const result = results.get(name)
        expect(result?.type, name).toBe(expression.type)
        expect(result?.shape, name).toEqual(expression.shape.map((size) => evaluate(size, values)))
      }
    }),
  )

  const one = (value: number): Readonly<Record<string, Tensor>> => ({
    x: floats([1, 1, 4], Float32Array.of(value, 0, 0, 0)),
  })
  const scalarOf = (expression: Onnx.Expression, value: number): Effect.Effect<number, unknown> =>
    Effect.map(valueOf(expression, [x], one(value)), ({ data }) => Number(data[0]))

  it.effect("N3 gelu is x Φ(x), by erf and by tanh", () =>
    Effect.gen(function* () {
      for (const [value, exact, approximate] of [
        [1, 0.8413447460685429, 0.8411919906082768],
        [-2, -0.04550026389635842, -0.04540230591222181],
        [0.5, 0.34573123063700656, 0.34571400982514394],
      ] as const) {
        expect(yield* scalarOf(Onnx.gelu(x, "none"), value)).toBeCloseTo(exact, 6)
        expect(yield* scalarOf(Onnx.gelu(x, "tanh"), value)).toBeCloseTo(approximate, 6)
      }
    }),
  )

  it.effect("N3 softplus neither overflows nor loses small values", () =>
    Effect.gen(function* () {
      expect(yield* scalarOf(Onnx.softplus(x), 100)).toBe(100)
      expect(yield* scalarOf(Onnx.softplus(x), -20)).toBeCloseTo(2.061153622438558e-9, 14)
    }),
  )

  it.effect("N3 a step is at zero", () =>
    Effect.gen(function* () {
      for (const of of [Onnx.step(x), Onnx.step(Onnx.cast(x, "float64"))]) {
        for (const value of [1e-37, 3, 1e38]) expect(yield* scalarOf(of, value)).toBe(1)
        for (const value of [0, -1e-37, -1e38]) expect(yield* scalarOf(of, value)).toBe(0)
      }
    }),
  )

  it.effect("N3 gathered, sliced, moved and scattered elements are the right ones", () =>
    Effect.gen(function* () {
      const table = Onnx.constant([0, 1, 10, 11, 20, 21], [3, 2])
      const none = { x: floats([1, 1, 4], new Float32Array(4)) }
      const listOf = (expression: Onnx.Expression): Effect.Effect<readonly number[], unknown> =>
        Effect.map(
          valueOf(
            Onnx.add(Onnx.reduceSum(Onnx.cast(x, "float32"), [0, 1, 2]), Onnx.cast(expression, "float32")),
            [x],
            none,
          ),
          ({ data }) => Array.from(data, Number),
        )
      expect(yield* listOf(Onnx.gather(table, Onnx.integers([2, 0], [2])))).toEqual([20, 21, 0, 1])
      expect(yield* listOf(Onnx.slice(table, 0, 1, 3))).toEqual([10, 11, 20, 21])
      expect(yield* listOf(Onnx.transpose(table, [1, 0]))).toEqual([0, 10, 20, 1, 11, 21])
      expect(yield* listOf(Onnx.concat([table, table], 1))).toEqual([0, 1, 0, 1, 10, 11, 10, 11, 20, 21, 20, 21])
      const twice = Onnx.scatterND(table, Onnx.integers([1, 1], [2, 1]), Onnx.constant([1, 2, 3, 4], [2, 2]), "add")
      expect(yield* listOf(twice)).toEqual([0, 1, 14, 17, 20, 21])
      const along = Onnx.scatterElements(
        table,
        Onnx.integers([1, 0, 1], [3, 1]),
        Onnx.constant([5, 6, 7], [3, 1]),
        1,
        "add",
      )
      expect(yield* listOf(along)).toEqual([0, 6, 16, 11, 20, 28])
    }),
  )

  it.effect("N3 broadcasting agrees with onnxruntime's on random shapes", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(
          fc.array(fc.constantFrom(1, 2, 3), { maxLength: 4 }),
          fc.array(fc.constantFrom(1, 2, 3), { maxLength: 4 }),
          async (left, right) => {
            const a = Onnx.input("a", "float32", left)
            const b = Onnx.input("b", "float32", right)
            const count = (shape: readonly number[]): number => shape.reduce((p, q) => p * q, 1)
            const feeds = { a: floats(left, sampleFloats(count(left))), b: floats(right, sampleFloats(count(right))) }
            const built = thrown(() => Onnx.add(a, b))
            if (built instanceof Onnx.ShapeError) {
              expect(
                left.some((size, i) => {
                  const other = right[i - left.length + right.length] ?? 1
                  return size !== other && size !== 1 && other !== 1
                }),
              ).toBe(true)
              return
            }
            const sum = Onnx.add(a, b)
            const result = await Effect.runPromise(valueOf(sum, [a, b], feeds))
            expect(result.shape).toEqual(sum.shape)
          },
        ),
        { numRuns: 40 },
      ),
    ),
  )
})
