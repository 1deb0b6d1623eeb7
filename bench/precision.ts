/**
 * Claims: in 8 bits a reranker is 2.3 × (MiniLM-L6), 3.5 × (T5-base's size) and 3 × (T5Gemma-base's) as fast as in fp32 where the
 * processor multiplies 8-bit numbers by itself (AMX, VNNI), and at least 1.05 × PyTorch with bf16 weights and 1.2 × onnxruntime's own
 * quantize_dynamic of a plain export.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench precision   (a Python with torch, transformers, onnx, onnxruntime, openvino)
 *     RANKDAG_BENCH_MINILM=…        folder of all-MiniLM-L6-v2 in Hugging Face layout; without, random weights of its shape
 *     RANKDAG_BENCH_OPTIMUM_PYTHON=…  a Python with sentence-transformers[onnx], for its ONNX backend in 8 bits over that folder
 *     RANKDAG_BENCH_MODELS, RANKDAG_BENCH_SYSTEMS: a part of it;  RANKDAG_BENCH_ROUNDS=15;  RANKDAG_BENCH_THREADS=1
 *
 * Batches of 2 texts of 256 tokens, scores from the first token, weights of the size drawn at random unless said. The systems take
 * turns, and what is measured is the processor's time in each one's process, which the rest of the machine disturbs least; ratios are
 * medians over rounds. With several threads it is the wall's time.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs"
import { cpus, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import {
  convertCheckpoint,
  layerOnnxRuntime,
  normalWeights,
  openScorer,
  quantizeModel,
  readConfig,
} from "../neural/index.ts"
import { modelFiles } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { clock, product } from "./support/onnxProfile.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"
import { Server } from "./support/Server.ts"

const python = process.env["RANKDAG_BENCH_PYTHON"]
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 15)
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? 1)
const listed = (name: string, all: readonly string[]): readonly string[] => process.env[name]?.split(",") ?? all

const [batch, length] = [2, 256]
const head = { kind: "first-token" } as const

const t5 = { model_type: "t5", feed_forward_proj: "gated-gelu", tie_word_embeddings: false }
const models = [
  {
    name: "MiniLM-L6",
    folder: process.env["RANKDAG_BENCH_MINILM"],
    config: miniLmConfig,
  },
  {
    name: "T5-base",
    folder: undefined,
    config: { ...t5, d_model: 768, d_kv: 64, d_ff: 2048, num_layers: 12, num_heads: 12, vocab_size: 32128 },
  },
  {
    name: "T5Gemma-base",
    folder: undefined,
    config: {
      model_type: "t5gemma",
      encoder: {
        hidden_size: 768,
        intermediate_size: 2048,
        num_hidden_layers: 12,
        num_attention_heads: 12,
        num_key_value_heads: 12,
        head_dim: 64,
        // T5Gemma's 256,000 take memory alone, and the others' exports long.
        vocab_size: 32128,
      },
    },
  },
] as const

/** The texts of a request, as precision-python.py makes them. */
const texts = (seed: number) =>
  Array.from({ length: batch }, (_, row) => ({
    ids: Int32Array.from({ length }, (_, i) => 1000 + ((i * 7919 + row * 104_729 + seed * 31_337) % 20_000)),
    types: new Int32Array(length),
  }))

/** Our own side, in one precision: answers requests as precision-python.py does. */
const serve = (folder: string) =>
  Effect.gen(function* () {
    const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device: "cpu", threads })
    const requests = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
    console.log("ready")
    for (;;) {
      const request = yield* Effect.promise(() => requests.next())
      if (request.done === true) return
      const seed = Number(request.value.split(" ")[2])
      const before = clock(threads)
      const scores = yield* scorer.score(texts(seed))
      console.log(JSON.stringify({ seconds: clock(threads) - before, scores: [...scores] }))
    }
  })

/** The folders of a model in each precision. */
const prepare = (model: (typeof models)[number], folder: string) =>
  Effect.gen(function* () {
    const [drawn, full] = [join(folder, "checkpoint"), join(folder, "fp32")]
    for (const made of [drawn, full]) mkdirSync(made, { recursive: true })
    if (model.folder === undefined) yield* writeRandomCheckpoint(drawn, model.config, { kind: "masked-mean" }, "F32")
    const from = model.folder ?? drawn
    const freshHead = (name: string, shape: readonly number[]) => normalWeights(1, name, product(shape), 0.05)
    yield* convertCheckpoint({ from, to: full, head, maximumTokens: length, freshHead })
    copyFileSync(join(from, modelFiles.config), join(full, modelFiles.config))
    const { architecture } = yield* readConfig(full)
    for (const weights of ["int8", "weights8"] as const) {
      const to = join(folder, weights)
      mkdirSync(to)
      yield* quantizeModel({ from: full, to, description: { architecture, head, maximumTokens: length }, weights })
    }
    return full
  })

const others = listed("RANKDAG_BENCH_SYSTEMS", [
  "torch-fp32",
  "torch-bf16",
  "onnxruntime-int8",
  "openvino-f32",
  "openvino-bf16",
  "openvino-int8",
])

const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

const optimum = process.env["RANKDAG_BENCH_OPTIMUM_PYTHON"]

const compare = async (
  folder: string,
  full: string,
  original?: string,
): Promise<ReadonlyMap<string, readonly number[]>> => {
  const script = join(import.meta.dirname, "precision-python.py")
  const commands: ReadonlyArray<readonly [string, string, readonly string[]]> = [
    ...["fp32", "int8", "weights8"].map((precision) => {
      const args = ["--import", "tsx", import.meta.filename, "serve", join(folder, precision)]
      return [`rankdag ${precision}`, process.execPath, args] as const
    }),
    ...(python === undefined ? [] : others).map((system) => {
      return [system, python ?? "", ["-W", "ignore", script, system, full, String(threads)]] as const
    }),
    ...(optimum === undefined || original === undefined ? [] : ["sentence-transformers-int8"]).map((system) => {
      return [system, optimum ?? "", ["-W", "ignore", script, system, original ?? "", String(threads)]] as const
    }),
  ]
  const servers: (readonly [string, Server])[] = []
  const figures = new Map<string, number[]>()
  // One after another: two would write one export.
  for (const [system, command, args] of commands) {
    const server = new Server(command, args)
    servers.push([system, server])
    await server.ready
    await server.ask(batch, length, 0)
    figures.set(system, [])
  }
  for (let round = 1; round <= rounds; round++) {
    for (const [system, server] of servers) {
      figures.get(system)?.push((await server.ask(batch, length, round)).seconds)
    }
  }
  await Promise.all(servers.map(([, server]) => server.close()))
  return figures
}

const row = (...cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`)

const main = Effect.gen(function* () {
  if (python === undefined) console.log("The others are left out: RANKDAG_BENCH_PYTHON is not set")
  const flags = /^flags\s*:(.*)$/mu.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? []
  const wide = ["avx2", "avx512_vnni", "avx_vnni", "amx_int8", "amx_bf16"].filter((flag) => flags.includes(flag))
  console.log(`${cpus()[0]?.model.trim() ?? "?"}, ${wide.join(", ")}; ${threads} threads, ${rounds} rounds`)
  row(
    "model",
    "system",
    threads > 1 ? "ms a batch" : "processor ms a batch",
    "× as fast as our fp32",
    "our int8 × as fast",
    "weights' file",
  )
  row(...new Array<string>(6).fill("---"))
  for (const model of models.filter(({ name }) => listed("RANKDAG_BENCH_MODELS", [name]).includes(name))) {
    const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-precision-"))
    yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
    const full = yield* prepare(model, folder)
    const figures = yield* Effect.promise(() => compare(folder, full, model.folder))
    const [own = [], small = []] = [figures.get("rankdag fp32"), figures.get("rankdag int8")]
    for (const [system, seconds] of figures) {
      const ratio = (to: readonly number[]): string => median(seconds.map((each, i) => each / to[i]!)).toFixed(2)
      const faster = median(own.map((each, i) => each / seconds[i]!)).toFixed(2)
      const precision = system.startsWith("rankdag ") ? system.slice("rankdag ".length) : undefined
      const size =
        precision === undefined
          ? ""
          : `${Math.round(statSync(join(folder, precision, modelFiles.weights)).size / 2 ** 20)} MiB`
      row(model.name, system, (1000 * median(seconds)).toFixed(1), faster, ratio(small), size)
    }
  }
})

const [mode, folder] = process.argv.slice(2)
const program = mode === "serve" && folder !== undefined ? serve(folder) : main
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
