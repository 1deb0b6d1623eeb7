/**
 * Claims: a T5-large encoder (335 M weights) is converted and scores within 3 times its weights' bytes; a decoder of Qwen3-0.6B's size
 * (596 M) from BF16 within 2 times; T5Gemma 2B's encoder at its real size (2.6 B weights) is converted from BF16 and scores a batch
 * within 24 GiB.
 *
 *     npm run bench memory                      (the large one takes 16 GB in the temporary folder and some minutes)
 *     RANKDAG_BENCH_MODELS=t5-large             a part of it
 *     RANKDAG_BENCH_FOLDER=…                    where the weights are written; default the system's temporary folder
 *
 * Weights are random. Each model is a process of its own. Its peak is the resident set as the kernel counts it, with pages of
 * the weights' file that are mapped into it; what was allocated (anonymous) is said beside it, for only that cannot be dropped.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { convertCheckpoint, type FloatDtype, layerOnnxRuntime, openScorer } from "../neural/index.ts"
import { type Head, modelFiles } from "../schemas/index.ts"
import { qwen3Config, qwen3Head } from "./support/qwen3Config.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

interface LargeModel {
  readonly dtype: FloatDtype
  readonly config: Readonly<Record<string, unknown>>
  readonly head: Head
  /** What the claim allows, given the bytes of its weights as 32-bit floats. */
  readonly limit: (weightBytes: number) => number
}

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
  "t5gemma-2b": {
    dtype: "BF16",
    head: { kind: "first-token" },
    config: {
      model_type: "t5gemma",
      encoder: {
        hidden_size: 2304,
        intermediate_size: 9216,
        num_hidden_layers: 26,
        num_attention_heads: 8,
        num_key_value_heads: 4,
        head_dim: 256,
        vocab_size: 256000,
      },
    },
    limit: () => 24 * 2 ** 30,
  },
}

const texts = 8
const tokens = 128

/** What the kernel says of this process, in bytes: `VmHWM` is the largest resident set so far, `RssAnon` what is allocated. */
const status = (field: "VmHWM" | "RssAnon"): number => {
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"))?.[1]
  return Number(found ?? Number.NaN) * 1024
}

const Figures = Schema.parseJson(
  Schema.Struct({
    converting: Schema.Number,
    convertSeconds: Schema.Number,
    scoring: Schema.Number,
    allocated: Schema.Number,
    scoreSeconds: Schema.Number,
    finite: Schema.Boolean,
  }),
)

const now = (): number => performance.now() / 1000

/** The process of one model: converts, opens, scores a batch twice. */
const measure = (from: string, to: string, head: Head) =>
  Effect.gen(function* () {
    const begun = now()
    yield* convertCheckpoint({ from, to, head })
    const [converting, converted] = [status("VmHWM"), now()]
    const scorer = yield* openScorer({ path: join(to, modelFiles.graph) }, { device: "cpu" })
    const batch = Array.from({ length: texts }, (_, text) => ({
      ids: Array.from({ length: tokens }, (_, at) => 10 + ((text * 7919 + at * 104_729) % 30_000)),
    }))
    const first = yield* scorer.score(batch)
    const opened = now()
    const second = yield* scorer.score(batch)
    const figures: typeof Figures.Type = {
      converting,
      convertSeconds: converted - begun,
      scoring: status("VmHWM"),
      allocated: status("RssAnon"),
      scoreSeconds: now() - opened,
      finite: first.every((score, i) => Number.isFinite(score) && score === second[i]),
    }
    console.log(JSON.stringify(figures))
  })

const row = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(" | ")} |`)
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`

const main = Effect.gen(function* () {
  const wanted = process.env["RANKDAG_BENCH_MODELS"]?.split(",") ?? Object.keys(models)
  const folder = mkdtempSync(join(process.env["RANKDAG_BENCH_FOLDER"] ?? tmpdir(), "rankdag-bench-memory-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  row(
    "model",
    "weights",
    "as floats",
    "peak converting",
    "peak scoring",
    "allocated",
    "limit",
    "seconds converting",
    "a batch",
  )
  row(...new Array<string>(9).fill("---"))
  for (const name of wanted) {
    const model = models[name]
    if (model === undefined) continue
    const [from, to] = [join(folder, name), join(folder, `${name}-converted`)]
    for (const made of [from, to]) mkdirSync(made)
    const weights = yield* writeRandomCheckpoint(from, model.config, model.head, model.dtype)
    const child = spawnSync(process.execPath, ["--import", "tsx", import.meta.filename, "measure", from, to, name], {
      encoding: "utf8",
    })
    if (child.status !== 0) throw new Error(`${name}: ${child.signal ?? child.stderr}`)
    const figures = Schema.decodeSync(Figures)(child.stdout)
    const limit = model.limit(4 * weights)
    const within = figures.scoring <= limit && figures.finite
    row(
      name,
      `${(weights / 1e6).toFixed(0)} M`,
      gib(4 * weights),
      gib(figures.converting),
      gib(figures.scoring),
      gib(figures.allocated),
      `${gib(limit)}: ${within ? "kept" : "BROKEN"}`,
      figures.convertSeconds.toFixed(1),
      `${figures.scoreSeconds.toFixed(2)} s`,
    )
    if (!within) process.exitCode = 1
    for (const made of [from, to]) rmSync(made, { recursive: true })
  }
})

const [mode, from, to, name = ""] = process.argv.slice(2)
const measured = models[name]
const program =
  mode === "measure" && from !== undefined && to !== undefined && measured !== undefined
    ? measure(from, to, measured.head)
    : main
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
