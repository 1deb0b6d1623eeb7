/**
 * Question: what do weights that stay in fewer bits (`train.lora.base`) do to the gradients of adapters, and to what is learnt? For each
 * family the error of a step's gradient beside fp32's; for a MiniLM beside SciFact's queries, the losses of a training and how it ranks
 * queries that it has not seen, with each. docs/PRECISION.md has the answers.
 *
 *     RANKDAG_BENCH_MINILM=<folder of all-MiniLM-L6-v2> RANKDAG_BENCH_COLLECTION=<scifact, as BEIR has it> npm run bench frozenBase
 *     RANKDAG_BENCH_STEPS: of each training, 40 if nothing is said; RANKDAG_BENCH_SEEDS: 3 if nothing is said
 *
 * Without the folders the families alone are asked, with random weights.
 */
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type BaseStorage,
  convertCheckpoint,
  decodeConfig,
  freezeModel,
  type Head,
  initialFactors,
  layerOnnxRuntime,
  type ModelDescription,
  modelGraph,
  normalWeights,
  openTokenizer,
  openTrainer,
  openWeights,
  pairInput,
  planAdapters,
  readConfig,
  type TokenSequence,
  type Trainer,
  type TrainerState,
  type TrainingStep,
} from "../neural/index.ts"
import { LoraSettings, modelFiles, OptimizerSettings, Random } from "../schemas/index.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"

const head: Head = { kind: "masked-mean" }
const storages: readonly BaseStorage[] = ["fp32", "bf16", "int8"]
const steps = Number(process.env["RANKDAG_BENCH_STEPS"] ?? 40)
const seeds = Number(process.env["RANKDAG_BENCH_SEEDS"] ?? 3)
const [lists, m, tokens] = [2, 4, 96] as const

const families = {
  "BERT, random": { ...miniLmConfig, num_hidden_layers: 6 },
  "T5, random": {
    model_type: "t5",
    d_model: 512,
    d_kv: 64,
    d_ff: 2048,
    num_layers: 6,
    num_heads: 8,
    vocab_size: 4096,
    feed_forward_proj: "relu",
  },
  "T5Gemma, random": {
    model_type: "t5gemma",
    encoder: {
      vocab_size: 4096,
      hidden_size: 512,
      intermediate_size: 1536,
      num_hidden_layers: 6,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      head_dim: 64,
    },
  },
} as const

/** The forms of a model's weights, each in a folder below the model's. */
const frozenIn = (folder: string, description: ModelDescription) =>
  Effect.gen(function* () {
    for (const weights of ["bf16", "int8"] as const) {
      mkdirSync(join(folder, weights))
      yield* freezeModel({ from: folder, to: join(folder, weights), description, weights })
    }
  })

/** A trainer of adapters of rank 8 beside a model in one of its forms; both factors are drawn, so that every change matters. */
const trainerOf = (folder: string, description: ModelDescription, storage: BaseStorage, seed: number, drawn: boolean) =>
  Effect.gen(function* () {
    const settings = Schema.decodeUnknownSync(LoraSettings)({ rank: 8 })
    const adapters = yield* planAdapters(description, settings)
    const model = yield* modelGraph(description)
    const own = storage === "fp32" ? folder : join(folder, storage)
    const { tensors } = yield* openWeights(join(own, modelFiles.weights))
    const locations = new Map(
      [...tensors.values()].map(({ name, offset }) => [name, { file: modelFiles.weights, offset }]),
    )
    const weights = new Map<string, Float32Array>(initialFactors(adapters, seed))
    for (const [name, values] of weights) {
      if (drawn && name.includes("lora_B")) weights.set(name, normalWeights(seed, name, values.length, 0.02))
    }
    for (const { name, shape } of model.tensors) {
      if (adapters.full.includes(name)) {
        weights.set(
          name,
          normalWeights(
            seed,
            name,
            shape.reduce((a, b) => a * b, 1),
            name.endsWith("bias") ? 0 : 0.05,
          ),
        )
      }
    }
    return yield* openTrainer({
      description,
      adapters,
      weights,
      base: { folder: own, locations, storage, fingerprint: "" },
      prepack: false,
      loss: { kind: "softmax" },
      optimizer: Schema.decodeUnknownSync(OptimizerSettings)({ clip: 1 }),
      dropout: 0,
      seed,
      device: "cpu",
    })
  })

const stepOf = (step: number, texts: readonly TokenSequence[], rate: number): TrainingStep => ({
  step,
  lists,
  m,
  texts,
  grades: Float32Array.from({ length: lists * m }, (_, item) => (item % m === 0 ? 1 : 0)),
  mask: new Uint8Array(lists * m).fill(1),
  learningRates: [rate],
})

/** ‖a − b‖ / ‖b‖ of the first moments after one step, over all that is trained, and the cosine between both. */
const apart = (a: TrainerState, b: TrainerState) => {
  let [difference, product, own, other] = [0, 0, 0, 0]
  for (const [name, values] of b.tensors) {
    if (!name.startsWith("first:")) continue
    const found = a.tensors.get(name)
    values.forEach((value, i) => {
      const each = found?.[i] ?? Number.NaN
      difference += (each - value) ** 2
      product += each * value
      own += each ** 2
      other += value ** 2
    })
  }
  return { error: Math.sqrt(difference / other), cosine: product / Math.sqrt(own * other) }
}

const folderOfOwn = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rankdag-frozen-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
)

const gradients = (name: string, folder: string, description: ModelDescription, texts: readonly TokenSequence[]) =>
  Effect.gen(function* () {
    const states = new Map<BaseStorage, TrainerState>()
    for (const storage of storages) {
      const made = Effect.gen(function* () {
        const trainer = yield* trainerOf(folder, description, storage, 1, true)
        yield* trainer.step(stepOf(0, texts, 1e-4))
        return trainer.state()
      })
      states.set(storage, yield* Effect.scoped(made))
    }
    const exact = states.get("fp32")
    for (const storage of ["bf16", "int8"] as const) {
      const found = states.get(storage)
      if (exact === undefined || found === undefined) continue
      const { cosine, error } = apart(found, exact)
      console.log(
        `${name.padEnd(18)} ${storage}: the gradient is ${error.toPrecision(2)} of its length apart, cosine ${cosine.toFixed(5)}`,
      )
    }
  })

const random = (name: string, config: Readonly<Record<string, unknown>>) =>
  Effect.gen(function* () {
    const folder = yield* folderOfOwn
    yield* writeRandomCheckpoint(folder, config, head, "F32")
    const { architecture } = yield* decodeConfig(config)
    const description = { architecture, head }
    yield* frozenIn(folder, description)
    const texts = Array.from({ length: lists * m }, (_, item) => ({
      ids: Int32Array.from({ length: tokens }, (_each, at) => 5 + ((item * 7919 + at * 104_729) % 4000)),
    }))
    yield* gradients(name, folder, description, texts)
  }).pipe(Effect.scoped)

const Line = Schema.parseJson(
  Schema.Struct({ _id: Schema.String, title: Schema.optional(Schema.String), text: Schema.String }),
)
const readTexts = async (path: string): Promise<ReadonlyMap<string, string>> => {
  const found = new Map<string, string>()
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const { _id, text, title } = Schema.decodeSync(Line)(line)
    found.set(_id, title === undefined ? text : `${title} ${text}`)
  }
  return found
}

/** Queries with a relevant passage of theirs, of a split. */
const judged = (folder: string, split: string) =>
  readFileSync(join(folder, "qrels", `${split}.tsv`), "utf8")
    .split("\n")
    .slice(1)
    .flatMap((line) => {
      const [query = "", passage = "", grade] = line.split("\t")
      return Number(grade) > 0 ? [{ query, passage }] : []
    })

/** Trainings of a MiniLM as a cross-encoder, and the share of unseen queries whose relevant passage comes first among four. */
const learnt = (source: string, collection: string) =>
  Effect.gen(function* () {
    const folder = yield* folderOfOwn
    yield* convertCheckpoint({ from: source, to: folder, head: { kind: "embedding" }, maximumTokens: tokens })
    const { architecture } = yield* readConfig(source)
    const bare = { architecture, head: { kind: "embedding" } as const, maximumTokens: tokens }
    yield* frozenIn(folder, bare)
    const description = { architecture, head, maximumTokens: tokens }
    const { tokenizer } = yield* openTokenizer(source)
    const pairs = yield* pairInput("pair", tokenizer, tokens)
    const [passages, queries] = yield* Effect.promise(() =>
      Promise.all([readTexts(join(collection, "corpus.jsonl")), readTexts(join(collection, "queries.jsonl"))]),
    )
    const names = [...passages.keys()]
    const text = (query: string, passage: string): TokenSequence => {
      const [ids, types] = [new Int32Array(tokens), new Int32Array(tokens)]
      const [first, second] = [queries.get(query) ?? "", passages.get(passage) ?? ""].map((each) =>
        tokenizer.encode(each),
      )
      if (first === undefined || second === undefined) return { ids: [] }
      const length = pairs.write(first, second, ids, 0, types)
      return { ids: ids.slice(0, length), types: types.slice(0, length) }
    }
    const listOf = ({ passage, query }: { readonly passage: string; readonly query: string }, draw: Random) => [
      text(query, passage),
      ...Array.from({ length: m - 1 }, () => text(query, names[Math.floor(draw.unit() * names.length)] ?? "")),
    ]
    const [seen, unseen] = [judged(collection, "train"), judged(collection, "test").slice(0, 100)]
    const tests = unseen.flatMap((each, at) => listOf(each, new Random(99, at)))
    yield* gradients("all-MiniLM-L6-v2", folder, description, [
      ...listOf(seen[0] ?? { passage: "", query: "" }, new Random(1, 0)),
      ...listOf(seen[1] ?? { passage: "", query: "" }, new Random(1, 1)),
    ])
    const measured = (trainer: Trainer) =>
      Effect.map(trainer.score(tests), (scores) => {
        const first = unseen.filter((_, at) =>
          scores.subarray(at * m + 1, (at + 1) * m).every((score) => score < (scores[at * m] ?? 0)),
        )
        return { first: first.length / unseen.length, scores }
      })
    for (let seed = 1; seed <= seeds; seed++) {
      let exact: Float32Array | undefined
      for (const storage of storages) {
        const one = Effect.gen(function* () {
          const trainer = yield* trainerOf(folder, description, storage, seed, false)
          const losses: number[] = []
          for (let step = 0; step < steps; step++) {
            const own = [0, 1].map((list) => seen[(seed * 331 + step * lists + list) % seen.length])
            const texts = own.flatMap((each, list) =>
              each === undefined ? [] : listOf(each, new Random(seed, step, list)),
            )
            losses.push((yield* trainer.step(stepOf(step, texts, 1e-3))).loss)
          }
          return { losses, ...(yield* measured(trainer)) }
        })
        const { first, losses, scores } = yield* Effect.scoped(one)
        exact ??= scores
        let [alike, all] = [0, 0]
        for (let at = 0; at < unseen.length; at++) {
          for (let i = 0; i < m; i++) {
            for (let j = i + 1; j < m; j++) {
              const [a, b] = [at * m + i, at * m + j]
              all++
              if (Math.sign(scores[a]! - scores[b]!) === Math.sign(exact[a]! - exact[b]!)) alike++
            }
          }
        }
        const quarter = losses.slice(-Math.ceil(steps / 4))
        const last = quarter.reduce((sum, loss) => sum + loss, 0) / quarter.length
        console.log(
          `seed ${seed}, ${storage}: loss ${(losses[0] ?? 0).toFixed(4)} at first, ${last.toFixed(4)} in the last quarter; first of four in ${(100 * first).toFixed(0)} % of ${unseen.length} queries; ${((100 * alike) / all).toFixed(1)} % of pairs as after fp32`,
        )
      }
    }
  }).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  for (const [name, config] of Object.entries(families)) yield* random(name, config)
  const [source, collection] = [process.env["RANKDAG_BENCH_MINILM"], process.env["RANKDAG_BENCH_COLLECTION"]]
  if (source === undefined || collection === undefined) console.log("RANKDAG_BENCH_MINILM or _COLLECTION is not set")
  else yield* learnt(source, collection)
})
await Effect.runPromise(program.pipe(Effect.provide(layerOnnxRuntime)))
