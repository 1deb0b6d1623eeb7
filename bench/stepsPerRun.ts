/**
 * Question: what do several optimizer steps in one run (`train.stepsPerRun`) give on the CPU, where nothing has to be carried to a device?
 * Of an encoder of T5's kind, 4 layers of width 256, at 32 × 128 tokens, and of MiniLM-L6's shape at 16 × 128, all weights trained by AdamW
 * with clipping: seconds a step in processor time, one by one and ten in a run, in turn, how far their losses are apart, and the
 * process's peak of memory. docs/DEVICES.md has the answer.
 *
 *     npm run bench stepsPerRun        (RANKDAG_BENCH_ROUNDS: how often; RANKDAG_BENCH_THREADS)
 */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  decodeConfig,
  elements,
  layerOnnxRuntime,
  modelGraph,
  normalWeights,
  openTrainer,
  type TrainingStep,
} from "../neural/index.ts"
import { OptimizerSettings } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"

const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 5)
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? 1)
const perRun = 10

const t5 = { d_model: 256, d_kv: 64, d_ff: 1024, num_layers: 4, num_heads: 4, vocab_size: 8000 }
const models = [
  { name: "T5, 4 layers of 256, 32 × 128", lists: 4, config: { model_type: "t5", feed_forward_proj: "relu", ...t5 } },
  { name: "MiniLM-L6, 16 × 128", lists: 2, config: miniLmConfig },
] as const

const stepsOf = (lists: number, vocabulary: number): readonly TrainingStep[] =>
  Array.from({ length: perRun }, (_, step) => ({
    step,
    lists,
    m: 8,
    texts: Array.from({ length: lists * 8 }, (_each, item) => ({
      ids: Int32Array.from({ length: 128 }, (_id, at) => 5 + ((item * 7919 + at * 104_729 + step) % (vocabulary - 5))),
    })),
    grades: Float32Array.from({ length: lists * 8 }, (_each, item) => (item % 8 === 0 ? 1 : 0)),
    mask: new Uint8Array(lists * 8).fill(1),
    learningRates: [1e-4],
  }))

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Processor seconds a step of one model, one by one or in runs, and the peak of memory. */
const measure = (at: number, together: boolean) =>
  Effect.gen(function* () {
    const { config, lists } = models[at] ?? models[0]
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head: { kind: "masked-mean" } as const }
    const { tensors } = yield* modelGraph(description)
    const trainer = yield* openTrainer({
      description,
      weights: new Map(tensors.map(({ name, shape }) => [name, normalWeights(1, name, elements(shape), 0.05)])),
      loss: { kind: "softmax" },
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
      dropout: 0,
      seed: 1,
      device: "cpu",
      threads,
    })
    const steps = stepsOf(lists, architecture.vocabulary)
    const run = together ? trainer.steps(steps) : Effect.forEach(steps, trainer.step)
    const last = (yield* run).at(-1)
    const began = process.cpuUsage()
    yield* run
    const { system, user } = process.cpuUsage(began)
    return {
      seconds: (system + user) / 1e6 / perRun,
      loss: last?.loss ?? Number.NaN,
      MiB: process.resourceUsage().maxRSS / 1024,
    }
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const Told = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, loss: Schema.Number, MiB: Schema.Number }))

const inProcess = (at: number, together: boolean) => {
  const words = ["--import", "tsx", import.meta.filename, `${at}`, together ? "together" : "apart"]
  const { stderr, stdout } = spawnSync(process.execPath, words, { encoding: "utf8" })
  if (stdout === "") throw new Error(stderr.slice(-1000))
  return Schema.decodeUnknownSync(Told)(stdout.trim().split("\n").at(-1))
}

const [at, how] = process.argv.slice(2)
if (at !== undefined) console.log(JSON.stringify(await Effect.runPromise(measure(Number(at), how === "together"))))
else {
  for (const [model, { name }] of models.entries()) {
    const pairs = Array.from({ length: rounds }, () => ({
      apart: inProcess(model, false),
      runs: inProcess(model, true),
    }))
    const of = (pick: (pair: (typeof pairs)[number]) => number): string => median(pairs.map(pick)).toFixed(3)
    console.log(
      `${name}: one by one ${of(({ apart }) => apart.seconds)} s a step, ${perRun} in a run ${of(({ runs }) => runs.seconds)} s, ` +
        `${of(({ apart, runs }) => runs.seconds / apart.seconds)} × (median of ${rounds} rounds); ` +
        `${of(({ apart }) => apart.MiB)} and ${of(({ runs }) => runs.MiB)} MiB; losses apart ${pairs.map(({ apart, runs }) => Math.abs(apart.loss - runs.loss).toExponential(1)).join(", ")}`,
    )
  }
}
