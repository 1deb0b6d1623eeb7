import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerOnnxRuntime, openScorer, type TokenSequence } from "../../../neural/runtime/index.ts"
import { start } from "../../support/processes.ts"
import { graphicsEnvironment } from "../../support/softwareGraphics.ts"
import {
  type Golden,
  goldenModel,
  headOfKind,
  largestDifference,
  modelNames,
  readConfig,
  readGolden,
} from "./golden.ts"

const graphics = graphicsEnvironment()

/** What webgpuScores.ts says of one model and head; a difference that is no number becomes null in JSON. */
const Outcome = Schema.parseJson(
  Schema.Struct({ model: Schema.String, head: Schema.String, difference: Schema.NullOr(Schema.Number) }),
)

const expectedOf = (text: Golden["texts"][number], head: string): readonly number[] => {
  const value = text.expected[head]
  return value === undefined ? [] : typeof value === "number" ? [value] : value
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

// The driver's environment must be there when a process starts, and one process compiles each of its programs once.
describe.skipIf(graphics === undefined)(
  "WebGPU (needs a driver: Debian's chromium has a software one; or WEBGPU)",
  () => {
    it("N14 every architecture and head gives the CPU's scores on WebGPU", { timeout: 600_000 }, async () => {
      // A software driver takes seconds a model: those that bring a head of their family, and all where PARITY or WEBGPU is set.
      const all = process.env["PARITY"] !== undefined || process.env["WEBGPU"] !== undefined
      const seen = new Set<string>()
      const models = modelNames.filter((name) => {
        const { family } = readConfig(name).architecture
        const before = seen.size
        for (const head of Object.keys(readGolden(name).texts[0]?.expected ?? {})) seen.add(`${family} ${head}`)
        return all || seen.size > before
      })
      const ended = await start(join(import.meta.dirname, "webgpuScores.ts"), models, graphics).ended
      expect(ended.stderr).toBe("")
      const outcomes = ended.stdout
        .trim()
        .split("\n")
        .map((line) => Schema.decodeSync(Outcome)(line))
      const heads = models.flatMap((model) =>
        Object.keys(readGolden(model).texts[0]?.expected ?? {}).map((head) => ({ model, head })),
      )
      expect(outcomes.map(({ head, model }) => ({ model, head }))).toEqual(heads)
      expect(outcomes.filter(({ difference }) => difference === null || difference >= 1e-3)).toEqual([])
      if (process.env["PARITY"] !== undefined) {
        for (const { difference, head, model } of outcomes) {
          console.log(`${model} | ${head} | webgpu ${difference?.toExponential(1)}`)
        }
      }
    })
  },
)
