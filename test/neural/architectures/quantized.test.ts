import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { convertCheckpoint, modelGraph, quantizeModel } from "../../../neural/architectures/index.ts"
import { openWeights } from "../../../neural/checkpoints/index.ts"
import { quantizedGraph } from "../../../neural/onnx/index.ts"
import { layerOnnxRuntime, openScorer } from "../../../neural/runtime/index.ts"
import { temporaryFolder } from "../../support/storedTable.ts"
import { headOfKind, largestDifference, modelNames, modelsFolder, readConfig, readGolden } from "./golden.ts"

/** A model of each family with its first head, of BERT and T5 with each; where PARITY is set, every model with every head. */
const cases = (() => {
  const seen = new Set<string>()
  return modelNames.flatMap((name) => {
    const { family } = readConfig(name).architecture
    return Object.keys(readGolden(name).texts[0]?.expected ?? {}).flatMap((head) => {
      const key = family === "bert" || family === "t5" ? `${family} ${head}` : family
      if (seen.has(key) && process.env["PARITY"] === undefined) return []
      seen.add(key)
      return [{ name, head }]
    })
  })
})()

const deviationOf = (values: ArrayLike<number>): number => {
  const all = Array.from(values)
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length)
}

describe("models in 8 bits", () => {
  it.effect(
    "N604 every family and head scores in 8 bits near its scores in fp32; N329, N321 copies tie, and a text's score is its own in any batch",
    () =>
      Effect.gen(function* () {
        const folder = temporaryFolder("quantized")
        const errors: number[] = []
        for (const [at, { head: kind, name }] of cases.entries()) {
          const golden = readGolden(name)
          const config = readConfig(name)
          const head = headOfKind(kind, golden, config.labels)
          const to = join(folder, String(at))
          const place = (precision: string): string => join(to, precision)
          for (const each of ["fp32", "int8", "weights8"]) mkdirSync(place(each), { recursive: true })
          yield* convertCheckpoint({ from: join(modelsFolder, name), to: place("fp32"), head })
          const texts = golden.texts.filter(({ ids }) => ids.length < 80)
          const scoresOf = (precision: string) =>
            Effect.gen(function* () {
              const scorer = yield* openScorer(
                { path: join(place(precision), "model.onnx") },
                { device: "cpu", threads: 1 },
              )
              // Between copies, longest first, and alone: in batches of other sizes, orders and paddings.
              const [middle] = texts.slice(Math.floor(texts.length / 2))
              const copies = middle === undefined ? [] : [middle, ...texts, middle]
              const together = yield* scorer.score(copies)
              const width = together.length / copies.length
              const row = (i: number): Float32Array => together.subarray(i * width, (i + 1) * width)
              const backwards = yield* scorer.score([...copies].reverse())
              const scale = deviationOf(together)
              for (let i = 0; i < copies.length; i++) {
                const text = copies[i]!
                const last = copies.length - 1 - i
                const alone = i % 4 === 0 ? yield* scorer.score([text]) : row(i)
                expect(largestDifference(alone, row(i)), `${name} ${kind} ${precision}`).toBeLessThan(2e-3 * scale)
                const moved = backwards.subarray(last * width, (last + 1) * width)
                expect(largestDifference(moved, row(i))).toBeLessThan(2e-3 * scale)
              }
              return together
            }).pipe(Effect.scoped)
          const expected = yield* scoresOf("fp32")
          const description = { architecture: config.architecture, head }
          const precisions =
            at < 2 || process.env["PARITY"] !== undefined ? (["int8", "weights8"] as const) : (["int8"] as const)
          for (const precision of precisions) {
            const made = yield* quantizeModel({
              from: place("fp32"),
              to: place(precision),
              description,
              weights: precision,
              tableElements: 0,
              leastInner: 1,
            })
            expect(made.quantized).toBeGreaterThan(0)
            const error = largestDifference(yield* scoresOf(precision), expected) / deviationOf(expected)
            // A wrong product leaves nothing of the order: its error is of the size of the scores' deviation.
            expect(error, `${name} ${kind} ${precision}`).toBeLessThan(0.7)
            if (precision === "int8") errors.push(error)
            if (process.env["PARITY"] !== undefined)
              console.log(`${name} | ${kind} | ${precision} | ${error.toFixed(3)}`)
          }
        }
        // One of these models with its random weights is off by chance; all together are not.
        const mean = Math.exp(errors.reduce((sum, error) => sum + Math.log(error), 0) / errors.length)
        expect(mean).toBeLessThan(0.1)
      }).pipe(Effect.provide(layerOnnxRuntime)),
    600_000,
  )

  it("N601 N549 layers of a decoder that computes once what texts begin with are of 8 bits too", () => {
    const { architecture } = readConfig("qwen3")
    const description = { architecture, head: { kind: "decoder-choice", yes: 1, no: 2 }, maximumTokens: 40 } as const
    const { graph, tokenRows } = Either.getOrThrow(modelGraph(description))
    const { weights } = quantizedGraph(graph, {
      rows: tokenRows,
      weights: "int8",
      tableElements: Number.POSITIVE_INFINITY,
      leastInner: 1,
    })
    // Seven of each layer but the last, and there the keys': the rest is of one token a text.
    expect(weights.filter(({ kind }) => kind === "transposed")).toHaveLength(7 * (architecture.layers - 1) + 1)
  })

  it.effect("N605 a weight in 8 bits takes a byte and its scale; the same model gives the same bytes", () =>
    Effect.gen(function* () {
      const folder = temporaryFolder("quantized")
      const name = "bert"
      const description = { architecture: readConfig(name).architecture, head: { kind: "first-token" } as const }
      const fresh = (_: string, shape: readonly number[]) =>
        new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1)
      for (const each of ["fp32", "a", "b"]) mkdirSync(join(folder, each))
      const [from, a, b] = ["fp32", "a", "b"].map((each) => join(folder, each))
      if (from === undefined || a === undefined || b === undefined) return
      yield* convertCheckpoint({ from: join(modelsFolder, name), to: from, head: description.head, freshHead: fresh })
      for (const to of [a, b])
        yield* quantizeModel({ from, to, description, weights: "int8", tableElements: 0, leastInner: 1 })
      const open = (to: string) => openWeights(join(to, "model.safetensors"))
      const [first, second] = [yield* open(a), yield* open(b)]
      expect([...first.tensors.values()].map(({ file: _, ...each }) => each)).toEqual(
        [...second.tensors.values()].map(({ file: _, ...each }) => each),
      )
      const numbers = [...first.tensors.values()].filter(({ dtype }) => dtype === "I8")
      expect(numbers.length).toBeGreaterThan(6)
      for (const { bytes, name: tensor, shape } of numbers) {
        const [rows = 0, columns = 0] = shape
        expect(bytes).toBe(rows * columns)
        const scale = first.tensors.get(`${tensor}.scale`)
        expect(scale?.shape).toEqual([tensor.endsWith(".rows") ? rows : columns])
        const own = new Uint8Array(bytes)
        const other = new Uint8Array(bytes)
        yield* first.bytes(tensor, own)
        yield* second.bytes(tensor, other)
        expect(own).toEqual(other)
      }
    }).pipe(Effect.scoped),
  )
})
