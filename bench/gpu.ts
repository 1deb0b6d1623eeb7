/**
 * Question: what does a graphics card give? One script that needs a card and this package's files, for the few minutes that a card is
 * at hand: parity with the CPU (scores, and the gradients of a step, of all weights and of adapters, and what steps of one run come to),
 * the card's fastest product of matrices, and for five sizes pairs scored and steps trained a second, of adapters and of all weights, one by
 * one and in one run, as a share of that product, the bytes that go in and come out at a step, and the card's memory; beside PyTorch (bf16,
 * fused attention) where a Python has it with the device. docs/MEASURED.md has the answers, where there are any.
 *
 *     RANKDAG_BENCH_DEVICE=cuda npm run bench gpu         (cuda if nothing is said; webgpu; cpu to try the script itself)
 *     RANKDAG_BENCH_PYTHON=…/python                       (one with torch and transformers, and peft for its adapters)
 *     RANKDAG_BENCH_SIZES, RANKDAG_BENCH_SECONDS, RANKDAG_BENCH_JSON: sizes by name (small, with nothing to wait for); how long it may take
 *     in all, 450 if nothing is said; a file for the figures
 *
 * Each part is a process of its own: it survives the failure of another, whose reason is printed, and gives back its memory. What would
 * begin after the time is left out, and said.
 */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { freemem, tmpdir } from "node:os"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import {
  chooseHardware,
  convertCheckpoint,
  DeviceChoice,
  decodeConfig,
  describeCheckpoint,
  elements,
  initialFactors,
  layerOnnxRuntime,
  modelGraph,
  normalWeights,
  Onnx,
  OnnxRuntime,
  openScorer,
  openTrainer,
  openWeights,
  planAdapters,
  requireTensors,
  type TrainerOptions,
  type TrainerState,
  type TrainingStep,
  trainingMemory,
} from "../neural/index.ts"
import { LoraSettings, modelFiles, OptimizerSettings } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const device = Schema.decodeUnknownSync(DeviceChoice)(process.env["RANKDAG_BENCH_DEVICE"] ?? "cuda")
const mostSeconds = Number(process.env["RANKDAG_BENCH_SECONDS"] ?? 450)
const python = process.env["RANKDAG_BENCH_PYTHON"]
const head = { kind: "masked-mean" } as const
const began = performance.now()
const seconds = (): number => (performance.now() - began) / 1000

type Figures = Readonly<Record<string, string | number>>
const Line = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Union(Schema.String, Schema.Number) }))

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

/** As many steps go together in one run, where they do. */
const together = 10

const parity = (config: Config, what: "all" | "adapters" | "several") =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    const { tensors } = yield* modelGraph(description)
    const adapters = Either.getOrThrow(planAdapters(description, lora))
    const weights = new Map([
      ...tensors.map(({ name, shape }) => [name, normalWeights(1, name, elements(shape), 0.1)] as const),
      ...(what === "adapters" ? initialFactors(adapters, 1) : []),
    ])
    const step = stepOf(8, 48, architecture.vocabulary)
    const on = (where: DeviceChoice, inOne: boolean) =>
      Effect.scoped(
        Effect.gen(function* () {
          const options: TrainerOptions = { ...common, description, weights, device: where }
          const trainer = yield* openTrainer(what === "adapters" ? { ...options, adapters } : options)
          const scores = yield* trainer.score(step.texts)
          const steps = Array.from({ length: what === "several" ? 4 : 1 }, (_, at) => ({ ...step, step: at }))
          const reports = inOne ? yield* trainer.steps(steps) : yield* Effect.forEach(steps, trainer.step)
          const loss = reports.at(-1)?.loss ?? Number.NaN
          return { scores, loss, state: trainer.state() }
        }),
      )
    const [there, here] = [yield* on(device, true), yield* on("cpu", false)]
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

/** What the card has in use, MiB, where NVIDIA's program tells: onnxruntime keeps what it took until a session is closed. */
const cardMemory = (): Figures => {
  if (device !== "cuda") return {}
  const asked = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"]
  const { status, stdout } = spawnSync("nvidia-smi", asked, { encoding: "utf8" })
  return status === 0 ? { "MiB of the card": Number(stdout.split("\n")[0]) } : {}
}

/** Multiplications and additions of a graph's products, as operations of two each. */
const operations = (graph: Onnx.Graph, sizes: ReadonlyMap<string, number>): number => {
  const size = (dim: Onnx.Dim | undefined): number =>
    dim === undefined ? 1 : (Onnx.dimensions.evaluate(dim, sizes) ?? 1)
  let sum = 0
  for (const { inputs, operation, shape } of Onnx.inOrder(Object.values(graph.outputs))) {
    if (operation.kind !== "Gemm" && operation.kind !== "MatMul") continue
    const inner = inputs[0]?.shape.at(operation.kind === "Gemm" && operation.transposeA ? 0 : -1)
    sum += 2 * size(inner) * shape.reduce<number>((product, each) => product * size(each), 1)
  }
  return sum
}

/** How many products of square matrices follow one another, and of how many rows: on a device also larger ones, unless they would take seconds. */
const chain = 8
const [side, largeSide] = [512, 4096]
const mostSecondsOfProducts = 3

/** How many such chains a second. */
const chainsPerSecond = (side: number) =>
  Effect.gen(function* () {
    const { open } = yield* OnnxRuntime
    const scale = Onnx.input("scale", "float32", [1])
    const weights = Array.from({ length: chain }, (_, at) => Onnx.parameter(`weight${at}`, [side, side]))
    const start = Onnx.multiply(
      Onnx.expand(Onnx.reshape(scale, [1, 1]), [side, side]),
      Onnx.parameter("start", [side, side]),
    )
    const product = weights.reduce<Onnx.Expression<"float32">>((x, weight) => Onnx.gemm(x, weight), start)
    const graph = { name: "products", inputs: [scale], outputs: { mean: Onnx.reduceMean(product, [0, 1]) } }
    const floats = ["start", ...weights.map((_, at) => `weight${at}`)].map(
      (name) => [name, normalWeights(1, name, side * side, side ** -0.5)] as const,
    )
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model, new Map(floats))
    const session = yield* open({ name: "products", bytes }, { device })
    const feed = { scale: { type: "float32", shape: [1], data: Float32Array.of(1) } as const }
    return yield* perSecond(session.run(feed))
  }).pipe(Effect.scoped)

/** The fastest product of fp32 matrices as onnxruntime has it (TF32 where the card takes it), in operations a second. */
const peak = Effect.gen(function* () {
  const operationsOf = (rows: number): number => (chain * 2 * rows ** 3) / 1e12
  const small = yield* chainsPerSecond(side)
  const large = device !== "cpu" && (largeSide / side) ** 3 / small < mostSecondsOfProducts
  const fastest = large ? operationsOf(largeSide) * (yield* chainsPerSecond(largeSide)) : operationsOf(side) * small
  return { "TFLOP/s": fastest }
})

/** A size's model as it lies in a folder. */
const opened = (folder: string) =>
  Effect.gen(function* () {
    const model = yield* describeCheckpoint({ from: folder, head, maximumTokens: 512 })
    const { architecture } = model.config
    const stored = yield* openWeights(folder)
    const found = yield* requireTensors(stored, folder, model.tensors, model.ignores)
    return { architecture, description: { architecture, head, maximumTokens: 512 }, found, model, stored }
  })

const textsOf = (name: string): number => (name === "small" ? 4 : 32)

const scoring = (folder: string, name: string, length: number) =>
  Effect.gen(function* () {
    const { architecture, model } = yield* opened(folder)
    const { texts } = stepOf(textsOf(name), length, architecture.vocabulary)
    const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device })
    const rate = yield* perSecond(scorer.score(texts))
    const sizes = new Map([
      ["batch", texts.length],
      ["sequence", length],
    ])
    return {
      "pairs a second": rate * texts.length,
      "TFLOP/s": (rate * operations(model.graph, sizes)) / 1e12,
      ...cardMemory(),
    }
  })

const training = (folder: string, name: string, length: number, kind: string) =>
  Effect.gen(function* () {
    const adapted = kind === "adapters"
    const stepsPerRun = kind === inOneRun ? together : 1
    const { architecture, description, found, model, stored } = yield* opened(folder)
    const step = stepOf(textsOf(name), length, architecture.vocabulary)
    const adapters = adapted ? Either.getOrThrow(planAdapters(description, lora)) : undefined
    const tokensPerMicroBatch = 8192
    const hardware = yield* chooseHardware(device)
    const plan = yield* trainingMemory({
      ...common,
      ...(adapters === undefined ? {} : { adapters }),
      description,
      device: hardware.device,
      stepsPerRun,
      storage: adapted ? "fp32" : undefined,
      lists: step.lists,
      m: step.m,
      longest: length,
      tokensPerMicroBatch,
      watched: false,
    })
    const planned = { "MiB planned": (hardware.device === "cpu" ? plan.host : plan.device) / 2 ** 20 }
    if (plan.host > freemem()) return { ...planned, "left out for want of the host's memory": plan.host / 2 ** 30 }
    const weights = new Map<string, Float32Array>(adapters === undefined ? [] : initialFactors(adapters, 1))
    const wanted = adapters === undefined ? model.tensors.map((tensor) => tensor.name) : adapters.full
    for (const each of wanted) weights.set(each, yield* stored.floats(found.get(each)?.name ?? each))
    const locations = new Map([...found].map(([each, { offset }]) => [each, { file: modelFiles.weights, offset }]))
    const options: TrainerOptions = { ...common, description, weights, device, tokensPerMicroBatch }
    const base = { folder, locations, fingerprint: "" }
    const trainer = yield* openTrainer(
      adapters === undefined ? options : { ...options, adapters, base, prepack: false },
    )
    const run = trainer.steps(new Array<TrainingStep>(stepsPerRun).fill(step))
    yield* run
    const { fed, fetched } = trainer.transferred()
    const rate = stepsPerRun * (yield* perSecond(run))
    const sizes = new Map([
      ["batch", step.texts.length],
      ["sequence", length],
    ])
    // A way back to the values, and one to the weights where they are trained.
    const ways = adapted ? 2 : 3
    return {
      "texts a step": step.texts.length,
      "steps a second": rate,
      "TFLOP/s": (rate * ways * operations(model.graph, sizes)) / 1e12,
      "MB in": fed / 1e6 / stepsPerRun,
      "MB out": fetched / 1e6 / stepsPerRun,
      ...cardMemory(),
      ...planned,
      "MiB of the process": process.resourceUsage().maxRSS / 1024,
    }
  })

const lengths = [128, 256] as const
const inOneRun = `all weights, ${together} steps a run`
/** WebGPU's provider has no loop. */
const kinds = ["scoring", "adapters", "all weights", ...(device === "webgpu" ? [] : [inOneRun])]
const parityKinds = { all: "all weights", adapters: "adapters", several: "several steps in one run" } as const

/** The part of a process: `peak`, `parity NAME all|adapters|several`, `size FOLDER NAME LENGTH KIND`. */
const partOf = ([what, ...of]: readonly string[]) =>
  Effect.gen(function* () {
    if (what === "peak") return yield* peak
    if (what === "parity") {
      const [name = "", which] = of
      return yield* parity(parities[name] ?? {}, which === "adapters" || which === "several" ? which : "all")
    }
    const [folder = "", name = "", length, kind = ""] = of
    if (kind === "scoring") return yield* scoring(folder, name, Number(length))
    return yield* training(folder, name, Number(length), kind)
  })

const figures: Figures[] = []
let deviceName = ""
/** Written after every part, so that what was measured is there whatever ends the rest. */
const jsonFile = process.env["RANKDAG_BENCH_JSON"]
let fastest = Number.NaN

const note = (part: string, values: Figures): void => {
  const rate = values["TFLOP/s"]
  const share = typeof rate === "number" && part !== "peak" ? { "of the fastest product": rate / fastest } : {}
  if (part === "peak" && typeof rate === "number") fastest = rate
  const all = { ...values, ...share }
  figures.push({ part, ...all })
  const told = Object.entries(all).map(([name, value]) => {
    const short = typeof value === "string" || Number.isInteger(value) ? value : Number(value.toPrecision(4))
    return `${name} ${short}`
  })
  console.log(`  ${part}: ${told.join(", ")}`)
  if (jsonFile !== undefined)
    writeFileSync(jsonFile, `${JSON.stringify({ device, name: deviceName, figures }, null, 1)}\n`)
}

/** Seconds in which something may still begin; undefined where there are none, which is said. */
const timeLeft = (part: string): number | undefined => {
  const left = mostSeconds - seconds()
  if (left > 5) return left
  note(part, { "left out after": seconds() })
  return undefined
}

/** A part in a process of its own: the last line that it prints, or why there is none. */
const apartIn = (name: string, command: string, given: readonly string[]): Promise<void> =>
  new Promise((resolve) => {
    const left = timeLeft(name)
    if (left === undefined) return resolve()
    const child = spawn(command, given, { stdio: ["ignore", "pipe", "pipe"] })
    let [told, complaint] = ["", ""]
    child.stdout.on("data", (text) => {
      told += String(text)
    })
    child.stderr.on("data", (text) => {
      complaint = (complaint + String(text)).slice(-2000)
    })
    let late = false
    const timer = setTimeout(() => {
      late = true
      child.kill("SIGKILL")
    }, 1000 * left)
    child.on("error", ({ message }) => {
      complaint = message
    })
    child.on("close", (code, signal) => {
      clearTimeout(timer)
      const line = Schema.decodeUnknownOption(Line)(told.trim().split("\n").at(-1))
      const why = complaint.trim().split("\n").at(-1)
      if (late) note(name, { "broken off after": seconds() })
      else if (code === 0 && line._tag === "Some") note(name, line.value)
      else note(name, { failed: signal ?? `code ${code}: ${why}` })
      resolve()
    })
  })

const own = (...given: readonly string[]): readonly string[] => ["--import", "tsx", import.meta.filename, ...given]
const torch = join(import.meta.dirname, "gpu-torch.py")

const sized = async (name: string, config: Config): Promise<void> => {
  const left = timeLeft(name)
  if (left === undefined) return
  const folder = mkdtempSync(join(tmpdir(), "rankdag-gpu-"))
  try {
    const made = await Effect.runPromiseExit(
      writeRandomCheckpoint(folder, config, head, "BF16").pipe(
        Effect.andThen(convertCheckpoint({ from: folder, to: folder, head, maximumTokens: 512 })),
        Effect.timeoutFail({ duration: 1000 * left, onTimeout: () => new Error("its weights were not drawn in time") }),
      ),
    )
    if (Exit.isFailure(made)) return note(name, { failed: Cause.pretty(made.cause).split("\n")[0] ?? "" })
    for (const length of lengths) {
      for (const kind of kinds) {
        const called = `${name} × ${length}, ${kind}`
        await apartIn(called, process.execPath, own("size", folder, name, `${length}`, kind))
        if (python === undefined || kind === inOneRun) continue
        const asked = [torch, folder, device, kind, `${textsOf(name)}`, `${length}`]
        await apartIn(`${called}, PyTorch`, python, asked)
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const all = async (): Promise<void> => {
  const hardware = await Effect.runPromise(chooseHardware(device).pipe(Effect.provide(layerOnnxRuntime)))
  deviceName = hardware.name
  console.log(`${hardware.device}: ${hardware.name}`)
  await apartIn("peak", process.execPath, own("peak"))
  for (const name of Object.keys(parities)) {
    for (const [which, told] of Object.entries(parityKinds)) {
      if (device === "webgpu" && which === "several") continue
      const called = `${name}, ${told}: apart from the CPU`
      await apartIn(called, process.execPath, own("parity", name, which))
    }
  }
  for (const [name, config] of Object.entries(sizes)) if (wanted.includes(name)) await sized(name, config)
  console.log(JSON.stringify({ device: hardware.device, name: hardware.name, seconds: seconds(), figures }))
}

const asked = process.argv.slice(2)
if (asked.length === 0) {
  await all().catch((cause: unknown) => {
    console.log(String(cause).split("\n")[0])
    process.exitCode = 1
  })
} else {
  const exit = await Effect.runPromiseExit(partOf(asked).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
  if (Exit.isSuccess(exit)) console.log(JSON.stringify(exit.value))
  else {
    console.error(Cause.pretty(exit.cause).split("\n")[0])
    process.exitCode = 1
  }
}
