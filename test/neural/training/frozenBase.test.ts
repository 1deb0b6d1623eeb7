import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { freezeModel } from "../../../neural/architectures/index.ts"
import { openWeights, writeSafetensors } from "../../../neural/checkpoints/index.ts"
import { OnnxRuntime } from "../../../neural/runtime/index.ts"
import { type BaseStorage, openTrainer, type TrainerOptions } from "../../../neural/training/index.ts"
import { temporaryFolder } from "../../support/storedTable.ts"
import { adapterCase, optionsOf } from "../adapters/golden.ts"
import { run, worstGradient } from "./smallTraining.ts"

/** A case's options with its base in a form of its own; small as it is, all of it that a large one's is. */
const frozenOptions = (
  name: string,
  storage: Exclude<BaseStorage, "fp32">,
  given: Partial<TrainerOptions> = {},
  from?: string,
) =>
  Effect.gen(function* () {
    const options = yield* optionsOf(name, "file", given, from)
    const { base, description } = options
    const to = temporaryFolder("frozen")
    const sizes = { leastInner: 1, tableElements: 1 }
    const made = yield* freezeModel({ from: base?.folder ?? "", to, description, weights: storage, ...sizes })
    const { tensors } = yield* openWeights(to)
    const file = "model.safetensors"
    const locations = new Map([...tensors.values()].map(({ name: own, offset }) => [own, { file, offset }] as const))
    return { made, tensors, options: { ...options, base: { folder: to, locations, storage, fingerprint: name } } }
  }).pipe(Effect.scoped)

/** A folder with a case's base, every number of it changed. */
const changedBase = (name: string, change: (tensor: string, value: number) => number) =>
  Effect.gen(function* () {
    const { base } = yield* adapterCase(name)
    const to = temporaryFolder("base")
    const stored = yield* openWeights(base)
    const tensors = yield* Effect.forEach(stored.tensors.values(), ({ name: tensor, shape }) =>
      Effect.map(stored.floats(tensor), (floats) => {
        const changed = floats.map((value) => change(tensor, value))
        return { name: tensor, shape, dtype: "F32" as const, data: () => [changed] }
      }),
    )
    yield* writeSafetensors(join(to, "model.safetensors"), tensors)
    return to
  }).pipe(Effect.scoped)

/** Opens a trainer as on this processor; if `turned`, as on one whose sums with signed 8-bit numbers are not exact. */
const openOn = (options: TrainerOptions, turned: boolean) =>
  Effect.gen(function* () {
    const runtime = yield* OnnxRuntime
    const exactSums = turned ? Effect.succeed(false) : runtime.exactSums
    return yield* Effect.provideService(openTrainer(options), OnnxRuntime, { ...runtime, exactSums })
  })

/** Scores before, the state after a step. */
const outcome = (name: string, options: TrainerOptions, steps = 1, turned = false) =>
  run(
    Effect.gen(function* () {
      const { step } = yield* adapterCase(name)
      const trainer = yield* openOn(options, turned)
      const scores = yield* trainer.score(step.texts)
      for (let i = 0; i < steps; i++) yield* trainer.step({ ...step, step: i })
      return { scores, state: trainer.state(), moved: trainer.transferred() }
    }),
  )

/** One of each family, of each kind of head. */
const cases = ["bert-cross-classifier", "t5-gated-masked-mean", "t5gemma-grouped-first-token"] as const

describe.each(cases)("%s", (name) => {
  it.effect(`T89 ${name}: beside 8-bit weights scores and gradients are near those beside fp32, by either way`, () =>
    Effect.gen(function* () {
      // T5's scores of attention have no scale: of weights as large as these they would follow every rounding.
      const from = yield* changedBase(name, (tensor, value) =>
        /SelfAttention\.q\./u.test(tensor) ? value / 32 : value,
      )
      const exact = yield* outcome(name, yield* optionsOf(name, "file", {}, from))
      const { options, tensors } = yield* frozenOptions(name, "int8", {}, from)
      const packed = [...tensors.values()].filter(({ dtype }) => dtype === "I8").map(({ name: own }) => own)
      expect(packed.some((own) => own.endsWith(".transposed"))).toBe(true)
      expect(packed.filter((own) => own.endsWith(".columns")).length).toBe(
        packed.filter((own) => own.endsWith(".transposed")).length,
      )
      const found = yield* outcome(name, options)
      const deviation = Math.hypot(...exact.scores) / Math.sqrt(exact.scores.length)
      found.scores.forEach((score, i) =>
        expect(Math.abs(score - exact.scores[i]!)).toBeLessThan(0.1 * deviation + 0.02),
      )
      const error = worstGradient(found.state, exact.state)
      if (process.env["PARITY"] !== undefined) console.log(name, "int8", error)
      expect(error).toBeGreaterThan(0)
      expect(error).toBeLessThan(0.15)
      expect(found.moved).toEqual(exact.moved)
      expect(found.state.base).toBe(`${name} in int8`)
      const again = { ...options, recompute: true }
      expect((yield* outcome(name, again)).state).toEqual(found.state)
      expect(yield* outcome(name, options, 1, true)).toEqual(found)
    }),
  )

  it.effect(`T89 ${name}: weights that are 16-bit floats give the same bytes when they are kept so`, () =>
    Effect.gen(function* () {
      const bits = new Uint32Array(1)
      const floats = new Float32Array(bits.buffer)
      const short = yield* changedBase(name, (_, value) => {
        floats[0] = value
        bits[0]! &= 0xffff_0000
        return floats[0]
      })
      const given = { prepack: false, dropout: 0.1 }
      const { options } = yield* frozenOptions(name, "bf16", given, short)
      const expected = yield* outcome(name, yield* optionsOf(name, "file", given, short), 2)
      const found = yield* outcome(name, options, 2)
      expect(found.scores).toEqual(expected.scores)
      expect(found.state.tensors).toEqual(expected.state.tensors)
    }),
  )
})

describe("weights that stay in fewer bits", () => {
  const name = "t5-gated-masked-mean"

  it.effect("T89 T98 made unsigned product by product they give the same bytes in steps of one run, too", () =>
    Effect.gen(function* () {
      const { options } = yield* frozenOptions(name, "int8")
      const { step } = yield* adapterCase(name)
      const after = (turned: boolean) =>
        run(
          Effect.gen(function* () {
            const trainer = yield* openOn(options, turned)
            const reports = yield* trainer.steps([step, { ...step, step: 1 }, { ...step, step: 2 }])
            return { losses: reports.map(({ loss }) => loss), state: trainer.state() }
          }),
        )
      const made = yield* after(true)
      expect(new Set(made.losses).size).toBe(3)
      expect(made).toEqual(yield* after(false))
    }),
  )

  it.effect("T89 micro-batches and groups share them, and a state of another form is refused", () =>
    Effect.gen(function* () {
      const { options } = yield* frozenOptions(name, "int8")
      const whole = yield* outcome(name, options)
      const parts = yield* outcome(name, { ...options, tokensPerMicroBatch: 24 })
      const groups = yield* outcome(name, { ...options, groupOverhead: 0 })
      expect(worstGradient(parts.state, whole.state)).toBeLessThan(1e-5)
      expect(worstGradient(groups.state, whole.state)).toBeLessThan(1e-5)
      const plain = yield* optionsOf(name, "file")
      const refused = yield* run(
        Effect.gen(function* () {
          return String(yield* Effect.flip((yield* openTrainer(plain)).restore(whole.state)))
        }),
      )
      expect(refused).toMatch(/are t5-gated-masked-mean in int8, and not t5-gated-masked-mean/)
    }),
  )
})
