import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import {
  openTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
} from "../../../neural/training/index.ts"
import { adapterCase, optionsOf } from "../adapters/golden.ts"
import { makeStep, optimizer, optionsFor, run } from "./smallTraining.ts"

/** Steps of which no two have texts of the same lengths, and the rates of two groups. */
const several = (name: string, count: number): readonly TrainingStep[] =>
  Array.from({ length: count }, (_, step) => ({
    ...makeStep(name, step, 3, 7 + 2 * step),
    learningRates: [1e-3 / (step + 1), 1e-2 / (step + 1)],
  }))

const groups = [
  { name: "head", pattern: "^head|^classifier", scale: 0.1 },
  { name: "rest", pattern: "." },
]

/** What steps come to in one run, and one by one. */
const both = (options: TrainerOptions, steps: readonly TrainingStep[]) => {
  const made = (together: boolean) =>
    run(
      Effect.gen(function* () {
        const trainer = yield* openTrainer(options)
        const reports = together ? yield* trainer.steps(steps) : yield* Effect.forEach(steps, trainer.step)
        return { reports, state: trainer.state(), moved: trainer.transferred() }
      }),
    )
  return Effect.all({ together: made(true), apart: made(false) })
}

/** A key's bias adds the same to all scores of a query, and a score's to all items: their gradient is rounding, which AdamW makes as large as any. */
const vanishes = (tensor: string): boolean => /self\.key\.bias$|(?:head\.score|classifier)\.bias$/u.test(tensor)

/** ‖a − b‖ / ‖b‖ of each tensor of a state, the worst. */
const distance = (a: TrainerState, b: TrainerState): number => {
  expect([...a.tensors.keys()]).toEqual([...b.tensors.keys()])
  let worst = 0
  for (const [name, values] of b.tensors) {
    if (name.startsWith("touched:") || vanishes(name)) continue
    let [difference, norm] = [0, 1e-12]
    values.forEach((value, i) => {
      difference += ((a.tensors.get(name)?.[i] ?? Number.NaN) - value) ** 2
      norm += value ** 2
    })
    worst = Math.max(worst, Math.sqrt(difference / norm))
  }
  return worst
}

const models = [
  ["t5-relu", "first-token"],
  ["t5-gated", "masked-mean"],
  ["t5gemma-grouped", "attention-pooling"],
  ["bert-cross", "classifier"],
] as const

describe("several steps in one run", () => {
  it.effect.each(models)("T98 %s with the head %s: come to what they do one by one", ([name, kind]) =>
    Effect.gen(function* () {
      const given = { dropout: 0.2, optimizer: optimizer({ clip: 0.5, weightDecay: 0.1, groups }) }
      const { apart, together } = yield* both(yield* optionsFor(name, kind, given), several(name, 4))
      expect(together.reports.length).toBe(4)
      together.reports.forEach((report, step) => {
        const { components, countedLists, finite, gradientNorm, loss, tokens } = apart.reports[step]!
        expect(report).toMatchObject({ countedLists, finite, tokens })
        expect(Math.abs(report.loss - loss)).toBeLessThan(1e-5)
        expect(Math.abs(report.gradientNorm / gradientNorm - 1)).toBeLessThan(1e-4)
        expect(Object.keys(report.components)).toEqual(Object.keys(components))
      })
      expect(together.state.updates).toBe(4)
      expect(distance(together.state, apart.state)).toBeLessThan(5e-5)
      // Weights and two moments go once, and not weights at each step.
      expect(together.moved.fed + together.moved.fetched).toBeLessThan(apart.moved.fed + apart.moved.fetched)
    }),
  )

  it.effect("T98 beside weights that stay in a file, recomputed: also of adapters", () =>
    Effect.gen(function* () {
      const name = "t5-gated-masked-mean"
      const { step } = yield* adapterCase(name)
      const steps = Array.from({ length: 3 }, (_, at) => ({ ...step, step: at, learningRates: [0.01 / (at + 1)] }))
      const options = yield* optionsOf(name, "file", { recompute: true, dropout: 0.1 })
      const { apart, together } = yield* both(options, steps)
      expect(distance(together.state, apart.state)).toBeLessThan(5e-5)
      const { fed, fetched } = together.moved
      const trained = [...together.state.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0)
      // What stays is not among it; texts and lists are a few thousand numbers.
      expect(fetched).toBeLessThan(trained + 1000)
      expect(fed).toBeLessThan(trained + 20_000)
    }),
  )

  it.effect("T98 of a model that gives vectors, with the passages of all lists", () =>
    Effect.gen(function* () {
      const options = yield* optionsFor("bert", "embedding", {
        loss: { kind: "infonce" },
        vectors: { temperature: 0.5, inBatch: 0 },
      })
      const steps = several("bert-cross", 3).map((step) => ({
        ...step,
        queries: step.texts.slice(0, step.lists),
        others: new Uint8Array(step.lists * step.lists * step.m).fill(1),
        learningRates: [1e-3],
      }))
      const { apart, together } = yield* both(options, steps)
      expect(together.reports.length).toBe(3)
      expect(distance(together.state, apart.state)).toBeLessThan(5e-5)
    }),
  )

  it.effect("T98 a step of which no list counts changes nothing, and is no update", () =>
    Effect.gen(function* () {
      const options = yield* optionsFor("t5-gated", "masked-mean", { optimizer: optimizer({ weightDecay: 0.1 }) })
      const steps = several("t5-gated", 3).map((step, at) =>
        at === 1 ? { ...step, grades: new Float32Array(15) } : step,
      )
      const { apart, together } = yield* both(options, steps)
      expect(together.reports.map(({ countedLists }) => countedLists)).toEqual([3, 0, 3])
      expect(together.state.updates).toBe(2)
      expect(distance(together.state, apart.state)).toBeLessThan(5e-5)
    }),
  )

  it.effect("T98 a loss that is not finite ends the run with the state before it", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsFor("t5-gated", "masked-mean", { loss: { kind: "marginmse" } })
        const steps = several("t5-gated", 4).map((step, at) => ({
          ...step,
          teacher: new Float32Array(15)
            .fill(at === 2 ? Number.POSITIVE_INFINITY : 0)
            .map((x, i) => (i % 5 === 0 ? x : i)),
        }))
        const trainer = yield* openTrainer(options)
        const reports = yield* trainer.steps(steps)
        expect(reports.map(({ finite }) => finite)).toEqual([true, true, false])
        const other = yield* openTrainer(options)
        yield* other.steps(steps.slice(0, 2))
        expect(distance(trainer.state(), other.state())).toBeLessThan(5e-5)
      }),
    ),
  )

  it.effect("T98 restored, it goes on with the same bytes; steps of other shapes, or by adafactor, go one by one", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsFor("t5-relu", "first-token", { dropout: 0.1 })
        const steps = several("t5-relu", 4)
        const trainer = yield* openTrainer(options)
        yield* trainer.steps(steps.slice(0, 2))
        const saved = trainer.state()
        yield* trainer.steps(steps.slice(2))
        const other = yield* openTrainer(options)
        yield* other.restore(saved)
        yield* other.steps(steps.slice(2))
        expect(other.state()).toEqual(trainer.state())

        const single = (given: Partial<TrainerOptions>, lists: readonly TrainingStep[]) =>
          Effect.gen(function* () {
            const { apart, together } = yield* both({ ...options, ...given }, lists)
            expect(together.state).toEqual(apart.state)
          })
        yield* single({}, [steps[0]!, makeStep("t5-relu", 1, 2)])
        yield* single({ tokensPerMicroBatch: 60 }, steps)
        yield* single({ optimizer: optimizer({ kind: "adafactor" }) }, steps)
        yield* single({ optimizer: optimizer({ embeddings: "touched" }) }, steps)
      }),
    ),
  )
})
