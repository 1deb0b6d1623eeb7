import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { initialFactors, planAdapters } from "../../../neural/adapters/index.ts"
import { openWeights } from "../../../neural/checkpoints/index.ts"
import { LossConfig } from "../../../neural/losses/index.ts"
import { openScorer } from "../../../neural/runtime/index.ts"
import {
  openTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
} from "../../../neural/training/index.ts"
import { textGroups } from "../../../neural/training/microBatches.ts"
import { type Head, LoraSettings, Pooling } from "../../../schemas/index.ts"
import { goldenModel, readConfig } from "../architectures/golden.ts"
import { afterOneStep, optimizer, run } from "./smallTraining.ts"

const folder = join(import.meta.dirname, "../../reference/bi-encoders")

const numbers = Schema.Array(Schema.Number)

const Golden = Schema.Struct({
  m: Schema.Number,
  queries: Schema.Array(numbers),
  passages: Schema.Array(numbers),
  grades: numbers,
  mask: numbers,
  teacher: numbers,
  others: numbers,
  cases: Schema.Record({
    key: Schema.String,
    value: Schema.Struct({
      loss: LossConfig,
      temperature: Schema.Number,
      inBatch: Schema.Number,
      pooling: Pooling,
      cosine: Schema.Boolean,
      value: Schema.Number,
    }),
  }),
})

/** What `test/reference/bi-encoders/generate.py` made. */
const golden = Schema.decodeSync(Schema.parseJson(Golden))(readFileSync(join(folder, "golden.json"), "utf8"))

const step: TrainingStep = {
  step: 0,
  lists: golden.queries.length,
  m: golden.m,
  texts: golden.passages.map((ids) => ({ ids })),
  queries: golden.queries.map((ids) => ({ ids })),
  grades: Float32Array.from(golden.grades),
  mask: Uint8Array.from(golden.mask),
  teacher: Float32Array.from(golden.teacher),
  others: Uint8Array.from(golden.others),
  learningRates: [1e-2],
}

const optionsOf = (name: string, given: Partial<TrainerOptions> = {}): Effect.Effect<TrainerOptions, unknown> =>
  Effect.gen(function* () {
    const known = golden.cases[name]
    if (known === undefined) return yield* Effect.dieMessage(`no case ${name}`)
    const { cosine, inBatch, loss, pooling, temperature } = known
    const head: Head = { kind: "embedding", pooling, similarity: cosine ? "cosine" : "dot" }
    const { architecture } = readConfig("bert")
    const { floats } = yield* goldenModel("bert", head)
    return {
      description: { architecture, head },
      weights: floats,
      loss,
      vectors: { temperature, inBatch },
      optimizer: optimizer(),
      dropout: 0,
      seed: 7,
      device: "cpu" as const,
      threads: 1,
      ...given,
    }
  }).pipe(Effect.scoped)

const gradientsOf = (name: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const weights = yield* openWeights(join(folder, `${name}.safetensors`))
      const found = new Map<string, Float32Array>()
      for (const tensor of weights.tensors.keys()) found.set(tensor, yield* weights.floats(tensor))
      return found
    }),
  )

/** ‖a − b‖ / ‖b‖ of the gradient of all weights: some, as a key's bias, have one that is zero but for rounding. */
const apart = (a: TrainerState, b: TrainerState): number => {
  let [difference, norm] = [0, 0]
  for (const [name, values] of b.tensors) {
    if (!name.startsWith("first:")) continue
    const other = a.tensors.get(name) ?? []
    values.forEach((value, i) => {
      difference += ((other[i] ?? Number.NaN) - value) ** 2
      norm += value ** 2
    })
  }
  return Math.sqrt(difference / norm)
}

/** A key's bias adds the same to all scores of a query. */
const vanishes = (tensor: string): boolean => tensor.endsWith("self.key.bias")

describe.each(Object.keys(golden.cases))("a bi-encoder with %s", (name) => {
  it.effect(`T90 ${name}: loss and gradient of every weight are PyTorch's, in one graph, in groups, in parts`, () =>
    Effect.gen(function* () {
      const expected = yield* gradientsOf(name)
      const value = golden.cases[name]?.value ?? Number.NaN
      expect(
        textGroups(
          [...step.texts, ...(step.queries ?? [])],
          Array.from({ length: 15 }, (_, i) => i),
          1,
        ),
      ).toHaveLength(4)
      for (const given of [
        { groupOverhead: Number.POSITIVE_INFINITY },
        { groupOverhead: 1 },
        { tokensPerMicroBatch: 40 },
      ]) {
        const { report, state } = yield* afterOneStep(yield* optionsOf(name, given), step)
        expect(report.countedLists).toBe(3)
        expect(Math.abs(report.loss / value - 1)).toBeLessThan(1e-5)
        let [off, length] = [0, 0]
        for (const [tensor, values] of expected) {
          const first = state.tensors.get(`first:${tensor}`) ?? []
          if (vanishes(tensor)) continue
          values.forEach((value, i) => {
            off += ((first[i] ?? Number.NaN) / 0.1 - value) ** 2
            length += value ** 2
          })
        }
        expect(Math.sqrt(off / length)).toBeLessThan(1e-5)
        expect(Object.keys(report.components)).toContain(name === "hybrid" ? "inBatch" : name)
      }
    }),
  )

  it.effect(`T90 ${name}: the gradient of many micro-batches is that of one, with dropout and beside adapters`, () =>
    Effect.gen(function* () {
      const plain = yield* optionsOf(name, { dropout: 0.2 })
      const adapters = yield* planAdapters(plain.description, Schema.decodeUnknownSync(LoraSettings)({ rank: 4 }))
      const factors = new Map(
        [...initialFactors(adapters, 3)].map(([key, values]) => [
          key,
          values.map((value, i) => value + Math.sin(i) / 50),
        ]),
      )
      const lora = { ...plain, adapters, weights: new Map([...plain.weights, ...factors]) }
      for (const options of [plain, lora]) {
        const whole = yield* afterOneStep(options, step)
        const parts = yield* afterOneStep({ ...options, tokensPerMicroBatch: 40 }, step)
        expect(apart(parts.state, whole.state)).toBeLessThan(1e-5)
        expect(Math.abs(parts.report.loss / whole.report.loss - 1)).toBeLessThan(1e-5)
        const moments = [...whole.state.tensors.keys()].filter((key) => key.startsWith("first:"))
        expect(moments.every((key) => key.includes(".lora_"))).toBe(options === lora)
      }
    }),
  )
})

describe("a bi-encoder", () => {
  it.effect("T90 the gradient is that of finite differences along itself", () =>
    Effect.gen(function* () {
      for (const name of ["infonce", "hybrid"]) {
        const options = yield* optionsOf(name)
        const { state } = yield* afterOneStep(options, step)
        const along = new Map(
          [...options.weights.keys()].map((key) => [
            key,
            Float32Array.from(state.tensors.get(`first:${key}`) ?? [], (value) => value / 0.1),
          ]),
        )
        const squares = [...along.values()].reduce((sum, values) => sum + values.reduce((a, b) => a + b * b, 0), 0)
        const by = 2e-3 / Math.sqrt(squares)
        const moved = (sign: number) => {
          const weights = new Map(
            [...options.weights].map(([key, values]) => [
              key,
              values.map((value, i) => value + sign * by * (along.get(key)?.[i] ?? 0)),
            ]),
          )
          return Effect.map(afterOneStep({ ...options, weights }, step), ({ report }) => report.loss)
        }
        const slope = ((yield* moved(1)) - (yield* moved(-1))) / (2 * by)
        expect(Math.abs(slope / squares - 1)).toBeLessThan(5e-3)
      }
    }),
  )

  it.effect("T16 restored, a bi-encoder's training goes on with the same bytes, in parts too", () =>
    Effect.gen(function* () {
      const options = yield* optionsOf("infonce", { dropout: 0.1, tokensPerMicroBatch: 80 })
      const train = (state: TrainerState | undefined, some: readonly number[]) =>
        run(
          Effect.gen(function* () {
            const trainer = yield* openTrainer(options)
            if (state !== undefined) yield* trainer.restore(state)
            for (const at of some) yield* trainer.step({ ...step, step: at })
            return trainer.state()
          }),
        )
      const uninterrupted = yield* train(undefined, [0, 1, 2, 3])
      expect(yield* train(yield* train(undefined, [0, 1]), [2, 3])).toEqual(uninterrupted)
    }),
  )

  it.effect("T17 it learns a step by heart, and its vectors are those of the model's file", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsOf("infonce")
        const trainer = yield* openTrainer(options)
        const losses: number[] = []
        for (let i = 0; i < 30; i++) losses.push((yield* trainer.step({ ...step, step: i })).loss)
        expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] ?? 0))
        expect(trainer.width).toBe(24)
        const vectors = yield* trainer.score(step.texts)
        const { bytes } = yield* goldenModel("bert", options.description.head, 4096, trainer.weights())
        const scorer = yield* openScorer({ name: "bert", bytes }, { device: "cpu" })
        const expected = yield* scorer.score(step.texts)
        expect(vectors).toHaveLength(expected.length)
        vectors.forEach((value, i) => expect(Math.abs(value - (expected[i] ?? Number.NaN))).toBeLessThan(1e-5))
      }),
    ),
  )
})
