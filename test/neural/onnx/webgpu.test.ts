import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Onnx from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime } from "../../../neural/runtime/index.ts"
import { start } from "../../support/processes.ts"
import { graphicsEnvironment } from "../../support/softwareGraphics.ts"
import { farRows, gain, normalisedRows, softplusArguments, softplusOf } from "./webgpuNumbers.ts"

const width = gain.length
const graphics = graphicsEnvironment()

const Outcome = Schema.parseJson(Schema.Struct({ operation: Schema.String, values: Schema.Array(Schema.Number) }))

/** A row whose mean is 3,000 times its deviation has but 12 bits for it. */
const near = (values: ArrayLike<number>, expected: readonly number[], bound: (at: number) => number): void => {
  expect(values.length).toBe(expected.length)
  expected.forEach((value, at) => {
    expect(Math.abs(values[at]! - value), `${at}: ${values[at]} for ${value}`).toBeLessThanOrEqual(bound(at))
  })
}
const normalisedBound = (at: number): number => (at < width ? 1e-5 : at < 2 * width ? 1e-4 : 2e-3)
const softplusBound = (at: number): number => Math.max(1e-38, 4e-6 * softplusOf(softplusArguments[at]!))

describe("WebGPU's graphs", () => {
  it.effect(
    "N608 what is written out for WebGPU computes the same on the CPU; a model without it is left as it is",
    () =>
      Effect.gen(function* () {
        const runtime = yield* OnnxRuntime
        const rows = Onnx.dimensions.named("rows")
        const x = Onnx.input("x", "float32", [rows, width])
        const s = Onnx.input("s", "float32", [Onnx.dimensions.named("count")])
        const bias = Onnx.constant(new Float32Array(width).fill(0.25), [width])
        const graph: Onnx.Graph = {
          name: "both",
          inputs: [x, s],
          outputs: { y: Onnx.layerNormalization(x, Onnx.constant(gain, [width]), bias, 1e-12), z: Onnx.softplus(s) },
        }
        const own = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model)
        const bytes = Onnx.forWebGpu(own)
        expect(bytes).toBeDefined()
        if (bytes === undefined) return
        expect([...Onnx.readInterface(Onnx.randomAccess(bytes)).inputs]).toEqual([
          ...Onnx.readInterface(Onnx.randomAccess(own)).inputs,
        ])
        const session = yield* runtime.open({ name: "both", bytes }, { device: "cpu", threads: 1 })
        const results = yield* session.run({
          x: { type: "float32", shape: [farRows.length / width, width], data: Float32Array.from(farRows) },
          s: { type: "float32", shape: [softplusArguments.length], data: Float32Array.from(softplusArguments) },
        })
        const [y, z] = [results.get("y"), results.get("z")]
        if (y?.type !== "float32" || z?.type !== "float32") throw new Error("no floats")
        near(y.data, normalisedRows(), normalisedBound)
        near(z.data, softplusArguments.map(softplusOf), softplusBound)
        const plain = { name: "plain", inputs: [s], outputs: { y: Onnx.exponential(s) } }
        expect(Onnx.forWebGpu(Onnx.toBytes(Onnx.encodeModel(plain, { kind: "inputs" }).model))).toBeUndefined()
      }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)),
  )

  it.skipIf(graphics === undefined)(
    "N608 on WebGPU rows whose mean is 3,000 times their deviation are normalised, and softplus of −17 is not 0 (needs a driver)",
    { timeout: 120_000 },
    async () => {
      const ended = await start(join(import.meta.dirname, "webgpuOperations.ts"), [], graphics).ended
      expect(ended.stderr).toBe("")
      const outcomes = new Map(
        ended.stdout
          .trim()
          .split("\n")
          .map((line) => Schema.decodeSync(Outcome)(line))
          .map(({ operation, values }) => [operation, values] as const),
      )
      near(outcomes.get("LayerNormalization") ?? [], normalisedRows(), normalisedBound)
      near(outcomes.get("Softplus") ?? [], softplusArguments.map(softplusOf), softplusBound)
    },
  )
})
