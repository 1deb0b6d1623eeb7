import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openScorer, type TokenSequence } from "../../../neural/runtime/index.ts"
import { type Golden, goldenModel, headOfKind, modelNames, readConfig, readGolden } from "./golden.ts"

const expectedOf = (text: Golden["texts"][number], head: string): readonly number[] => {
  const value = text.expected[head]
  return value === undefined ? [] : typeof value === "number" ? [value] : value
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  expect(a.length).toBe(b.length)
  let largest = 0
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN)))
  return largest
}

describe.each(modelNames)("%s", (name) => {
  const golden = readGolden(name)
  const heads = Object.keys(golden.texts[0]?.expected ?? {})

  it.scoped.each(heads)(`N10 ${name} with the head %s gives transformers' scores, alone and padded`, (kind) =>
    Effect.gen(function* () {
      const head = headOfKind(kind, golden, readConfig(name).labels)
      const { bytes } = yield* goldenModel(name, head, 4096)
      const scorer = yield* openScorer({ name, bytes }, { device: "cpu", threads: 1 })
      const texts: readonly TokenSequence[] = golden.texts
      const expected = golden.texts.map((text) => expectedOf(text, kind))

      const alone: Float32Array[] = []
      for (const text of texts) alone.push(yield* scorer.score([text]))
      const together = yield* scorer.score(texts)

      const width = together.length / texts.length
      const rows = texts.map((_, row) => together.subarray(row * width, (row + 1) * width))
      const apart = Math.max(...expected.map((row, i) => largestDifference(row, alone[i] ?? [])))
      const padded = Math.max(...expected.map((row, i) => largestDifference(row, rows[i] ?? [])))
      const batch = Math.max(...rows.map((row, i) => largestDifference(row, alone[i] ?? [])))
      expect(
        { apart: apart <= 1e-4, padded: padded <= 1e-4, batch: batch <= 1e-5 },
        `${apart} ${padded} ${batch}`,
      ).toEqual({
        apart: true,
        padded: true,
        batch: true,
      })
      if (process.env["PARITY"] !== undefined) {
        console.log(
          `${name} | ${kind} | ${apart.toExponential(1)} | ${padded.toExponential(1)} | ${batch.toExponential(1)}`,
        )
      }
    }).pipe(Effect.provide(layerOnnxRuntime)),
  )
})

// A software driver will do: LD_LIBRARY_PATH and VK_ICD_FILENAMES may name SwiftShader's libvulkan.so.1 and ICD file.
describe.skipIf(process.env["WEBGPU"] === undefined).each(modelNames)(
  "%s on WebGPU (set WEBGPU where a driver is)",
  (name) => {
    const golden = readGolden(name)
    it.scoped.each(Object.keys(golden.texts[0]?.expected ?? {}))(
      `N14 ${name} with the head %s gives the CPU's scores on WebGPU`,
      (kind) =>
        Effect.gen(function* () {
          const { bytes } = yield* goldenModel(name, headOfKind(kind, golden, readConfig(name).labels))
          const texts = golden.texts.filter(({ ids }) => ids.length < 200)
          const on = (device: "cpu" | "webgpu") =>
            Effect.flatMap(openScorer({ name, bytes }, { device }), (scorer) => scorer.score(texts))
          const difference = largestDifference(yield* on("webgpu"), yield* on("cpu"))
          expect(difference).toBeLessThan(1e-3)
          if (process.env["PARITY"] !== undefined)
            console.log(`${name} | ${kind} | webgpu ${difference.toExponential(1)}`)
        }).pipe(Effect.provide(layerOnnxRuntime)),
      300_000,
    )
  },
)
