import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { factorsOf, initialFactors, planAdapters } from "../../../neural/adapters/index.ts"
import { openTrainer } from "../../../neural/training/index.ts"
import { LoraSettings } from "../../../schemas/index.ts"
import { readConfig } from "../architectures/golden.ts"
import { run } from "../training/smallTraining.ts"
import { adapterCase, adapterCases, goldenGradients, optionsOf } from "./golden.ts"

/** ‖found − expected‖ / ‖expected‖ */
const distance = (found: ArrayLike<number>, factor: number, expected: Float32Array): number => {
  let [apart, length] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    apart += ((found[i] ?? Number.NaN) / factor - expected[i]!) ** 2
    length += expected[i]! ** 2
  }
  return Math.sqrt(apart / length)
}

/** Gradients that are zero but for rounding: of what adds the same to all scores of a list, or of a query. */
const vanishes = (tensor: string): boolean => /score\.bias$|classifier\.bias$/u.test(tensor)

describe.each(adapterCases)("%s", (name) => {
  it.effect(`T80 ${name}: scores, gradients and the losses of AdamW's steps are those of peft and PyTorch`, () =>
    run(
      Effect.gen(function* () {
        const { golden, step } = yield* adapterCase(name)
        const expected = yield* goldenGradients(name)
        for (const place of ["fed", "file"] as const) {
          const trainer = yield* openTrainer(yield* optionsOf(name, place))
          const scores = yield* trainer.score(step.texts)
          scores.forEach((score, i) => expect(Math.abs(score - golden.scores[i]!)).toBeLessThan(1e-5))
          const losses: number[] = []
          for (let i = 0; i < golden.losses.length; i++) {
            losses.push((yield* trainer.step({ ...step, step: i })).loss)
            if (i > 0) continue
            const state = trainer.state().tensors
            let [apart, length] = [0, 0]
            for (const [tensor, values] of expected) {
              const first = state.get(`first:${tensor}`) ?? []
              values.forEach((value, i) => {
                apart += ((first[i] ?? Number.NaN) / 0.1 - value) ** 2
                length += value ** 2
              })
              if (vanishes(tensor)) expect(Math.max(...Array.from(first, Math.abs))).toBeLessThan(1e-6)
              else expect(distance(first, 0.1, values), tensor).toBeLessThan(1e-5)
            }
            if (process.env["PARITY"] !== undefined) console.log(`${name} | ${place} | ${Math.sqrt(apart / length)}`)
            expect(Math.sqrt(apart / length)).toBeLessThan(5e-6)
            expect([...state.keys()].filter((key) => key.startsWith("first:")).length).toBe(expected.size)
          }
          if (process.env["PARITY"] !== undefined) console.log(losses, golden.losses)
          losses.forEach((loss, i) => expect(Math.abs(loss / golden.losses[i]! - 1)).toBeLessThan(1e-4))
        }
      }),
    ),
  )
})

const T5GEMMA = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]

const settings = (given: object = {}): LoraSettings => Schema.decodeUnknownSync(LoraSettings)(given)

describe("weights beside adapters", () => {
  const name = "t5-relu-first-token"

  it.effect("T81 what stays is neither fed nor fetched nor saved: a step moves adapters, head and the batch", () =>
    run(
      Effect.gen(function* () {
        const { step } = yield* adapterCase(name)
        const options = yield* optionsOf(name, "file")
        const trainer = yield* openTrainer(options)
        yield* trainer.step(step)
        const { fed, fetched } = trainer.transferred()
        const trained = [...factorsOf(options.adapters), { name: "", shape: [1, 24] }, { name: "", shape: [1] }]
        const bytes = trained.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 4), 0)
        const longest = Math.max(...step.texts.map(({ ids }) => ids.length))
        // Ids and mask of each token; slot, grade and mask of each item; losses.
        const batch = step.texts.length * (16 * longest + 16) + 64
        expect(fed + fetched).toBeLessThanOrEqual(2 * bytes + batch)
        expect(fed).toBeGreaterThanOrEqual(bytes)
        const { base, tensors } = trainer.state()
        expect(base).toBe(name)
        expect([...tensors.keys()].filter((key) => key.startsWith("weight:") && !key.includes("lora_"))).toEqual([
          "weight:head.score.weight",
          "weight:head.score.bias",
        ])
        expect([...trainer.weights().keys()].some((key) => key === "shared.weight")).toBe(false)
      }),
    ),
  )

  it.effect("T81 a state of another base, or of other ranks, is refused", () =>
    run(
      Effect.gen(function* () {
        const options = yield* optionsOf(name, "file")
        const state = (yield* openTrainer(options)).state()
        const { base } = options
        const other = yield* openTrainer({ ...options, ...(base && { base: { ...base, fingerprint: "other" } }) })
        expect(String(yield* Effect.flip(other.restore(state)))).toMatch(/t5-relu-first-token, and not other/)
        const adapters = Either.getOrThrow(planAdapters(options.description, settings({ rank: 2 })))
        const weights = new Map([...options.weights, ...initialFactors(adapters, 1)])
        const smaller = yield* openTrainer({ ...options, adapters, weights })
        expect(String(yield* Effect.flip(smaller.restore(state)))).toMatch(
          /lora_A\.weight has 96 elements instead of 48/,
        )
      }),
    ),
  )

  it.effect("T16 adapters restored go on with the same bytes, with dropout of their own", () =>
    run(
      Effect.gen(function* () {
        const { step } = yield* adapterCase(name)
        const plain = yield* optionsOf(name, "file", { tokensPerMicroBatch: 24 })
        const options = { ...plain, adapters: { ...plain.adapters, dropout: 0.2 } }
        const trainer = yield* openTrainer(options)
        const first = yield* trainer.step(step)
        const state = trainer.state()
        yield* trainer.step({ ...step, step: 1 })
        const resumed = yield* openTrainer(options)
        yield* resumed.restore(state)
        yield* resumed.step({ ...step, step: 1 })
        expect(resumed.state()).toEqual(trainer.state())
        const undropped = yield* (yield* openTrainer(plain)).step(step)
        expect(first.loss).not.toBe(undropped.loss)
      }),
    ),
  )
})

describe("settings of adapters", () => {
  const planned = (model: string, given: object, kind: "masked-mean" | "first-token" = "masked-mean") =>
    planAdapters({ architecture: readConfig(model).architecture, head: { kind } }, settings(given))
  const modules = (model: string, given: object = { rank: 2 }): readonly string[] =>
    Either.getOrThrow(planned(model, given)).weights.map(({ module }) => module)

  it("T82 left out, the targets are all matrices of the layers; embeddings, normalisations and poolers stay", () => {
    const endings = (model: string): readonly string[] =>
      [...new Set(modules(model).map((module) => module.split(".").slice(-1).join()))].sort()
    expect(endings("t5-relu")).toEqual(["k", "o", "q", "v", "wi", "wo"])
    expect(endings("t5gemma-grouped")).toEqual(T5GEMMA)
    expect(endings("bert")).toEqual(["dense", "key", "query", "value"])
    expect(modules("t5-relu").length).toBe(3 * 6)
    const { full, weights } = Either.getOrThrow(planned("t5-relu", { rank: 4 }))
    expect(full).toEqual(["head.score.weight", "head.score.bias"])
    expect(weights[0]).toMatchObject({ rank: 4, scale: 2 })
    expect(Either.getOrThrow(planned("t5-relu", { rank: 4, rslora: true, alpha: 3 })).weights[0]?.scale).toBe(1.5)
  })

  it("T82 targets are ends of names or expressions for whole ones; what else is asked for is trained in full", () => {
    expect(modules("t5-relu", { rank: 2, targets: ["q", "SelfAttention.v"] }).length).toBe(6)
    expect(modules("t5-relu", { rank: 2, targets: [".*block\\.[01]\\..*\\.(?:q|wo)"] }).length).toBe(4)
    const { full } = Either.getOrThrow(planned("t5-relu", { rank: 2, full: ["shared", "layer_norm"] }))
    expect(full.filter((each) => !each.startsWith("head."))).toHaveLength(1 + 6)
  })

  it("T82 a rank above a matrix' size, and patterns that fit nothing or are none, are told with what there is", () => {
    const message = (given: object): string =>
      Either.match(planned("t5-relu", given), { onLeft: String, onRight: () => "" })
    expect(message({ rank: 20 })).toMatch(
      /train\.lora\.rank: 20 is above the size of encoder\.block\.0.*\.q, 16 × 24.*at most 16/,
    )
    expect(message({ targets: ["SelfAtention.q"] })).toMatch(/fits nothing.*Did you mean «SelfAttention\.q»/)
    expect(message({ targets: ["zzzz"] })).toMatch(/«zzzz» fits nothing of the model\. There are q, /)
    expect(message({ targets: ["q["] })).toMatch(/no regular expression/)
    expect(message({ rank: 2, full: ["nothing.there"] })).toMatch(/train\.lora\.full: «nothing\.there» fits nothing/)
  })

  it("T83 A begins between ± 1/√inputs, B at zero; each is a function of the seed and its name", () => {
    const adapters = Either.getOrThrow(planned("t5-relu", { rank: 2 }))
    const factors = initialFactors(adapters, 1)
    expect([...factors.keys()]).toEqual(factorsOf(adapters).map(({ name: own }) => own))
    const drawn: number[] = []
    for (const [own, values] of factors) {
      if (own.includes("lora_B")) expect(values.every((value) => value === 0)).toBe(true)
      else {
        const bound = (values.length / 2) ** -0.5
        expect(values.every((value) => Math.abs(value) <= bound)).toBe(true)
        drawn.push(...values.map((value) => value / bound))
      }
    }
    expect(Math.max(...drawn)).toBeGreaterThan(0.99)
    expect(Math.min(...drawn)).toBeLessThan(-0.99)
    expect(Math.abs(drawn.reduce((a, b) => a + b, 0) / drawn.length)).toBeLessThan(0.1)
    const fewer = initialFactors(Either.getOrThrow(planned("t5-relu", { rank: 2, targets: ["wo"] })), 1)
    for (const [own, values] of fewer) expect(values).toEqual(factors.get(own))
    const [first = ""] = factors.keys()
    expect(initialFactors(adapters, 2).get(first)).not.toEqual(factors.get(first))
  })
})
