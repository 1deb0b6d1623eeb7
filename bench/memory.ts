/**
 * Claims: a T5-large encoder (335 M weights) is converted and scores within 3 times its weights' bytes; a decoder of Qwen3-0.6B's size
 * (596 M) from BF16 within 2 times; T5Gemma 2B's encoder at its real size (2.6 B weights) is converted from BF16 and scores a batch
 * within 24 GiB, in 8 bits within 4 GiB; T5Gemma 9B's (9.2 B weights with its table) in 8 bits within 20 GiB. A step of adapters of
 * rank 16 beside 2B, 4 texts of 128 tokens, within 14 GiB, of which 5 are allocated; beside 8 bits within 6 GiB;
 * each opened within 60 s.
 *
 *     npm run bench memory                      (2B takes 16 GB in the temporary folder and some minutes, 9B 56 GB: only by name)
 *     RANKDAG_BENCH_MODELS=t5-large             a part of it
 *     RANKDAG_BENCH_FOLDER=…                    where the weights are written; default the system's temporary folder
 *
 * Weights are random. Each step of a model is a process of its own. Its peak is the resident set as the kernel counts it, with pages
 * of the weights' file that are mapped into it; what was allocated (anonymous) is said beside it, for only that cannot be dropped.
 */
import { spawn, spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type BaseStorage,
  convertCheckpoint,
  decodeConfig,
  type FloatDtype,
  freezeModel,
  initialFactors,
  layerOnnxRuntime,
  openScorer,
  openTrainer,
  openWeights,
  planAdapters,
  quantizeModel,
  type TrainingStep,
} from "../neural/index.ts"
import { type Head, LoraSettings, modelFiles, OptimizerSettings } from "../schemas/index.ts"
import { qwen3Config, qwen3Head } from "./support/qwen3Config.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

interface LargeModel {
  readonly dtype: FloatDtype
  readonly config: Readonly<Record<string, unknown>>
  readonly head: Head
  /** In 8 bits, else as 32-bit floats. */
  readonly int8?: boolean
  /** Adapters are trained beside its weights, which are kept so. */
  readonly trained?: BaseStorage
  /** What the claim allows, given the bytes of its weights as 32-bit floats. */
  readonly limit: (weightBytes: number) => number
}

const t5gemma = (hidden: number, feedForward: number, layers: number, heads: number, groups: number) => ({
  dtype: "BF16" as const,
  head: { kind: "first-token" } as const,
  config: {
    model_type: "t5gemma",
    encoder: {
      hidden_size: hidden,
      intermediate_size: feedForward,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: groups,
      head_dim: 256,
      vocab_size: 256_000,
    },
  },
})
const t5gemma2b = t5gemma(2304, 9216, 26, 8, 4)
const mean = { head: { kind: "masked-mean" } } as const
/** Of what is allocated while adapters are trained, in fp32. */
const allocatedLimit = 5 * 2 ** 30

const models: Readonly<Record<string, LargeModel>> = {
  "t5-large": {
    dtype: "F32",
    head: { kind: "first-token" },
    config: {
      model_type: "t5",
      d_model: 1024,
      d_kv: 64,
      d_ff: 4096,
      num_layers: 24,
      num_heads: 16,
      vocab_size: 32128,
      feed_forward_proj: "relu",
    },
    limit: (weightBytes) => 3 * weightBytes,
  },
  "qwen3-0.6b": {
    dtype: "BF16",
    head: qwen3Head,
    config: qwen3Config,
    limit: (weightBytes) => 2 * weightBytes,
  },
  "t5gemma-2b": { ...t5gemma2b, limit: () => 24 * 2 ** 30 },
  "t5gemma-2b.int8": { ...t5gemma2b, int8: true, limit: () => 4 * 2 ** 30 },
  "t5gemma-2b.adapters": { ...t5gemma2b, ...mean, trained: "fp32", limit: () => 14 * 2 ** 30 },
  "t5gemma-2b.adapters.bf16": { ...t5gemma2b, ...mean, trained: "bf16", limit: () => 9 * 2 ** 30 },
  "t5gemma-2b.adapters.int8": { ...t5gemma2b, ...mean, trained: "int8", limit: () => 6 * 2 ** 30 },
  "t5gemma-9b.int8": {
    ...t5gemma(3584, 14_336, 42, 16, 8),
    int8: true,
    limit: () => 20 * 2 ** 30,
  },
}

/** Takes more room on disk than machines have to spare, or more time than others. */
const byNameOnly: ReadonlySet<string> = new Set([
  "t5gemma-9b.int8",
  "t5gemma-2b.adapters",
  "t5gemma-2b.adapters.bf16",
  "t5gemma-2b.adapters.int8",
])

const texts = 8
const trainedTexts = 4
const tokens = 128

const batchOf = (count: number) =>
  Array.from({ length: count }, (_, text) => ({
    ids: Array.from({ length: tokens }, (_each, at) => 10 + ((text * 7919 + at * 104_729) % 30_000)),
  }))

/** What the kernel says of a process, in bytes: `VmHWM` is the largest resident set so far, `RssAnon` what is allocated. */
const status = (field: "VmHWM" | "RssAnon", path = "/proc/self/status"): number => {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync(path, "utf8"))?.[1]
  return Number(found ?? Number.NaN) * 1024
}

/** What another process has allocated; nothing where it has just ended. */
const anonymous = (path: string): number => {
  try {
    return status("RssAnon", path) || 0
  } catch {
    return 0
  }
}

const Figures = Schema.parseJson(
  Schema.Struct({
    peak: Schema.Number,
    allocated: Schema.Number,
    seconds: Schema.Number,
    opening: Schema.Number,
    finite: Schema.Boolean,
  }),
)

const now = (): number => performance.now() / 1000

/** Seconds of a batch, scored a second time, and whether both times gave the same numbers. */
const score = (folder: string) =>
  Effect.gen(function* () {
    const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device: "cpu" })
    const batch = batchOf(texts)
    const first = yield* scorer.score(batch)
    const begun = now()
    const second = yield* scorer.score(batch)
    return {
      seconds: now() - begun,
      finite: first.every((value, i) => Number.isFinite(value) && value === second[i]),
    }
  })

/** One step of adapters, and the time until the trainer is open before it. */
const train = ({ config, head, trained: storage = "fp32" }: LargeModel, folder: string) =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    const settings = Schema.decodeUnknownSync(LoraSettings)({ rank: 16 })
    const adapters = yield* planAdapters(description, settings)
    const begun = now()
    const { tensors } = yield* openWeights(join(folder, modelFiles.weights))
    const stored = yield* openWeights(folder)
    const weights = new Map(initialFactors(adapters, 1))
    for (const name of adapters.full) weights.set(name, yield* stored.floats(name))
    const locations = new Map(
      [...tensors.values()].map(({ name, offset }) => [name, { file: modelFiles.weights, offset }]),
    )
    const trainer = yield* openTrainer({
      description,
      adapters,
      weights,
      base: { folder, locations, storage, fingerprint: "" },
      prepack: false,
      recompute: process.env["RANKDAG_BENCH_RECOMPUTE"] !== "0",
      loss: { kind: "softmax" },
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
      dropout: 0,
      seed: 1,
      device: "cpu",
    })
    const step: TrainingStep = {
      step: 0,
      lists: 1,
      m: trainedTexts,
      texts: batchOf(trainedTexts),
      grades: Float32Array.from({ length: trainedTexts }, (_, item) => (item === 0 ? 1 : 0)),
      mask: new Uint8Array(trainedTexts).fill(1),
      learningRates: [1e-4],
    }
    const first = yield* trainer.step(step)
    const again = now()
    const second = yield* trainer.step({ ...step, step: 1 })
    const seconds = now() - again
    return {
      seconds,
      // The first step opens what it needs.
      opening: again - begun - seconds,
      finite: first.finite && second.finite && second.loss < first.loss,
    }
  })

const steps = ["convert", "quantize", "freeze", "score", "train"] as const
type Step = (typeof steps)[number]

/** The process of one step of a model: reads `from`, writes `to`. */
const measure = (step: Step, model: LargeModel, from: string, to: string) =>
  Effect.gen(function* () {
    const { config, head, trained } = model
    const begun = now()
    const made = { finite: true, seconds: 0, opening: 0 }
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    if (step === "convert") yield* convertCheckpoint({ from, to, head })
    else if (step === "score") Object.assign(made, yield* score(from))
    else if (step === "train") Object.assign(made, yield* train(model, from))
    else if (step === "quantize") yield* quantizeModel({ from, to, description, weights: "int8" })
    else yield* freezeModel({ from, to, description, weights: trained === "bf16" ? "bf16" : "int8" })
    const figures: typeof Figures.Type = {
      peak: status("VmHWM"),
      allocated: status("RssAnon"),
      finite: made.finite,
      seconds: step === "score" || step === "train" ? made.seconds : now() - begun,
      opening: made.opening,
    }
    console.log(JSON.stringify(figures))
  })

/** What a step took in a process of its own. */
const stepOf = (step: Step, name: string, from: string, to: string): typeof Figures.Type => {
  const args = ["--import", "tsx", import.meta.filename, step, name, from, to]
  const { signal, status: code, stderr, stdout } = spawnSync(process.execPath, args, { encoding: "utf8" })
  if (code !== 0) throw new Error(`${name}, ${step}: ${signal ?? stderr}`)
  return Schema.decodeSync(Figures)(stdout)
}

/** The same, and the most that was allocated at once as it was seen from outside. */
const watched = async (step: Step, name: string, from: string): Promise<typeof Figures.Type> => {
  const child = spawn(process.execPath, ["--import", "tsx", import.meta.filename, step, name, from], {
    stdio: ["ignore", "pipe", "inherit"],
  })
  let [told, allocated] = ["", 0]
  child.stdout.on("data", (text) => {
    told += String(text)
  })
  const looking = setInterval(() => {
    const path = `/proc/${child.pid}/status`
    if (existsSync(path)) allocated = Math.max(allocated, anonymous(path))
  }, 20)
  const code = await new Promise<number | null>((resolve) => {
    child.on("close", resolve)
  })
  clearInterval(looking)
  if (code !== 0) throw new Error(`${name}, ${step}: ended with ${String(code)}`)
  return { ...Schema.decodeSync(Figures)(told), allocated }
}

const row = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(" | ")} |`)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

const main = Effect.gen(function* () {
  const usual = Object.keys(models).filter((name) => !byNameOnly.has(name))
  const wanted = process.env["RANKDAG_BENCH_MODELS"]?.split(",") ?? usual
  const parent = process.env["RANKDAG_BENCH_FOLDER"] ?? tmpdir()
  const folder = mkdtempSync(join(parent, "rankdag-bench-memory-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  const peaks = ["peak converting", "peak in fewer bits", "peak scoring or training", "allocated"]
  row("model", "weights", "as floats", ...peaks, "limit", "seconds converting", "in fewer bits", "a batch or step")
  row(...new Array<string>(11).fill("---"))
  for (const name of wanted) {
    const model = models[name]
    if (model === undefined) continue
    const [drawn, full, small] = [join(folder, "drawn"), join(folder, "full"), join(folder, "int8")]
    for (const made of [drawn, full, small]) mkdirSync(made)
    const weights = yield* writeRandomCheckpoint(drawn, model.config, model.head, model.dtype)
    const converted = stepOf("convert", name, drawn, full)
    rmSync(drawn, { recursive: true })
    const kept = model.trained !== undefined && model.trained !== "fp32" ? "freeze" : undefined
    const fewer = model.int8 === true ? "quantize" : kept
    const quantised = fewer === undefined ? undefined : stepOf(fewer, name, full, small)
    if (quantised !== undefined) rmSync(full, { recursive: true })
    const last = quantised === undefined ? full : small
    const scored =
      model.trained === undefined
        ? stepOf("score", name, last, "")
        : yield* Effect.promise(() => watched("train", name, last))
    const limit = model.limit(4 * weights)
    const fits = model.trained !== "fp32" || scored.allocated <= allocatedLimit
    const peak = Math.max(converted.peak, quantised?.peak ?? 0, scored.peak)
    const within = peak <= limit && scored.finite && fits && scored.opening <= 60
    row(
      name,
      `${(weights / 1e6).toFixed(0)} M`,
      gib(4 * weights),
      gib(converted.peak),
      quantised === undefined ? "" : gib(quantised.peak),
      gib(scored.peak),
      gib(scored.allocated),
      `${gib(limit)}: ${within ? "kept" : "BROKEN"}`,
      converted.seconds.toFixed(1),
      quantised?.seconds.toFixed(1) ?? "",
      `${scored.seconds.toFixed(2)} s${scored.opening > 0 ? `, opened in ${scored.opening.toFixed(1)} s` : ""}`,
    )
    if (!within) process.exitCode = 1
    for (const made of [full, small]) rmSync(made, { recursive: true, force: true })
  }
})

const [mode, name = "", from = "", to = ""] = process.argv.slice(2)
const [step, measured] = [steps.find((each) => each === mode), models[name]]
const program = step !== undefined && measured !== undefined ? measure(step, measured, from, to) : main
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
