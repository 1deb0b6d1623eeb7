/**
 * Question: what does a graphics card give? One script that needs a card and this package's files, for the few minutes that a card is
 * at hand: parity with the CPU (scores, and the gradients of a step, of all weights and of adapters), pairs scored and steps trained a
 * second, and the bytes that go in and come out at a step. docs/MEASURED.md has the answers, where there are any.
 *
 *     RANKDAG_BENCH_DEVICE=cuda npm run bench gpu         (cuda if nothing is said; webgpu; cpu to try the script itself)
 *     RANKDAG_BENCH_SIZES, RANKDAG_BENCH_SECONDS, RANKDAG_BENCH_JSON: sizes by name (small, with nothing to wait for); how long it may take
 *     in all, 450 if nothing is said; a file for the figures
 *
 * Each part survives the failure of another, whose reason is printed. What would begin after the time is left out, and said.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import {
  chooseHardware,
  convertCheckpoint,
  DeviceChoice,
  decodeConfig,
  elements,
  initialFactors,
  layerOnnxRuntime,
  modelGraph,
  normalWeights,
  type OnnxRuntime,
  openScorer,
  openTrainer,
  openWeights,
  planAdapters,
  requireTensors,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
} from "../neural/index.ts"
import { LoraSettings, modelFiles, OptimizerSettings } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const device = Schema.decodeUnknownSync(DeviceChoice)(process.env["RANKDAG_BENCH_DEVICE"] ?? "cuda")
const mostSeconds = Number(process.env["RANKDAG_BENCH_SECONDS"] ?? 450)
const head = { kind: "masked-mean" } as const
const began = performance.now()
const seconds = (): number => (performance.now() - began) / 1000
const figures: Record<string, string | number>[] = []

const note = (part: string, values: Readonly<Record<string, string | number>>): void => {
  figures.push({ part, ...values })
  const told = Object.entries(values).map(([name, value]) => {
    const short = typeof value === "string" || Number.isInteger(value) ? value : Number(value.toPrecision(4))
    return `${name} ${short}`
  })
  console.log(`  ${part}: ${told.join(", ")}`)
}

/** A part, told when it fails, left out where the time is up. */
const part = (
  name: string,
  body: Effect.Effect<void, unknown, Scope.Scope | OnnxRuntime>,
): Effect.Effect<void, never, OnnxRuntime> =>
  Effect.gen(function* () {
    if (seconds() > mostSeconds) return note(name, { "left out after": seconds() })
    const exit = yield* Effect.exit(Effect.scoped(body))
    if (Exit.isFailure(exit)) note(name, { failed: Cause.pretty(exit.cause).split("\n")[0] ?? "" })
  })

type Config = Readonly<Record<string, unknown>>

const t5 = (width: number, layers: number, inner: number, heads: number, vocabulary = 32_128): Config => ({
  model_type: "t5",
  d_model: width,
  d_kv: 64,
  d_ff: inner,
  num_layers: layers,
  num_heads: heads,
  vocab_size: vocabulary,
  feed_forward_proj: "gated-gelu",
})

const t5Gemma = (
  width: number,
  layers: number,
  inner: number,
  heads: number,
  keyHeads: number,
  vocabulary = 256_000,
) => ({
  model_type: "t5gemma",
  encoder: {
    vocab_size: vocabulary,
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyHeads,
  },
})

const parities: Readonly<Record<string, Config>> = {
  T5: t5(128, 3, 256, 2, 500),
  T5Gemma: t5Gemma(128, 3, 256, 4, 2, 500),
  BERT: { ...miniLmConfig, num_hidden_layers: 3, vocab_size: 500 },
}

const sizes: Readonly<Record<string, Config>> = {
  small: t5(128, 2, 256, 2, 500),
  "T5-base": t5(768, 12, 2048, 12),
  "T5-large": t5(1024, 24, 2816, 16),
  "T5Gemma-base": t5Gemma(768, 12, 2048, 12, 12),
  "T5Gemma-2B": t5Gemma(2304, 26, 9216, 8, 4),
}
const wanted = process.env["RANKDAG_BENCH_SIZES"]?.split(",") ?? Object.keys(sizes).filter((name) => name !== "small")

const stepOf = (count: number, length: number, vocabulary: number): TrainingStep => ({
  step: 0,
  lists: 2,
  m: count / 2,
  texts: Array.from({ length: count }, (_, item) => ({
    ids: Int32Array.from({ length }, (_each, at) => 5 + ((item * 7919 + at * 104_729) % (vocabulary - 5))),
  })),
  grades: Float32Array.from({ length: count }, (_, item) => (item % (count / 2) === 0 ? 1 : 0)),
  mask: new Uint8Array(count).fill(1),
  learningRates: [1e-4],
})

const common = {
  loss: { kind: "softmax" } as const,
  optimizer: Schema.decodeUnknownSync(OptimizerSettings)({ clip: 0 }),
  dropout: 0,
  seed: 1,
}
const lora = Schema.decodeUnknownSync(LoraSettings)({ rank: 8 })

/** ‖a − b‖ / ‖b‖ of the first moments, which after one step are a tenth of the gradients. */
const apart = (a: TrainerState, b: TrainerState): number => {
  let [difference, length] = [0, 0]
  for (const [name, values] of b.tensors) {
    if (!name.startsWith("first:")) continue
    const other = a.tensors.get(name)
    values.forEach((value, i) => {
      difference += ((other?.[i] ?? Number.NaN) - value) ** 2
      length += value ** 2
    })
  }
  return Math.sqrt(difference / length)
}

const parity = (config: Config, adapted: boolean) =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    const { tensors } = yield* modelGraph(description)
    const adapters = Either.getOrThrow(planAdapters(description, lora))
    const weights = new Map([
      ...tensors.map(({ name, shape }) => [name, normalWeights(1, name, elements(shape), 0.1)] as const),
      ...(adapted ? initialFactors(adapters, 1) : []),
    ])
    const step = stepOf(8, 48, architecture.vocabulary)
    const on = (where: DeviceChoice) =>
      Effect.scoped(
        Effect.gen(function* () {
          const options: TrainerOptions = { ...common, description, weights, device: where }
          const trainer = yield* openTrainer(adapted ? { ...options, adapters } : options)
          const scores = yield* trainer.score(step.texts)
          const { loss } = yield* trainer.step(step)
          return { scores, loss, state: trainer.state() }
        }),
      )
    const [there, here] = [yield* on(device), yield* on("cpu")]
    const scores = Math.max(...there.scores.map((score, i) => Math.abs(score - (here.scores[i] ?? Number.NaN))))
    return { scores, loss: Math.abs(there.loss - here.loss), gradients: apart(there.state, here.state) }
  })

/** How often a second something runs, after two runs, over about four seconds. */
const perSecond = <E>(run: Effect.Effect<unknown, E>): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    yield* run
    yield* run
    const start = performance.now()
    let runs = 0
    while (runs < 2 || performance.now() - start < 4000) {
      yield* run
      runs++
    }
    return (1000 * runs) / (performance.now() - start)
  })

const speed = (name: string, config: Config) =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "rankdag-gpu-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    yield* writeRandomCheckpoint(folder, config, head, "BF16")
    const model = yield* convertCheckpoint({ from: folder, to: folder, head, maximumTokens: 512 })
    const { architecture } = model.config
    const description = { architecture, head, maximumTokens: 512 }
    for (const length of [128, 256]) {
      const step = stepOf(name === "small" ? 4 : 32, length, architecture.vocabulary)
      yield* part(
        `${name} × ${length}, scoring`,
        Effect.gen(function* () {
          const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device })
          const rate = yield* perSecond(scorer.score(step.texts))
          note(`${name} × ${length}, scoring`, { "pairs a second": rate * step.texts.length })
        }),
      )
      yield* part(
        `${name} × ${length}, adapters`,
        Effect.gen(function* () {
          const adapters = Either.getOrThrow(planAdapters(description, lora))
          const stored = yield* openWeights(folder)
          const found = yield* requireTensors(stored, name, model.tensors, model.ignores)
          const weights = new Map<string, Float32Array>(initialFactors(adapters, 1))
          for (const each of adapters.full) weights.set(each, yield* stored.floats(found.get(each)?.name ?? each))
          const locations = new Map(
            [...found].map(([each, { offset }]) => [each, { file: modelFiles.weights, offset }]),
          )
          const base = { folder, locations, fingerprint: "" }
          const options = {
            ...common,
            description,
            adapters,
            base,
            weights,
            device,
            prepack: false,
            tokensPerMicroBatch: 8192,
          }
          const trainer = yield* openTrainer(options)
          yield* trainer.step(step)
          const { fed, fetched } = trainer.transferred()
          const rate = yield* perSecond(trainer.step(step))
          note(`${name} × ${length}, adapters`, {
            "texts a step": step.texts.length,
            "steps a second": rate,
            "MB in": fed / 1e6,
            "MB out": fetched / 1e6,
            "MiB of the process": process.resourceUsage().maxRSS / 1024,
          })
        }),
      )
    }
  })

const program = Effect.gen(function* () {
  const hardware = yield* chooseHardware(device)
  console.log(`${hardware.device}: ${hardware.name}`)
  for (const [name, config] of Object.entries(parities)) {
    for (const adapted of [false, true]) {
      const called = `${name}, ${adapted ? "adapters" : "all weights"}: apart from the CPU`
      yield* part(
        called,
        Effect.map(parity(config, adapted), (found) => note(called, found)),
      )
    }
  }
  for (const [name, config] of Object.entries(sizes)) if (wanted.includes(name)) yield* part(name, speed(name, config))
  console.log(JSON.stringify({ device: hardware.device, name: hardware.name, seconds: seconds(), figures }))
  const file = process.env["RANKDAG_BENCH_JSON"]
  if (file !== undefined) writeFileSync(file, `${JSON.stringify({ ...hardware, figures }, null, 1)}\n`)
})

const exit = await Effect.runPromiseExit(program.pipe(Effect.provide(layerOnnxRuntime)))
if (Exit.isFailure(exit)) {
  console.log(Cause.pretty(exit.cause).split("\n")[0])
  process.exitCode = 1
}
