/**
 * Claim: a decoder of Qwen3-0.6B's size scores pairs of 256 tokens, by two words at the last token, at 1.2 times the speed of
 * transformers in fp32 or more, one thread, in processor time.
 *
 *     PYTHON=… npm run bench decoder          (a Python with torch and transformers; takes 5 GB in the temporary folder)
 *     RANKDAG_BENCH_LAYERS=4                  a part of its layers: minutes instead of a quarter of an hour
 *
 * Weights are random and alike. The pairs begin alike, as those of one query do with the published prompt: its words up to the query
 * are 58 tokens. `last` is transformers with logits_to_keep=1, a pair at a time, and `batch` all at once, as sentence-transformers calls
 * it; `all` is the model card's way, which makes the logits of every token and of the whole vocabulary. Rounds alternate; the medians
 * count, and of transformers' first two the quicker. The scores are compared.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { convertCheckpoint, layerOnnxRuntime, openScorer } from "../neural/index.ts"
import { modelFiles } from "../schemas/index.ts"
import { qwen3Head as head, qwen3Config } from "./support/qwen3Config.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const config = {
  ...qwen3Config,
  architectures: ["Qwen3ForCausalLM"],
  num_hidden_layers: Number(process.env["RANKDAG_BENCH_LAYERS"] ?? qwen3Config.num_hidden_layers),
}
const [rounds, pairs, tokens, alike] = [3, 4, 256, 64]

const Answer = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, scores: Schema.Array(Schema.Number) }))
type Answer = typeof Answer.Type

const texts = Array.from({ length: pairs }, (_, text) =>
  Array.from({ length: tokens }, (__, at) => 10 + (((at < alike ? 0 : text) * 7919 + at * 104_729) % 150_000)),
)

const processor = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

const ways = ["last", "batch", "all"] as const

const torch = (folder: string, way: (typeof ways)[number]): Answer => {
  const script = join(import.meta.dirname, "decoder-torch.py")
  const child = spawnSync(
    process.env["PYTHON"] ?? "python3",
    [script, folder, way, String(head.yes), String(head.no)],
    {
      encoding: "utf8",
      input: JSON.stringify(texts),
      env: { ...process.env, OMP_NUM_THREADS: "1", MKL_NUM_THREADS: "1" },
    },
  )
  if (child.status !== 0) throw new Error(child.stderr)
  return Schema.decodeSync(Answer)(child.stdout.trim().split("\n").at(-1) ?? "")
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const main = Effect.gen(function* () {
  const folder = mkdtempSync(join(process.env["RANKDAG_BENCH_FOLDER"] ?? tmpdir(), "rankdag-bench-decoder-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  const [from, to] = [join(folder, "from"), join(folder, "to")]
  for (const made of [from, to]) mkdirSync(made)
  yield* writeRandomCheckpoint(from, config, head, "F32")
  yield* convertCheckpoint({ from, to, head })
  const scorer = yield* openScorer({ path: join(to, modelFiles.graph) }, { device: "cpu", threads: 1 })
  const batch = texts.map((ids) => ({ ids }))
  yield* scorer.score(batch.slice(0, 1))
  const seconds: Record<"ours" | (typeof ways)[number], Array<number>> = { ours: [], last: [], batch: [], all: [] }
  let apart = 0
  for (let round = 0; round < rounds; round++) {
    const begun = processor()
    const scores = yield* scorer.score(batch)
    seconds.ours.push(processor() - begun)
    for (const way of ways) {
      const answer = torch(from, way)
      seconds[way].push(answer.seconds)
      for (const [at, score] of answer.scores.entries())
        apart = Math.max(apart, Math.abs(score - (scores[at] ?? Number.NaN)))
    }
  }
  const own = median(seconds.ours)
  console.log(
    `${config.num_hidden_layers} layers, ${pairs} pairs of ${tokens} tokens, processor seconds, median of ${rounds}`,
  )
  console.log("| | seconds | to ours |\n| --- | --: | --: |")
  for (const [name, values] of Object.entries(seconds)) {
    console.log(`| ${name} | ${median(values).toFixed(2)} | ${(median(values) / own).toFixed(2)} |`)
  }
  const kept = Math.min(median(seconds.last), median(seconds.batch)) >= 1.2 * own && apart <= 1e-3
  console.log(`largest difference of scores ${apart.toExponential(1)}; 1.2 times ${kept ? "kept" : "BROKEN"}`)
  if (!kept) process.exitCode = 1
})

await Effect.runPromise(main.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
