import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { t5 } from "../../../neural/architectures/families/T5Architecture.ts"
import type { T5Config } from "../../../neural/architectures/families/T5Encoder.ts"
import { t5Gemma } from "../../../neural/architectures/families/T5GemmaArchitecture.ts"
import {
  type Architecture,
  decodeConfig,
  type Head,
  initialHead,
  initialWeights,
  type ModelTensor,
  modelGraph,
} from "../../../neural/index.ts"

const sizes = { vocabulary: 50, width: 64, innerWidth: 128, layers: 2, heads: 4, headSize: 32, epsilon: 1e-6 }
const t5Config: T5Config = {
  biasInEachLayer: false,
  choice: { yes: "", no: "" },
  ...sizes,
  decoderLayers: 2,
  buckets: 32,
  maximumDistance: 128,
  feedForward: "relu",
  tiedOutput: true,
  sharedOutput: true,
  decoderStart: 0,
}
const plainT5 = t5(t5Config)
const plainT5Gemma = t5Gemma({
  ...sizes,
  keyHeads: 4,
  queryScale: 32,
  softCap: 50,
  ropeTheta: 10_000,
  window: 128,
  sliding: [true, false],
})
const head: Head = { kind: "masked-mean" }

const weightsOf = (architecture: Architecture, seed = 1, initialisation: "plain" | "matching" = "matching") =>
  Effect.gen(function* () {
    const description = { architecture, head }
    const { tensors } = yield* modelGraph(description)
    const made = yield* initialWeights(description, seed, initialisation)
    const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]))
    return (name: string): Float32Array => {
      const tensor: ModelTensor | undefined = byName.get(name)
      if (tensor === undefined) throw new Error(`there is no ${name}`)
      return made(tensor)
    }
  })

/** A state of root mean square 1: `which` tells tokens apart. */
const state = (which: number): Float64Array =>
  Float64Array.from({ length: sizes.width }, (_, i) => Math.SQRT2 * Math.sin(1 + which * 7.3 + i * (1.1 + which)))

/** One head's part of a projection, [headSize, width], of a state, turned by the rotary embedding to a position. */
const projected = (weights: Float32Array, at: number, x: Float64Array, position = 0): Float64Array => {
  const { headSize, width } = sizes
  const y = new Float64Array(headSize)
  for (let row = 0; row < headSize; row++) {
    for (let i = 0; i < width; i++) y[row]! += weights[(at * headSize + row) * width + i]! * x[i]!
  }
  const turned = new Float64Array(headSize)
  const half = headSize / 2
  for (let pair = 0; pair < half; pair++) {
    const angle = position * 10_000 ** ((-2 * pair) / headSize)
    turned[pair] = y[pair]! * Math.cos(angle) - y[pair + half]! * Math.sin(angle)
    turned[pair + half] = y[pair + half]! * Math.cos(angle) + y[pair]! * Math.sin(angle)
  }
  return turned
}

const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0)

describe("weights to begin with", () => {
  it.effect("T47 a T5's token scores its like about 8 and others about 0, and itself less where the bias says so", () =>
    Effect.gen(function* () {
      const weight = yield* weightsOf(plainT5)
      const name = "encoder.block.1.layer.0.SelfAttention"
      const [query, key] = [weight(`${name}.q.weight`), weight(`${name}.k.weight`)]
      expect(key).toEqual(query)
      const same: Array<number> = []
      const other: Array<number> = []
      for (let at = 0; at < sizes.heads; at++) {
        for (let which = 0; which < 20; which++) {
          const asked = projected(query, at, state(which))
          same.push(dot(asked, projected(key, at, state(which))))
          other.push(dot(asked, projected(key, at, state(which + 1))))
        }
      }
      const mean = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0) / values.length
      expect(mean(same)).toBeGreaterThan(7)
      expect(mean(same)).toBeLessThan(9)
      expect(Math.abs(mean(other))).toBeLessThan(1)
      const bias = weight("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")
      expect([...bias.subarray(0, 4)]).toEqual([-4, -4, -4, 0])
      expect(bias.subarray(4).every((value) => value === 0)).toBe(true)
    }),
  )

  it.effect("T47 a T5Gemma's heads look for a token's like 14 and 22 positions away, to either side", () =>
    Effect.gen(function* () {
      const weight = yield* weightsOf(plainT5Gemma)
      const [query, key] = ["q", "k"].map((which) => weight(`encoder.layers.0.self_attn.${which}_proj.weight`))
      if (query === undefined || key === undefined) return expect.unreachable()
      const distances = Array.from({ length: 61 }, (_, i) => i - 30)
      const peaks = Array.from({ length: sizes.heads }, (_, at) => {
        const x = state(3)
        const scores = distances.map((distance) =>
          dot(projected(query, at, x, 40), projected(key, at, x, 40 + distance)),
        )
        return distances[scores.indexOf(Math.max(...scores))]
      })
      expect(peaks).toEqual([-14, 14, -22, 22])
      const scaled = dot(projected(query, 0, state(3), 40), projected(key, 0, state(3), 26)) / Math.sqrt(32)
      expect(scaled).toBeGreaterThan(5)
      expect(scaled).toBeLessThan(12)
    }),
  )

  it.effect("T48 depend on the seed and the tensor's name alone", () =>
    Effect.gen(function* () {
      const [first, again, other] = [yield* weightsOf(plainT5), yield* weightsOf(plainT5), yield* weightsOf(plainT5, 2)]
      expect(again("shared.weight")).toEqual(first("shared.weight"))
      expect(other("shared.weight")).not.toEqual(first("shared.weight"))
      const deeper = yield* weightsOf(t5({ ...t5Config, layers: 3 }))
      const name = "encoder.block.1.layer.1.DenseReluDense.wi.weight"
      expect(deeper(name)).toEqual(first(name))
      const plain = yield* weightsOf(plainT5, 1, "plain")
      const attention = "encoder.block.0.layer.0.SelfAttention"
      expect(plain(`${attention}.k.weight`)).not.toEqual(plain(`${attention}.q.weight`))
    }),
  )

  it.effect(
    "T48 a new head begins near 0, attention pooling as the plain mean; others cannot be begun from nothing",
    () =>
      Effect.gen(function* () {
        expect([...initialHead(1, { name: "head.score.bias", shape: [1] })]).toEqual([0])
        const attention = initialHead(1, { name: "head.attention.weight", shape: [1, 8] })
        expect(attention.every((value) => value === 0)).toBe(true)
        const score = initialHead(1, { name: "head.score.weight", shape: [1, 4096] })
        expect(Math.sqrt(score.reduce((sum, x) => sum + x * x, 0) / 4096)).toBeCloseTo(0.02, 3)
        const refused = initialWeights({ architecture: plainT5, head: { kind: "decoder-logit", token: 3 } }, 1, "plain")
        const error = yield* Effect.flip(refused)
        expect(error.message).toContain("only encoders are begun from nothing")
        const { architecture } = yield* decodeConfig({ model_type: "bert" })
        const other = yield* Effect.flip(initialWeights({ architecture, head }, 1, "plain"))
        expect(other.message).toContain("its models are not begun from nothing")
      }),
  )
})
