import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { openScorer } from "../../../neural/runtime/index.ts"
import {
  openTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
} from "../../../neural/training/index.ts"
import { paddedTokens, textGroups } from "../../../neural/training/microBatches.ts"
import { start } from "../../support/processes.ts"
import { graphicsEnvironment } from "../../support/softwareGraphics.ts"
import { goldenModel } from "../architectures/golden.ts"
import { afterOneStep, makeStep, optimizer, optionsFor, run, worstGradient } from "./smallTraining.ts"

const graphics = graphicsEnvironment()

const models = [
  ["t5-relu", "first-token"],
  ["t5-gated", "masked-mean"],
  ["t5-seq2seq-tied", "decoder-logit"],
  ["t5gemma-grouped", "attention-pooling"],
  ["bert-cross", "classifier"],
] as const

describe.each(models)("%s with the head %s", (name, kind) => {
  it.effect(`T13 ${name} with the head ${kind}: the gradient of many micro-batches is that of one, with dropout`, () =>
    Effect.gen(function* () {
      const step = makeStep(name, 3)
      const of = (tokensPerMicroBatch: number) =>
        Effect.flatMap(optionsFor(name, kind, { dropout: 0.2, tokensPerMicroBatch }), (options) =>
          afterOneStep(options, step),
        )
      const [whole, parts] = [yield* of(4096), yield* of(40)]
      expect(worstGradient(parts.state, whole.state)).toBeLessThan(1e-5)
      expect(Math.abs(parts.report.loss - whole.report.loss)).toBeLessThan(1e-5)
      expect(Math.abs(parts.report.gradientNorm / whole.report.gradientNorm - 1)).toBeLessThan(1e-5)
      expect(parts.report.countedLists).toBe(3)
      expect(Object.keys(parts.report.components)).toEqual(["pairwise", "softmax"])
    }),
  )

  it.effect(`T13 ${name} with the head ${kind}: nor does it depend on the groups of texts that are padded alike`, () =>
    Effect.gen(function* () {
      const step = makeStep(name, 3)
      const of = (groupOverhead: number) =>
        Effect.flatMap(optionsFor(name, kind, { dropout: 0.2, groupOverhead }), (options) =>
          afterOneStep(options, step),
        )
      const [together, apart] = [yield* of(Number.POSITIVE_INFINITY), yield* of(4)]
      expect(textGroups(step.texts, Array.from(step.mask.keys()), 4).length).toBeGreaterThan(1)
      expect(worstGradient(apart.state, together.state)).toBeLessThan(1e-5)
      expect(Math.abs(apart.report.loss - together.report.loss)).toBeLessThan(1e-5)
    }),
  )

  it.effect(`T16 ${name} with the head ${kind}: restored, training goes on with the same bytes`, () =>
    Effect.gen(function* () {
      const options = yield* optionsFor(name, kind, { dropout: 0.1 })
      const steps = Array.from({ length: 4 }, (_, step) => makeStep(name, step))
      const train = (state: TrainerState | undefined, some: readonly TrainingStep[]) =>
        run(
          Effect.gen(function* () {
            const trainer = yield* openTrainer(options)
            if (state !== undefined) yield* trainer.restore(state)
            for (const step of some) yield* trainer.step(step)
            return trainer.state()
          }),
        )
      const uninterrupted = yield* train(undefined, steps)
      expect(yield* train(yield* train(undefined, steps.slice(0, 2)), steps.slice(2))).toEqual(uninterrupted)
    }),
  )

  it.effect(`T17 ${name} with the head ${kind}: lists are learnt by heart, and scored as a scorer scores them`, () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsFor(name, kind)
        const trainer = yield* openTrainer(options)
        const step = makeStep(name, 0)
        const losses: number[] = []
        for (let i = 0; i < 30; i++) losses.push((yield* trainer.step({ ...step, step: i })).loss)
        expect(losses.at(-1)).toBeLessThan(0.5 * (losses[0] ?? 0))

        const scores = yield* trainer.score(step.texts)
        const { bytes } = yield* goldenModel(name, options.description.head, 4096, trainer.weights())
        const scorer = yield* openScorer({ name, bytes }, { device: "cpu" })
        const expected = yield* scorer.score(step.texts)
        scores.forEach((score, i) => {
          expect(Math.abs(score - (expected[i] ?? Number.NaN))).toBeLessThan(1e-4)
        })
      }),
    ),
  )
})

/** What a thread is sent depends on no head: one model without token types and one with them. */
describe.each([models[0], models[4]])("%s with the head %s, apart", (name, kind) => {
  it.effect(
    `T16 ${name} with the head ${kind}: a trainer in a thread of its own makes the same bytes, also beside another`,
    () =>
      Effect.gen(function* () {
        const options = yield* optionsFor(name, kind, { dropout: 0.1, threads: 1 })
        // The second step takes several micro-batches.
        const steps = [makeStep(name, 0), makeStep(name, 1, 12)]
        const train = (apart: boolean) =>
          run(
            Effect.gen(function* () {
              const trainer = yield* openTrainer({ ...options, apart, tokensPerMicroBatch: 256 })
              for (const step of steps) yield* trainer.step(step)
              const [text] = steps[0]?.texts ?? []
              return { state: trainer.state(), scores: yield* trainer.score(text === undefined ? [] : [text]) }
            }),
          )
        const alone = yield* train(false)
        expect(yield* Effect.all([train(true), train(true)], { concurrency: 2 })).toEqual([alone, alone])
      }),
  )
})

describe("a trainer", () => {
  const [name, kind] = ["t5-relu", "masked-mean"] as const

  it.effect("T13 a step whose groups fit into one micro-batch is one graph, however long its longest text is", () =>
    Effect.gen(function* () {
      const step = makeStep(name, 3)
      const items = Array.from(step.mask.keys()).filter((item) => step.mask[item] !== 0)
      const tokens = paddedTokens(step.texts, textGroups(step.texts, items, 4))
      expect(tokens).toBeLessThan(paddedTokens(step.texts, [items]))
      const fedWith = (tokensPerMicroBatch: number) =>
        run(
          Effect.gen(function* () {
            const options = yield* optionsFor(name, kind, { groupOverhead: 4, tokensPerMicroBatch })
            const trainer = yield* openTrainer(options)
            yield* trainer.step(step)
            return trainer.transferred().fed
          }),
        )
      expect(yield* fedWith(tokens)).toBe(yield* fedWith(4096))
      // Weights are fed to score and to go back.
      expect(yield* fedWith(tokens - 1)).toBeGreaterThan(1.5 * (yield* fedWith(tokens)))
    }),
  )

  it.effect("T15 a step's masks are its own and its seed's; a rate of 0 drops nothing", () =>
    Effect.gen(function* () {
      const lossOf = (given: Partial<TrainerOptions>, at: number) =>
        Effect.flatMap(optionsFor(name, kind, given), (options) =>
          Effect.map(afterOneStep(options, { ...makeStep(name, 0), step: at }), ({ report }) => report.loss),
        )
      const plain = yield* lossOf({}, 0)
      expect(yield* lossOf({}, 1)).toBe(plain)
      expect(yield* lossOf({ seed: 8 }, 0)).toBe(plain)
      const dropped = [
        yield* lossOf({ dropout: 0.3 }, 0),
        yield* lossOf({ dropout: 0.3 }, 1),
        yield* lossOf({ dropout: 0.3, seed: 8 }, 0),
      ]
      expect(new Set([plain, ...dropped]).size).toBe(4)
      expect(yield* lossOf({ dropout: 0.3 }, 0)).toBe(dropped[0])
    }),
  )

  it.effect(
    "T18 frozen weights keep their bytes and have no memory; where touched rows alone are updated, others stay",
    () =>
      Effect.gen(function* () {
        const groups = [
          { name: "low", pattern: "block\\.0|shared", frozen: true },
          { name: "rest", pattern: "." },
        ]
        const step = makeStep(name, 0)
        const loss = { kind: "pointwise", targets: "binary" } as const
        const options = yield* optionsFor(name, kind, { loss, optimizer: optimizer({ groups }) })
        const { state } = yield* afterOneStep(options, { ...step, learningRates: [0, 1e-2] })
        for (const [weight, before] of options.weights) {
          const isFrozen = /block\.0|shared/.test(weight)
          const after = state.tensors.get(`weight:${weight}`)
          expect(after?.some((value, i) => value !== before[i])).toBe(!isFrozen)
          expect(state.tensors.has(`first:${weight}`)).toBe(!isFrozen)
        }

        const lazy = yield* optionsFor(name, kind, { optimizer: optimizer({ embeddings: "touched" }) })
        const touched = yield* afterOneStep(lazy, step)
        const [before, after] = [lazy.weights.get("shared.weight"), touched.state.tensors.get("weight:shared.weight")]
        const used = new Set(step.texts.flatMap(({ ids }, item) => (step.mask[item] === 0 ? [] : Array.from(ids))))
        // A batch is padded with 0, to which no gradient comes but decay does.
        used.add(0)
        const { vocabulary } = lazy.description.architecture
        const width = (before?.length ?? 0) / vocabulary
        for (let row = 0; row < vocabulary; row++) {
          const changed = after
            ?.subarray(row * width, (row + 1) * width)
            .some((value, i) => value !== before?.[row * width + i])
          expect(changed).toBe(used.has(row))
        }
      }),
  )

  it.effect("T19 a loss that is not finite is reported, and changes nothing", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsFor(name, kind)
        const broken = new Map(options.weights)
        broken.set("head.score.bias", Float32Array.of(Number.NaN))
        const trainer = yield* openTrainer({ ...options, weights: broken })
        const before = trainer.state()
        expect(yield* trainer.step(makeStep(name, 0))).toMatchObject({ finite: false })
        expect(trainer.state()).toEqual(before)
      }),
    ),
  )

  it.effect("T20 clipping scales the gradient of all weights to the largest norm", () =>
    Effect.gen(function* () {
      const of = (clip: number) =>
        Effect.flatMap(optionsFor(name, kind, { optimizer: optimizer({ clip }) }), (options) =>
          afterOneStep(options, makeStep(name, 0)),
        )
      const [free, clipped] = [yield* of(0), yield* of(1e-3)]
      expect(clipped.report.gradientNorm).toBe(free.report.gradientNorm)
      const by = 1e-3 / free.report.gradientNorm
      for (const [tensor, values] of free.state.tensors) {
        if (!tensor.startsWith("first:")) continue
        values.forEach((value, i) => {
          expect(clipped.state.tensors.get(tensor)?.[i]).toBeCloseTo(value * by, 9)
        })
      }
    }),
  )

  it.effect("T21 weights that are missing or short and a foreign state are refused", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsFor(name, kind)
        const short = new Map(options.weights)
        short.delete("head.score.bias")
        short.set("shared.weight", new Float32Array(3))
        const problem = yield* Effect.flip(openTrainer({ ...options, weights: short }))
        expect(problem.message).toMatch(/shared\.weight has 3 elements instead of \d+/)
        expect(problem.message).toMatch(/head\.score\.bias is missing/)

        const trainer = yield* openTrainer(options)
        const state = trainer.state()
        const adafactor = yield* openTrainer({ ...options, optimizer: optimizer({ kind: "adafactor" }) })
        const foreign = yield* Effect.flip(adafactor.restore(state))
        expect(foreign).toMatchObject({ _tag: "StateForeign" })
        const without = new Map(state.tensors)
        without.delete("weight:shared.weight")
        expect((yield* Effect.flip(trainer.restore({ updates: 0, tensors: without }))).message).toMatch(/is missing/)
      }),
    ),
  )
})

// The driver's environment must be there when a process starts.
describe.skipIf(graphics === undefined)(
  "WebGPU (needs a driver: Debian's chromium has a software one; or WEBGPU)",
  () => {
    it("T22 on WebGPU a step's loss and gradients are the CPU's, with the same dropout", {
      timeout: 600_000,
    }, async () => {
      const ended = await start(join(import.meta.dirname, "webgpuStep.ts"), null, graphics).ended
      expect(ended.stderr).toBe("")
      const { gradient, loss } = Schema.decodeSync(
        Schema.parseJson(Schema.Struct({ loss: Schema.Number, gradient: Schema.Number })),
      )(ended.stdout.trim())
      expect(loss).toBeLessThan(1e-4)
      expect(gradient).toBeLessThan(1e-3)
    })
  },
)
