import * as Effect from "effect/Effect"
import * as Onnx from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, OnnxRuntime, type Tensor } from "../../../neural/runtime/index.ts"

type Doubles = Onnx.Expression<"float64">

/** Tensors to differentiate with respect to: their shapes, and how their elements are drawn from a number in 0 … 1. */
export interface Variable {
  readonly shape: readonly number[]
  readonly draw?: (uniform: number) => number
}

/** A sequence of numbers in 0 … 1, the same for the same seed. */
export const uniforms = (seed: number): (() => number) => {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return ((state ^ (state >>> 15)) >>> 0) / 2 ** 32
  }
}

const count = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1)

const near = (uniform: number): number => 3 * uniform - 1.5

/** The largest difference of a gradient's element from the central difference, by variable, relative to 1 + |element|. */
export const differencesOfGradients = (
  variables: readonly Variable[],
  build: (...inputs: readonly Doubles[]) => Doubles,
  seed = 1,
): Effect.Effect<readonly number[], unknown> =>
  Effect.gen(function* () {
    const draw = uniforms(seed)
    const inputs = variables.map(({ shape }, i) => Onnx.input(`x${i}`, "float64", shape))
    const y = build(...inputs)
    const sizes = y.shape.filter((size) => typeof size === "number")
    // Fed, not constant: onnxruntime takes a constant factor into a product, as float32.
    const weights = Onnx.input("weights", "float64", sizes)
    const drawn = Float64Array.from({ length: count(sizes) }, () => near(draw()))
    const product = Onnx.multiply(y, weights)
    const loss = sizes.length === 0 ? product : Onnx.reduceSum(product, [...sizes.keys()])
    const found = Onnx.gradients([{ of: loss }], inputs)
    const outputs = Object.fromEntries([
      ["loss", loss],
      ...found.map((gradient, i) => [`gradient${i}`, gradient] as const),
    ])
    const runtime = yield* OnnxRuntime
    const open = (graph: Onnx.Graph) =>
      runtime.open(
        { name: graph.name, bytes: Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inputs" }).model) },
        { device: "cpu", threads: 1 },
      )
    const fed = [...inputs, weights]
    const session = yield* open({ name: "gradients", inputs: fed, outputs })
    const values = variables.map(({ draw: shaped = near, shape }) =>
      Float64Array.from({ length: count(shape) }, () => shaped(draw())),
    )
    const feeds: Record<string, Tensor> = { weights: { type: "float64", shape: sizes, data: drawn } }
    for (const [i, { shape }] of variables.entries()) {
      feeds[`x${i}`] = { type: "float64", shape, data: values[i] ?? new Float64Array() }
    }
    const forward = yield* open({ name: "loss", inputs: fed, outputs: { loss } })
    const lossNow = Effect.map(forward.run(feeds), (results) => Number(results.get("loss")?.data[0]))
    const results = yield* session.run(feeds)
    const differences: number[] = []
    for (const [i, data] of values.entries()) {
      const gradient = results.get(`gradient${i}`)
      let largest = gradient?.data.length === data.length ? 0 : Number.POSITIVE_INFINITY
      for (let at = 0; at < data.length; at++) {
        const x = data[at]!
        const step = 1e-5
        data[at] = x + step
        const above = yield* lossNow
        data[at] = x - step
        const below = yield* lossNow
        data[at] = x
        const element = Number(gradient?.data[at])
        const difference = Math.abs((above - below) / (2 * step) - element) / (1 + Math.abs(element))
        largest = difference <= largest ? largest : difference
      }
      differences.push(largest)
    }
    return differences
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
