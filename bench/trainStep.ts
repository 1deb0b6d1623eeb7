/**
 * Question: is one training step on the CPU (forward, softmax loss, backward, clipping, AdamW; no dropout) no slower than current
 * PyTorch's, eager and compiled, on the same cores? Of the default run's T5 at 64 × 41 tokens, of an encoder of T5's kind, 4 layers
 * of width 256, at 32 × 128, and of MiniLM-L6's shape at 16 × 128; with scores from the first token, as RankT5 and BERT's cross-encoders have them, and from the
 * mean. docs/MEASURED.md has the answers: T5's with the first token is faster, MiniLM's slower.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench trainStep        (a Python with torch and transformers)
 *     RANKDAG_BENCH_MODELS, RANKDAG_BENCH_HEADS, RANKDAG_BENCH_SYSTEMS, RANKDAG_BENCH_THREADS,
 *     RANKDAG_BENCH_ROUNDS: a part of it
 *
 * All begin with the same weights and take the same steps on the same texts, in turn, so that noise meets all of them; their
 * losses must agree. Then it says where our time goes: by a profile of onnxruntime's; the rest of a step is the update.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  decodeConfig,
  layerOnnxRuntime,
  modelGraph,
  openTrainer,
  openWeights,
  requireTensors,
  type Trainer,
  type TrainingStep,
} from "../neural/index.ts"
import { OptimizerSettings } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const listed = (name: string, all: readonly string[]): readonly string[] => process.env[name]?.split(",") ?? all
const python = process.env["RANKDAG_BENCH_PYTHON"]
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? availableParallelism())
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 12)
const warmUp = 3

const heads = ["first-token", "masked-mean"] as const
type HeadName = (typeof heads)[number]
const models = [
  {
    name: "the default run's T5, 64 × 41",
    lists: 8,
    m: 8,
    tokensPerText: 41,
    config: {
      model_type: "t5",
      d_model: 64,
      d_kv: 32,
      d_ff: 256,
      num_layers: 2,
      num_heads: 4,
      vocab_size: 2400,
      feed_forward_proj: "relu",
    },
  },
  {
    name: "T5, 4 layers of 256, 32 × 128",
    lists: 4,
    m: 8,
    tokensPerText: 128,
    config: {
      model_type: "t5",
      d_model: 256,
      d_kv: 64,
      d_ff: 1024,
      num_layers: 4,
      num_heads: 4,
      vocab_size: 8000,
      feed_forward_proj: "relu",
    },
  },
  {
    name: "MiniLM-L6, 16 × 128",
    lists: 2,
    m: 8,
    tokensPerText: 128,
    config: miniLmConfig,
  },
] as const
type BenchModel = (typeof models)[number]

const Answer = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, loss: Schema.Number }))
type Answer = typeof Answer.Type

/** The same texts at every step, so that all systems have to agree on the loss. */
const makeStep = ({ config, lists, m, tokensPerText }: BenchModel): TrainingStep => {
  const texts = Array.from({ length: lists * m }, (_, item) => ({
    ids: Int32Array.from(
      { length: tokensPerText },
      (_each, at) => 5 + ((item * 7919 + at * 104_729) % (config.vocab_size - 5)),
    ),
  }))
  const grades = new Float32Array(lists * m)
  for (let list = 0; list < lists; list++) grades[list * m + (list % m)] = 1
  return { step: 0, lists, m, texts, grades, mask: new Uint8Array(lists * m).fill(1), learningRates: [1e-4] }
}

/** A system that is asked for one step after another. */
interface System {
  readonly name: string
  readonly step: () => Promise<Answer>
  readonly stop: () => void
}

const startTorch = async (
  mode: "eager" | "compiled",
  kind: HeadName,
  folder: string,
  stepFile: string,
): Promise<System> => {
  const script = join(import.meta.dirname, "trainStep-torch.py")
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(
    python ?? "python3",
    [script, mode, kind, folder, stepFile, String(threads)],
    { stdio: ["pipe", "pipe", "inherit"] },
  )
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async (): Promise<string> => {
    const answer = await answers.next()
    if (answer.done === true) throw new Error(`PyTorch ${mode} ended`)
    return answer.value
  }
  if ((await next()) !== "ready") throw new Error(`PyTorch ${mode} did not start`)
  return {
    name: `PyTorch ${mode}`,
    step: async () => {
      child.stdin.write("step\n")
      return Schema.decodeSync(Answer)(await next())
    },
    stop: () => child.stdin.end(),
  }
}

const ourOptions = (model: BenchModel, kind: HeadName, folder: string) =>
  Effect.gen(function* () {
    const head = { kind }
    const { architecture } = yield* decodeConfig(model.config)
    const { ignores, tensors } = yield* modelGraph({ architecture, head })
    const weights = yield* openWeights(folder)
    const found = yield* requireTensors(weights, architecture.family, tensors, ignores)
    const floats = new Map<string, Float32Array>()
    for (const [name, place] of found) floats.set(name, yield* weights.floats(place.name))
    return {
      description: { architecture, head },
      weights: floats,
      loss: { kind: "softmax" } as const,
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
      dropout: 0,
      seed: 1,
      device: "cpu" as const,
      threads,
    }
  }).pipe(Effect.scoped)

/** Seconds: of the processor's time with one thread, which the rest of the machine disturbs least, else of the wall's. */
const clock = (): number => {
  if (threads > 1) return performance.now() / 1000
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const ours = (trainer: Trainer, step: TrainingStep): System => {
  let done = 0
  return {
    name: "rankdag",
    step: async () => {
      const start = clock()
      const { loss } = await Effect.runPromise(trainer.step({ ...step, step: done++ }))
      return { seconds: clock() - start, loss }
    },
    stop: () => undefined,
  }
}

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

const compare = async (systems: readonly System[]): Promise<void> => {
  const seconds = new Map(systems.map(({ name }) => [name, new Array<number>()]))
  for (let round = -warmUp; round < rounds; round++) {
    const losses: number[] = []
    for (const system of systems) {
      const answer = await system.step()
      losses.push(answer.loss)
      if (round >= 0) seconds.get(system.name)?.push(answer.seconds)
    }
    const apart = Math.max(...losses) - Math.min(...losses)
    if (!(apart < 1e-3)) throw new Error(`step ${round + warmUp}: the losses differ: ${losses.join(", ")}`)
  }
  const own = seconds.get("rankdag") ?? []
  for (const { name } of systems) {
    const times = seconds.get(name) ?? []
    const ratio = median(times.map((time, round) => time / (own[round] ?? Number.NaN)))
    console.log(
      `  ${name.padEnd(18)} ${(1000 * median(times)).toFixed(0).padStart(5)} ms a step (best ${(1000 * Math.min(...times)).toFixed(0)})` +
        (name === "rankdag" ? "" : `   ours is ${ratio.toFixed(2)} times as fast (median of ${times.length} rounds)`),
    )
  }
}

const Events = Schema.parseJson(
  Schema.Array(
    Schema.Struct({
      cat: Schema.optional(Schema.String),
      name: Schema.optional(Schema.String),
      dur: Schema.optional(Schema.Number),
      args: Schema.optional(Schema.Struct({ op_name: Schema.optional(Schema.String) })),
    }),
  ),
)

const profiledSteps = 5

/** How long a step is in a session, and what share of that each kind of operation takes, from a profile. */
const printProfile = (file: string): void => {
  const byKind = new Map<string, number>()
  let total = 0
  for (const { args, cat, dur = 0, name } of Schema.decodeSync(Events)(readFileSync(file, "utf8"))) {
    if (cat !== "Node" || name?.endsWith("_kernel_time") !== true) continue
    const kind = args?.op_name ?? "?"
    byKind.set(kind, (byKind.get(kind) ?? 0) + dur)
    total += dur
  }
  const shares = [...byKind].sort(([, a], [, b]) => b - a).slice(0, 12)
  console.log(
    `  the graph: ${shares.map(([kind, time]) => `${kind} ${((100 * time) / total).toFixed(0)} %`).join(", ")}`,
  )
}

const bench = (model: BenchModel, kind: HeadName) =>
  Effect.gen(function* () {
    const folder = mkdtempSync(join(tmpdir(), "rankdag-train-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true, force: true })))
    const count = yield* writeRandomCheckpoint(folder, model.config, { kind }, "F32")
    const step = makeStep(model)
    const stepFile = join(folder, "step.json")
    const relevant = Array.from({ length: model.lists }, (_, list) => list % model.m)
    writeFileSync(stepFile, JSON.stringify({ ids: step.texts.map(({ ids }) => Array.from(ids)), relevant }))
    console.log(`${model.name}, ${kind}: ${(count / 1e6).toFixed(1)} M weights, ${threads} threads`)

    const options = yield* ourOptions(model, kind, folder)
    const systems: System[] = [ours(yield* openTrainer(options), step)]
    for (const mode of ["eager", "compiled"] as const) {
      if (python === undefined || !listed("RANKDAG_BENCH_SYSTEMS", ["eager", "compiled"]).includes(mode)) continue
      systems.push(yield* Effect.promise(() => startTorch(mode, kind, folder, stepFile)))
    }
    yield* Effect.promise(() => compare(systems))
    for (const system of systems) system.stop()

    const profile = join(folder, "profile")
    yield* Effect.scoped(
      Effect.gen(function* () {
        const profiled = yield* openTrainer({ ...options, profile })
        for (let i = 0; i < profiledSteps; i++) yield* profiled.step({ ...step, step: i })
      }),
    )
    for (const file of readdirSync(folder).filter((each) => each.startsWith("profile")))
      printProfile(join(folder, file))
  }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const wanted = listed(
  "RANKDAG_BENCH_MODELS",
  models.map(({ name }) => name),
)
if (python === undefined) console.log("RANKDAG_BENCH_PYTHON is not set: PyTorch is left out")
for (const model of models.filter(({ name }) => wanted.some((start) => name.startsWith(start)))) {
  for (const kind of heads.filter((name) => listed("RANKDAG_BENCH_HEADS", heads).includes(name))) {
    await Effect.runPromise(bench(model, kind))
  }
}
