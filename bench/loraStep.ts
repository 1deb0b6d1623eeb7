/**
 * Question: what does one training step of adapters (LoRA of rank 8 on all matrices of the layers, the head in full; forward, softmax
 * loss, backward, clipping, AdamW; no dropout) take of a step of all weights, and of PyTorch's with peft, in fp32 and under bf16 autocast?
 * With the weights that stay in fp32, as 16-bit floats, and as 8-bit numbers? At MiniLM-L6's size with 16 texts of 128 tokens, and at
 * T5-base's with 8; scores of the mean. docs/MEASURED.md has the answers.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench loraStep        (a Python with torch, transformers and peft)
 *     RANKDAG_BENCH_MODELS, RANKDAG_BENCH_SYSTEMS, RANKDAG_BENCH_THREADS, RANKDAG_BENCH_ROUNDS: a part of it
 *
 * Each system is a process of its own, for its memory's sake; all begin with the same weights, and take the same steps on the same
 * texts, in turn, so that noise meets all of them. Those that train adapters beside fp32 must agree in their losses.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  type BaseStorage,
  decodeConfig,
  factorsOf,
  freezeModel,
  initialFactors,
  layerOnnxRuntime,
  modelGraph,
  openTrainer,
  openWeights,
  planAdapters,
  requireTensors,
  type TrainerOptions,
  type TrainingStep,
  writeSafetensors,
} from "../neural/index.ts"
import { LoraSettings, OptimizerSettings } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const listed = (name: string, all: readonly string[]): readonly string[] => process.env[name]?.split(",") ?? all
const python = process.env["RANKDAG_BENCH_PYTHON"]
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? 1)
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 7)
const warmUp = 2
const head = { kind: "masked-mean" } as const
const tokensPerText = 128
const lists = 2

const models = [
  { name: "MiniLM-L6, 16 × 128", m: 8, config: miniLmConfig },
  {
    name: "T5-base, 8 × 128",
    m: 4,
    config: {
      model_type: "t5",
      d_model: 768,
      d_kv: 64,
      d_ff: 3072,
      num_layers: 12,
      num_heads: 12,
      vocab_size: 32128,
      feed_forward_proj: "relu",
    },
  },
] as const
type BenchModel = (typeof models)[number]

const systems = [
  "full",
  "lora",
  "lora-packed",
  "lora-recomputed",
  "lora-bf16",
  "lora-int8",
  "lora-int8-packed",
  "peft",
  "peft-bf16",
] as const
/** Whose numbers are 32-bit floats throughout, so that their losses agree. */
const exact: ReadonlySet<string> = new Set(["lora", "lora-packed", "lora-recomputed", "peft"])

/** How a system of ours keeps the weights that stay. */
const storageOf = (system: string): BaseStorage =>
  system.includes("int8") ? "int8" : system.includes("bf16") ? "bf16" : "fp32"

const Answer = Schema.parseJson(
  Schema.Struct({ seconds: Schema.Number, loss: Schema.Number, megabytes: Schema.Number }),
)
type Answer = typeof Answer.Type
const Texts = Schema.parseJson(Schema.Struct({ ids: Schema.Array(Schema.Array(Schema.Number)), m: Schema.Number }))

/** Seconds: of the processor's time with one thread, which the rest of the machine disturbs least, else of the wall's. */
const clock = (): number => {
  if (threads > 1) return performance.now() / 1000
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const stepOf = (folder: string): TrainingStep => {
  const { ids, m } = Schema.decodeSync(Texts)(readFileSync(join(folder, "step.json"), "utf8"))
  const grades = new Float32Array(lists * m)
  for (let list = 0; list < lists; list++) grades[list * m] = 1
  return {
    step: 0,
    lists,
    m,
    texts: ids.map((each) => ({ ids: Int32Array.from(each) })),
    grades,
    mask: new Uint8Array(lists * m).fill(1),
    learningRates: [1e-4],
  }
}

const planned = (config: Readonly<Record<string, unknown>>) =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    const settings = Schema.decodeUnknownSync(LoraSettings)({ rank: 8, alpha: 16 })
    const adapters = Either.getOrThrow(planAdapters(description, settings))
    return { adapters, description, model: yield* modelGraph(description) }
  })

/** A system of ours, asked in lines. */
const serve = (system: string, folder: string) =>
  Effect.gen(function* () {
    const config: Readonly<Record<string, unknown>> = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))
    const { adapters, description, model } = yield* planned(config)
    const options = yield* Effect.gen(function* () {
      const stored = yield* openWeights(folder)
      const found = yield* requireTensors(stored, "bench", model.tensors, model.ignores)
      const lora = system !== "full"
      const full = new Set(adapters.full)
      const weights = new Map<string, Float32Array>(lora ? initialFactors(adapters, 1) : [])
      for (const [name, place] of found)
        if (!lora || full.has(name)) weights.set(name, yield* stored.floats(place.name))
      const storage = storageOf(system)
      const kept = storage === "fp32" ? folder : join(folder, storage)
      const places: Iterable<readonly [string, { readonly offset: number }]> =
        storage === "fp32" ? found : (yield* openWeights(kept)).tensors
      const locations = new Map([...places].map(([name, { offset }]) => [name, { file: "model.safetensors", offset }]))
      const plain: TrainerOptions = {
        description,
        weights,
        loss: { kind: "softmax" },
        optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
        dropout: 0,
        seed: 1,
        device: "cpu",
        threads,
        tokensPerMicroBatch: 1e6,
      }
      return lora
        ? {
            ...plain,
            adapters,
            base: { folder: kept, locations, storage, fingerprint: "" },
            prepack: system.endsWith("-packed"),
            recompute: system === "lora-recomputed",
          }
        : plain
    }).pipe(Effect.scoped)
    const trainer = yield* openTrainer(options)
    const step = stepOf(folder)
    console.log("ready")
    let done = 0
    yield* Effect.promise(async () => {
      for await (const _ of createInterface({ input: process.stdin })) {
        const start = clock()
        const { loss } = await Effect.runPromise(trainer.step({ ...step, step: done++ }))
        const answer = { seconds: clock() - start, loss, megabytes: process.resourceUsage().maxRSS / 1024 }
        console.log(JSON.stringify(answer))
      }
    })
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

interface Child {
  readonly name: string
  readonly step: () => Promise<Answer>
  readonly stop: () => void
}

const start = async (name: string, folder: string): Promise<Child> => {
  const script = join(import.meta.dirname, "loraStep-peft.py")
  const [command, given] = name.startsWith("peft")
    ? ([python ?? "python3", [script, folder, String(threads), name === "peft" ? "fp32" : "bf16"]] as const)
    : ([process.execPath, ["--import", "tsx", import.meta.filename, name, folder]] as const)
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(command, given, {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, RANKDAG_BENCH_THREADS: String(threads) },
  })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const answer = await answers.next()
    if (answer.done === true) throw new Error(`${name} ended`)
    return answer.value
  }
  if ((await next()) !== "ready") throw new Error(`${name} did not start`)
  return {
    name,
    step: async () => {
      child.stdin.write("step\n")
      return Schema.decodeSync(Answer)(await next())
    },
    stop: () => child.stdin.end(),
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const compare = async (children: readonly Child[]): Promise<void> => {
  const taken = children.map(() => new Array<Answer>())
  for (let round = -warmUp; round < rounds; round++) {
    for (const [at, child] of children.entries()) {
      const answer = await child.step()
      if (round >= 0) taken[at]?.push(answer)
    }
  }
  const losses = children.flatMap(({ name }, at) => (exact.has(name) ? [taken[at]?.at(-1)?.loss ?? Number.NaN] : []))
  if (!(Math.max(...losses) - Math.min(...losses) < 1e-4)) throw new Error(`the losses differ: ${losses.join(", ")}`)
  const own = taken[children.findIndex(({ name }) => name === "lora")] ?? []
  for (const [at, { name }] of children.entries()) {
    const answers = taken[at] ?? []
    const ratio = median(answers.map(({ seconds }, round) => (own[round]?.seconds ?? Number.NaN) / seconds))
    console.log(
      `  ${name.padEnd(17)} ${median(answers.map(({ seconds }) => seconds)).toFixed(2)} s a step, ${(answers.at(-1)?.megabytes ?? 0).toFixed(0)} MiB at the peak` +
        `, loss ${(answers.at(-1)?.loss ?? Number.NaN).toFixed(5)}` +
        (name === "lora" ? "" : `; lora takes ${ratio.toFixed(2)} of its time (median of ${rounds} rounds)`),
    )
  }
}

const bench = ({ config, m, name }: BenchModel) =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "rankdag-lora-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    yield* writeRandomCheckpoint(folder, config, head, "F32")
    const ids = Array.from({ length: lists * m }, (_, item) =>
      Array.from(
        { length: tokensPerText },
        (_each, at) => 5 + ((item * 7919 + at * 104_729) % (config.vocab_size - 5)),
      ),
    )
    writeFileSync(join(folder, "step.json"), JSON.stringify({ ids, m }))
    const { adapters, description } = yield* planned(config)
    const factors = initialFactors(adapters, 1)
    yield* writeSafetensors(
      join(folder, "factors.safetensors"),
      factorsOf(adapters).map((each) => ({
        ...each,
        dtype: "F32" as const,
        data: () => [factors.get(each.name) ?? new Float32Array(0)],
      })),
    )
    console.log(`${name}, ${threads} threads: ${factors.size} factors`)
    const wanted = systems.filter((each) => listed("RANKDAG_BENCH_SYSTEMS", systems).includes(each))
    for (const weights of ["int8", "bf16"] as const) {
      if (!wanted.some((each) => storageOf(each) === weights && each.startsWith("lora"))) continue
      mkdirSync(join(folder, weights))
      yield* freezeModel({ from: folder, to: join(folder, weights), description, weights })
    }
    const children: Child[] = []
    for (const each of wanted) {
      if (!each.startsWith("peft") || python !== undefined)
        children.push(yield* Effect.promise(() => start(each, folder)))
    }
    yield* Effect.promise(() => compare(children))
    for (const child of children) child.stop()
  }).pipe(Effect.scoped)

const [, , system, folder] = process.argv
if (system !== undefined && folder !== undefined) await Effect.runPromise(serve(system, folder))
else {
  if (python === undefined) console.log("RANKDAG_BENCH_PYTHON is not set: PyTorch with peft is left out")
  const wanted = listed(
    "RANKDAG_BENCH_MODELS",
    models.map(({ name }) => name),
  )
  for (const model of models.filter(({ name }) => wanted.some((start) => name.startsWith(start)))) {
    await Effect.runPromise(bench(model))
  }
}
