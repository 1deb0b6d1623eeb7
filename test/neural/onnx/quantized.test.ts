import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import * as Onnx from "../../../neural/onnx/index.ts"
import { lower } from "../../../neural/onnx/lower.ts"
import { layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"

const floats = (shape: readonly number[], data: Float32Array): Tensor => ({ type: "float32", shape, data })

/** The scales and the whole numbers of a weight's rows. */
const quantized = (weights: Float32Array, width: number) => {
  const scales = Onnx.scalesOf(weights, width)
  const values = new Int8Array(weights.length)
  Onnx.quantizeWeights(weights, width, scales, (value, row, column) => {
    values[row * width + column] = value
  })
  return { scales, values }
}

/**
 * x Wᵀ + bias as it is computed in 8 bits, for rows of x; the weight's numbers lie transposed in the graph's file. As the values of
 * attention, of rows with a LayerNormalization, they are what a softmax is multiplied with, here one that picks each row itself.
 */
const linear8 = (
  weights: Float32Array,
  width: number,
  bias: Float32Array,
  rows: readonly Float32Array[],
  as: "layer" | "values" | "relu" | "gelu" = "layer",
) =>
  Effect.gen(function* () {
    const outputs = weights.length / width
    const n = Onnx.dimensions.named("n")
    const x = Onnx.input("x", "float32", [n, width])
    const weight = Onnx.parameter("weight", [outputs, width])
    const picks = Onnx.input("picks", "float32", [n, n])
    const normal = Onnx.layerNormalization(x, Onnx.parameter("gain", [width]), Onnx.parameter("shift", [width]), 1e-12)
    const rising = { layer: x, values: normal, relu: Onnx.relu(x), gelu: Onnx.gelu(x, "none") }
    const made = Onnx.linear(rising[as], weight, Onnx.parameter("bias", [outputs]))
    const before: Onnx.Graph = {
      name: "linear",
      inputs: as === "values" ? [x, picks] : [x],
      outputs: { y: as === "values" ? Onnx.matMul(Onnx.softmax(picks, -1), made) : made },
    }
    const { aliases, graph } = Onnx.quantizedGraph(before, {
      rows: [n],
      weights: "int8",
      tableElements: 0,
      leastInner: 1,
    })
    const { scales, values } = quantized(weights, width)
    const transposed = new Int8Array(values.length)
    values.forEach((value, at) => {
      transposed[(at % width) * outputs + Math.floor(at / width)] = value
    })
    const stored = new Map<string, Float32Array | Int8Array>([
      ["weight.transposed", transposed],
      ["weight.transposed.scale", scales],
      ["bias", bias],
    ])
    for (const alias of aliases.keys()) stored.set(alias, transposed)
    if (as === "values") stored.set("gain", new Float32Array(width).fill(1)).set("shift", new Float32Array(width))
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, stored)
    const runtime = yield* OnnxRuntime
    const session = yield* runtime.open({ name: "linear", bytes }, { device: "cpu", threads: 1 })
    const all = Float32Array.from(rows.flatMap((row) => [...row]))
    const picking = Float32Array.from({ length: rows.length ** 2 }, (_, at) =>
      at % (rows.length + 1) === 0 ? 0 : -1e4,
    )
    const given = as === "values" ? { picks: floats([rows.length, rows.length], picking) } : {}
    const found = (yield* session.run({ x: floats([rows.length, width], all), ...given })).get("y")
    return found?.type === "float32" ? found.data : new Float32Array(0)
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const finite = (size: number) =>
  fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e4, max: 1e4 }), {
    minLength: size,
    maxLength: size,
  })

describe("8-bit products", () => {
  it("N601 a weight's whole numbers are within −127 … 127, and each within half a scale of it", () => {
    fc.assert(
      fc.property(finite(24), (values) => {
        const weights = Float32Array.from(values)
        const found = quantized(weights, 8)
        weights.forEach((weight, at) => {
          const [scale, value] = [found.scales[Math.floor(at / 8)]!, found.values[at]!]
          expect(Math.abs(value)).toBeLessThanOrEqual(127)
          expect(Math.abs(value * scale - weight)).toBeLessThanOrEqual(scale * 0.5000001)
        })
      }),
    )
    expect([...Onnx.scalesOf(Float32Array.of(0, 0, Number.NaN, 1, Number.POSITIVE_INFINITY, 0), 2)]).toEqual([
      1,
      Number.NaN,
      Number.NaN,
    ])
  })

  it.effect("N602 sums of 8-bit products are exact on every processor, also of the largest numbers", () =>
    Effect.gen(function* () {
      const [width, outputs] = [96, 32]
      // All numbers at the end of their range: two products of them pass 16 bits.
      const weights = Float32Array.from({ length: width * outputs }, (_, i) => (i % 3 === 0 ? -1 : 1))
      const row = Float32Array.from({ length: width }, (_, i) => (i % 3 === 0 ? -2 : 2))
      const found = yield* linear8(weights, width, new Float32Array(outputs), [row])
      for (let j = 0; j < outputs; j++) {
        let sum = 0
        for (let i = 0; i < width; i++) sum += row[i]! * weights[j * width + i]!
        expect(Math.abs(found[j]! - sum)).toBeLessThan(1e-4)
      }
    }),
  )

  it.effect(
    "N609 values of attention are the product of the rows and not of their 8 bits, to half of a 254th of a step",
    () =>
      Effect.gen(function* () {
        const [width, outputs] = [64, 24]
        const wave = (length: number, step: number): Float32Array =>
          Float32Array.from({ length }, (_, i) => Math.sin(i * step) * (i % 17 === 0 ? 8 : 1))
        // Weights that are whole numbers of their row's step, so that the rows' error alone is seen.
        const weights = Float32Array.from({ length: width * outputs }, (_, i) =>
          i % width === 0 ? 127 : (i * 89) % 127,
        )
        const rows = [wave(width, 0.9), wave(width, 2.3).map((x) => x * 1e3), new Float32Array(width)]
        const normal = rows.map((row) => {
          const mean = row.reduce((sum, x) => sum + x, 0) / width
          const deviation = Math.sqrt(row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width)
          return row.map((x) => (x - mean) / Math.max(deviation, 1e-6))
        })
        const error = (found: Float32Array): number =>
          Math.max(
            ...normal.flatMap((row, at) => {
              const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-30)
              return Array.from({ length: outputs }, (_, j) => {
                let sum = 0
                for (let i = 0; i < width; i++) sum += row[i]! * weights[j * width + i]!
                return Math.abs(found[at * outputs + j]! - sum) / largest
              })
            }),
          )
        const bias = new Float32Array(outputs)
        const most = weights.reduce((sum, weight) => sum + Math.abs(weight), 0)
        const values = error(yield* linear8(weights, width, bias, rows, "values"))
        expect(values).toBeLessThan(most / outputs / 127 / 254)
        expect(error(yield* linear8(weights, width, bias, normal))).toBeGreaterThan(20 * values)
      }),
  )

  it.effect("N602 a row's product is within the steps of its numbers, and the same bits in any company", () =>
    Effect.gen(function* () {
      const [width, outputs] = [64, 48]
      const wave = (length: number, step: number): Float32Array =>
        Float32Array.from({ length }, (_, i) => Math.sin(i * step) * (i % 17 === 0 ? 8 : 1))
      const weights = wave(width * outputs, 0.37)
      const bias = wave(outputs, 1.1)
      const rows = [wave(width, 0.9), wave(width, 2.3).map((x) => x * 1e3), new Float32Array(width), wave(width, 0.2)]
      const together = yield* linear8(weights, width, bias, rows)
      for (const [at, row] of rows.entries()) {
        const alone = yield* linear8(weights, width, bias, [row])
        expect([...together.subarray(at * outputs, (at + 1) * outputs)]).toEqual([...alone])
        const largest = row.reduce((most, x) => Math.max(most, Math.abs(x)), 0)
        for (let j = 0; j < outputs; j++) {
          let [sum, bound] = [bias[j]!, 1e-5 * largest]
          const own = weights.subarray(j * width, (j + 1) * width)
          const most = own.reduce((a, w) => Math.max(a, Math.abs(w)), 0)
          for (let i = 0; i < width; i++) {
            sum += row[i]! * own[i]!
            bound += (Math.abs(row[i]!) * most + Math.abs(own[i]!) * largest + (largest * most) / 254) / 254
          }
          expect(Math.abs(alone[j]! - sum)).toBeLessThanOrEqual(bound + 1e-6)
        }
      }
    }),
  )

  it.effect("N630 what comes from a ReLU is in steps of a 255th of its largest number, from a GELU of a 231st", () =>
    Effect.gen(function* () {
      const [width, outputs] = [64, 24]
      // Weights that are whole numbers of their row's step, so that the rows' error alone is seen.
      const weights = Float32Array.from({ length: width * outputs }, (_, i) =>
        i % width === 0 ? 127 : ((i * 89) % 255) - 127,
      )
      const row = Float32Array.from({ length: width }, (_, i) => 6 * Math.sin(i * 0.9))
      // Of numbers from a GELU what a step is at least: its lowest value is 24 of them.
      const small = row.map((x) => x / 20)
      const relu = (x: number): number => Math.max(x, 0)
      // By its series: erf(y) = 2 / √π · Σ (−1)ⁿ y^(2n+1) / (n! (2n + 1)).
      const erf = (y: number): number => {
        let [sum, power] = [0, y]
        for (let n = 0; n < 120; n++) {
          sum += power / (2 * n + 1)
          power *= -(y * y) / (n + 1)
        }
        return (2 / Math.sqrt(Math.PI)) * sum
      }
      const gelu = (x: number): number => (x * (1 + (Math.abs(x) > 5 ? Math.sign(x) : erf(x / Math.SQRT2)))) / 2
      for (const [as, values, activate, levels, least] of [
        ["relu", row, relu, 255, 0],
        ["relu", small, relu, 255, 0],
        ["gelu", row, gelu, 231, 0.171 / 24],
        ["gelu", small, gelu, 231, 0.171 / 24],
      ] as const) {
        const found = yield* linear8(weights, width, new Float32Array(outputs), [values], as)
        const active = Array.from(values, activate)
        const step = Math.max(Math.max(...active) / levels, least)
        let greatest = 0
        for (let j = 0; j < outputs; j++) {
          let [sum, most] = [0, 0]
          for (let i = 0; i < width; i++) {
            sum += active[i]! * weights[j * width + i]!
            most += Math.abs(weights[j * width + i]!)
          }
          greatest = Math.max(greatest, Math.abs(found[j]! - sum) / ((most * step) / 2))
        }
        expect(greatest).toBeLessThan(1)
        // Rounding is there.
        expect(greatest).toBeGreaterThan(0.01)
      }
    }),
  )

  it("N603 what several products multiply is quantised once; heads and products of few rows stay as they are", () => {
    const [n, batch] = [Onnx.dimensions.named("n"), Onnx.dimensions.named("batch")]
    const x = Onnx.input("x", "float32", [n, 32])
    const first = Onnx.input("first", "float32", [batch, 32])
    const weight = (name: string, outputs = 32) => Onnx.parameter(name, [outputs, 32])
    const shared = weight("shared")
    const graph: Onnx.Graph = {
      name: "several",
      inputs: [x, first],
      outputs: {
        queries: Onnx.linear(x, weight("query")),
        keys: Onnx.linear(x, weight("key"), Onnx.parameter("bias", [32])),
        twice: Onnx.linear(x, shared),
        few: Onnx.linear(first, shared),
        one: Onnx.linear(first, weight("single")),
        score: Onnx.linear(x, weight("head", 1)),
      },
    }
    const made = Onnx.quantizedGraph(graph, { rows: [n], weights: "int8", tableElements: 0, leastInner: 1 })
    const { nodes } = lower(made.graph)
    const count = (operator: string): number => nodes.filter((each) => each.operator === operator).length
    expect(count("QuantizeLinear")).toBe(1)
    expect(count("MatMulIntegerToFloat")).toBe(3)
    expect(count("Gemm")).toBe(3)
    expect(made.weights.map(({ kind, of }) => `${of} ${kind}`)).toEqual([
      "query transposed",
      "key transposed",
      "bias float",
      "shared transposed",
      "single float",
      "head float",
    ])
  })
})
