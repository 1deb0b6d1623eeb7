/**
 * Claim: a list of 200 candidates trains in the memory of a list of 20, with the same gradient as in one piece. An encoder of
 * T5's kind, 4 layers of width 256, texts of 128 tokens, 2,560 tokens a micro-batch.
 *
 *     npm run bench trainMemory
 *
 * Each length has a process of its own; what is compared is the most memory that it ever held.
 */
import { spawnSync } from "node:child_process"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { decodeConfig, elements, layerOnnxRuntime, modelGraph, normalWeights, openTrainer } from "../neural/index.ts"
import { OptimizerSettings } from "../schemas/index.ts"

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

/** Three steps on one list of m texts; the largest resident size of the process in the end. */
const train = (m: number, tokensPerMicroBatch: number) =>
  Effect.gen(function* () {
    const { architecture } = yield* decodeConfig(config)
    const { tensors } = yield* modelGraph({ architecture, head })
    const weights = new Map(tensors.map(({ name, shape }) => [name, normalWeights(1, name, elements(shape), 0.05)]))
    const trainer = yield* openTrainer({
      description: { architecture, head },
      weights,
      loss: { kind: "softmax" },
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({}),
      dropout: 0,
      seed: 1,
      device: "cpu",
      tokensPerMicroBatch,
    })
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

const [, , length, budget] = process.argv
if (length !== undefined && budget !== undefined) await Effect.runPromise(train(Number(length), Number(budget)))
else {
  const measure = (m: number, tokens: number) => {
    const { stdout } = spawnSync(process.execPath, ["--import", "tsx", import.meta.filename, `${m}`, `${tokens}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    })
    return Schema.decodeSync(Outcome)(stdout.trim())
  }
  const [short, long, whole] = [measure(20, 2560), measure(200, 2560), measure(200, 200 * tokensPerText)]
  const show = (what: string, { megabytes, norm, seconds }: typeof short): void =>
    console.log(
      `${what.padEnd(34)} ${megabytes.toFixed(0).padStart(6)} MB   ${seconds.toFixed(2)} s a step   gradient norm ${norm.toPrecision(7)}`,
    )
  show("20 texts, one micro-batch", short)
  show("200 texts, ten micro-batches", long)
  show("200 texts, all at once", whole)
  console.log(`200 texts take ${(long.megabytes / short.megabytes).toFixed(2)} times the memory of 20`)
}
