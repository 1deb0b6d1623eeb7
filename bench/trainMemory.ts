/**
 * Claims: a list of 200 candidates trains in the memory of a list of 20, with the same gradient as in one piece. An encoder of
 * T5's kind, 4 layers of width 256, texts of 128 tokens, 2,560 tokens a micro-batch. And what a training is planned to take, before
 * anything is loaded, is what it takes, to a quarter: of all weights and of adapters, kept in three forms, kept and recomputed.
 *
 *     npm run bench trainMemory
 *
 * Each has a process of its own; what is compared is the most memory that it ever held.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type BaseStorage,
  decodeConfig,
  elements,
  freezeModel,
  initialFactors,
  layerOnnxRuntime,
  type ModelDescription,
  modelGraph,
  normalWeights,
  openTrainer,
  openWeights,
  planAdapters,
  trainingMemory,
} from "../neural/index.ts"
import { LoraSettings, modelFiles, OptimizerSettings } from "../schemas/index.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const head = { kind: "masked-mean" } as const
const tokensPerText = 128
const vocabulary = 8000
const config = {
  model_type: "t5",
  d_model: 256,
  d_kv: 64,
  d_ff: 1024,
  num_layers: 4,
  num_heads: 4,
  vocab_size: vocabulary,
  feed_forward_proj: "relu",
}
const Outcome = Schema.parseJson(
  Schema.Struct({ megabytes: Schema.Number, norm: Schema.Number, seconds: Schema.Number }),
)

/** How weights are kept that stay beside adapters; without, all are trained. */
type Kept = BaseStorage | "none"
const keptForms: readonly Kept[] = ["none", "fp32", "bf16", "int8"]

/** A training's settings: items of its one list, tokens a micro-batch, what stays, whether values are made again. */
interface Case {
  readonly m: number
  readonly tokens: number
  readonly kept: Kept
  readonly recompute: boolean
}

const planned = ({ kept, m, recompute, tokens }: Case) =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head, maximumTokens: tokensPerText }
    const lora = Schema.decodeUnknownSync(LoraSettings)({ rank: 8 })
    const adapters = kept === "none" ? undefined : yield* planAdapters(description, lora)
    const common = {
      description,
      ...(adapters === undefined ? {} : { adapters }),
      loss: { kind: "softmax" } as const,
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
      dropout: 0,
      recompute,
      tokensPerMicroBatch: tokens,
    }
    const storage = kept === "none" ? undefined : kept
    const sizes = { storage, device: "cpu" as const, lists: 1, m, longest: tokensPerText, watched: false }
    return { adapters, common, description, plan: yield* trainingMemory({ ...common, ...sizes }) }
  })

/** Where weights lie that stay: written into a folder, in their form. */
const baseIn = (folder: string, kept: BaseStorage, description: ModelDescription) =>
  Effect.gen(function* () {
    yield* writeRandomCheckpoint(folder, config, head, "F32")
    const to = join(folder, kept)
    mkdirSync(to)
    if (kept !== "fp32") yield* freezeModel({ from: folder, to, description, weights: kept })
    const own = kept === "fp32" ? folder : to
    const { tensors } = yield* openWeights(join(own, modelFiles.weights))
    const locations = new Map(
      [...tensors.values()].map(({ name, offset }) => [name, { file: modelFiles.weights, offset }]),
    )
    return { folder: own, locations, storage: kept, fingerprint: "" }
  })

/** Three steps on one list of m texts; the largest resident size of the process in the end. */
const train = (asked: Case) =>
  Effect.gen(function* () {
    const { kept, m } = asked
    const { adapters, common, description } = yield* planned(asked)
    const { tensors } = yield* modelGraph(description)
    const folder = mkdtempSync(join(tmpdir(), "rankdag-train-memory-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const full = new Set(adapters?.full ?? tensors.map(({ name }) => name))
    const weights = new Map<string, Float32Array>(adapters === undefined ? [] : initialFactors(adapters, 1))
    for (const { name, shape } of tensors) {
      if (full.has(name)) weights.set(name, normalWeights(1, name, elements(shape), 0.05))
    }
    const base = kept === "none" ? {} : { base: yield* baseIn(folder, kept, description), prepack: false }
    const trainer = yield* openTrainer({ ...common, ...base, weights, seed: 1, device: "cpu" })
    const texts = Array.from({ length: m }, (_, item) => ({
      ids: Int32Array.from({ length: tokensPerText }, (_each, at) => (item * 7919 + at * 104_729) % vocabulary),
    }))
    const grades = new Float32Array(m)
    grades[0] = 1
    const start = performance.now()
    let norm = 0
    for (let step = 0; step < 3; step++) {
      const mask = new Uint8Array(m).fill(1)
      const report = yield* trainer.step({ step, lists: 1, m, texts, grades, mask, learningRates: [1e-4] })
      if (step === 0) norm = report.gradientNorm
    }
    const seconds = (performance.now() - start) / 3000
    console.log(JSON.stringify({ megabytes: process.resourceUsage().maxRSS / 1024, norm, seconds }))
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const [, , ...given] = process.argv
const [length, budget, form, again] = given
const kept = keptForms.find((each) => each === form)
if (length !== undefined && budget !== undefined && kept !== undefined) {
  await Effect.runPromise(train({ m: Number(length), tokens: Number(budget), kept, recompute: again === "again" }))
} else {
  const measure = ({ kept, m, recompute, tokens }: Case) => {
    const words = [`${m}`, `${tokens}`, kept, recompute ? "again" : "kept"]
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", import.meta.filename, ...words], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    })
    return Schema.decodeSync(Outcome)(stdout.trim())
  }
  const show = (what: string, { megabytes, norm, seconds }: typeof Outcome.Type): void =>
    console.log(
      `${what.padEnd(34)} ${megabytes.toFixed(0).padStart(6)} MB   ${seconds.toFixed(2)} s a step   gradient norm ${norm.toPrecision(7)}`,
    )
  const all = { kept: "none", recompute: false } as const
  const short = measure({ ...all, m: 20, tokens: 2560 })
  const long = measure({ ...all, m: 200, tokens: 2560 })
  show("20 texts, one micro-batch", short)
  show("200 texts, ten micro-batches", long)
  show("200 texts, all at once", measure({ ...all, m: 200, tokens: 200 * tokensPerText }))
  console.log(`200 texts take ${(long.megabytes / short.megabytes).toFixed(2)} times the memory of 20`)
  for (const kept of keptForms) {
    for (const recompute of [false, true]) {
      const asked = { kept, recompute, m: 64, tokens: 64 * tokensPerText }
      const { plan } = Effect.runSync(planned(asked))
      const { megabytes } = measure(asked)
      const ratio = plan.host / 2 ** 20 / megabytes
      const what = `64 texts, ${kept === "none" ? "all weights" : `adapters beside ${kept}`}${recompute ? ", recomputed" : ""}`
      const within = ratio > 0.75 && ratio < 1.25
      console.log(
        `${what.padEnd(46)} planned ${(plan.host / 2 ** 20).toFixed(0)} MiB, taken ${megabytes.toFixed(0)}: ${ratio.toFixed(2)}${within ? "" : " BROKEN"}`,
      )
      if (!within) process.exitCode = 1
    }
  }
}
