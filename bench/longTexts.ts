/**
 * How much faster an encoder with local layers (ModernBERT-base's size) scores long texts on the CPU than transformers with PyTorch's
 * fused attention does, which compares every token with every other in local layers too.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench longTexts      (a Python with torch and transformers; without, ours alone)
 *     RANKDAG_BENCH_LENGTHS=512,2048   tokens of a text
 *     RANKDAG_BENCH_TURNS=3            texts of each length
 *
 * Random weights, one thread, one text at a time; both take turns, and are measured in processor time.
 */
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { convertCheckpoint, layerOnnxRuntime, openScorer } from "../neural/index.ts"
import { modelFiles, Random } from "../schemas/index.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const python = process.env["RANKDAG_BENCH_PYTHON"]
const lengths = (process.env["RANKDAG_BENCH_LENGTHS"] ?? "512,2048").split(",").map(Number)
const turns = Number(process.env["RANKDAG_BENCH_TURNS"] ?? 3)

const vocabulary = 4096
const config = {
  model_type: "modernbert",
  architectures: ["ModernBertModel"],
  // Embeddings take no time, and these would only fill the disk.
  vocab_size: vocabulary,
  ...{ pad_token_id: 0, bos_token_id: 1, eos_token_id: 2, cls_token_id: 1, sep_token_id: 2 },
}
const head = "masked-mean"

const Answer = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, scores: Schema.Array(Schema.Number) }))

const processorSeconds = (): number => {
  const { system, user } = process.cpuUsage()
  return (system + user) / 1e6
}

/** transformers in a process of its own, as rerank-python.py answers. */
class Peer {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #answers: AsyncIterator<string>

  constructor(folder: string, texts: string) {
    const script = join(import.meta.dirname, "rerank-python.py")
    const args = [script, "torch", folder, head, texts, "1"]
    this.#child = spawn(python ?? "", args, { stdio: ["pipe", "pipe", "inherit"] })
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  async line(): Promise<string> {
    const { done, value } = await this.#answers.next()
    if (done === true) throw new Error("the peer ended")
    return value
  }

  async ask(text: number): Promise<typeof Answer.Type> {
    this.#child.stdin.write(`${text} ${text + 1} 1\n`)
    return Schema.decodeSync(Answer)(await this.line())
  }

  close(): void {
    this.#child.stdin.end()
  }
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const main = Effect.gen(function* () {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-long-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  const [from, to] = [join(folder, "checkpoint"), join(folder, "model")]
  mkdirSync(from)
  mkdirSync(to)
  yield* writeRandomCheckpoint(from, config, { kind: head }, "F32")
  const maximumTokens = Math.max(...lengths)
  yield* convertCheckpoint({ from, to, head: { kind: head }, maximumTokens })
  const random = new Random(1)
  const texts = [...lengths]
    .sort((a, b) => a - b)
    .flatMap((length) =>
      Array.from({ length: turns + 1 }, () => {
        const ids = Array.from({ length }, () => 3 + random.below(vocabulary - 3))
        return { ids, types: ids.map(() => 0) }
      }),
    )
  const file = join(folder, "texts.json")
  writeFileSync(file, JSON.stringify(texts))
  const scorer = yield* openScorer({ path: join(to, modelFiles.graph) }, { device: "cpu", threads: 1, lanes: 1 })
  const peer = python === undefined ? undefined : new Peer(from, file)
  if (peer !== undefined) yield* Effect.promise(() => peer.line())
  let apart = 0
  for (const [at, length] of [...lengths].sort((a, b) => a - b).entries()) {
    const [ours, theirs]: [number[], number[]] = [[], []]
    // The first turn warms both up.
    for (let turn = 0; turn <= turns; turn++) {
      const text = at * (turns + 1) + turn
      const start = processorSeconds()
      const [score = Number.NaN] = yield* scorer.score([texts[text]!])
      if (turn > 0) ours.push(processorSeconds() - start)
      if (peer === undefined) continue
      const answer = yield* Effect.promise(() => peer.ask(text))
      if (turn > 0) theirs.push(answer.seconds)
      apart = Math.max(apart, Math.abs(score - (answer.scores[0] ?? Number.NaN)))
    }
    const against =
      peer === undefined
        ? ""
        : `, transformers ${median(theirs).toFixed(2)} s, ${(median(theirs) / median(ours)).toFixed(2)} times as fast`
    console.log(`${length} tokens: rankdag ${median(ours).toFixed(2)} s${against}`)
  }
  if (peer !== undefined) console.log(`largest difference of a score ${apart.toExponential(1)}`)
  peer?.close()
})

await Effect.runPromise(Effect.scoped(main).pipe(Effect.provide(layerOnnxRuntime)))
