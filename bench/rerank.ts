/**
 * Claims: on the CPU we score at least 1.3 times as many pairs a second as transformers with PyTorch, and at least as many as
 * onnxruntime in Python does with an export of the transformers model; MiniLM-L6 and an encoder of T5-base's size, scores from
 * the first token and from the mean.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench rerank      (a Python with torch, transformers, onnx and onnxruntime)
 *     RANKDAG_BENCH_MINILM=…        folder of all-MiniLM-L6-v2 in Hugging Face layout; without, random weights of its shape
 *     RANKDAG_BENCH_PAIRS=2000      how many pairs, spread evenly over the 2,000
 *     RANKDAG_BENCH_MODELS, RANKDAG_BENCH_HEADS, RANKDAG_BENCH_SYSTEMS, RANKDAG_BENCH_THREADS: a part of it
 *
 * The pairs are BM25's best 100 of 20 queries of SciFact (../shared), up to 256 tokens. Every system gets the same token ids
 * and the same weights, chooses the batch size that suits it best (ours is the stage's own), and takes its turn at slices of the
 * pairs, so that noise meets all of them; one thread is measured in processor time, which the rest of the machine disturbs least.
 * PyTorch runs under inference_mode with its fused attention; `compiled` is the same through torch.compile.
 * Then a profile says where our time goes, and how near the matrix products come to the fastest one that was measured.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { availableParallelism, tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  convertCheckpoint,
  layerOnnxRuntime,
  normalWeights,
  openScorer,
  openTokenizer,
  type PairTemplate,
  packBatches,
  pairInput,
  rankT5Template,
  type Scorer,
  scoringLanes,
  type TokenSequence,
  usualTokensPerBatch,
} from "../neural/index.ts"
import { modelFiles, passageText } from "../schemas/index.ts"
import { Bm25Searcher, defaultBm25, queryAnalyzer } from "../stages/retrieve/Bm25.ts"
import { docidAt } from "../stages/retrieve/Docids.ts"
import { IndexBuilder } from "../stages/retrieve/InvertedIndex.ts"
import { miniLmConfig } from "./support/miniLmConfig.ts"
import { clock, peakOf, product, profileOf } from "./support/onnxProfile.ts"
import { writeRandomCheckpoint } from "./support/randomCheckpoint.ts"
import { Server } from "./support/Server.ts"

const listed = (name: string, all: readonly string[]): readonly string[] => process.env[name]?.split(",") ?? all
const python = process.env["RANKDAG_BENCH_PYTHON"]
const minilm = process.env["RANKDAG_BENCH_MINILM"]
const pairCount = Number(process.env["RANKDAG_BENCH_PAIRS"] ?? 2000)
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? availableParallelism())
const shared = join(import.meta.dirname, "../../shared")

const maximumTokens = 256
const queryCount = 20
const depth = 100
const budgets = [256, 512, 1024, 2048]
/** Pairs of one turn, and those on which the batch size is chosen. */
const sliceSize = 200
const trialSize = 32

interface BenchModel {
  readonly name: string
  readonly tokenizer: string
  readonly template: PairTemplate
  /** Where its weights are; undefined where they are drawn. */
  readonly folder: string | undefined
  readonly config: Readonly<Record<string, unknown>>
}

const models: readonly BenchModel[] = [
  {
    name: "MiniLM-L6",
    tokenizer: join(shared, "models/bert-uncased-tokenizer"),
    template: "pair",
    folder: minilm,
    config: miniLmConfig,
  },
  {
    name: "T5-base",
    tokenizer: join(shared, "models/t5-tokenizer"),
    template: rankT5Template,
    folder: undefined,
    config: {
      model_type: "t5",
      d_model: 768,
      d_kv: 64,
      d_ff: 2048,
      num_layers: 12,
      num_heads: 12,
      vocab_size: 32128,
      feed_forward_proj: "gated-gelu",
      tie_word_embeddings: false,
    },
  },
]
const heads = ["first-token", "masked-mean"] as const
type HeadName = (typeof heads)[number]

const Pairs = Schema.parseJson(
  Schema.Array(Schema.Struct({ ids: Schema.Array(Schema.Int), types: Schema.Array(Schema.Int) })),
)
const Text = Schema.parseJson(
  Schema.Struct({ _id: Schema.String, title: Schema.optional(Schema.String), text: Schema.String }),
)

const lines = (path: string): readonly string[] => readFileSync(path, "utf8").trimEnd().split("\n")

/** The texts of the pairs: the best passages of some test queries, as BM25 has them. */
const readPairs = (): readonly (readonly [query: string, passage: string])[] => {
  const folder = join(shared, "data/scifact")
  const passages = new Map<string, string>()
  const builder = new IndexBuilder()
  for (const line of lines(join(folder, "corpus.jsonl"))) {
    const { _id, text, title } = Schema.decodeSync(Text)(line)
    passages.set(_id, passageText(title ?? null, text))
    builder.add(_id, passageText(title ?? null, text))
  }
  const index = builder.finish()
  const searcher = new Bm25Searcher(index, defaultBm25)
  const analyze = queryAnalyzer(index)
  const test = new Set(lines(join(folder, "qrels/test.tsv")).map((line) => line.split("\t")[0]))
  const queries = lines(join(folder, "queries.jsonl"))
    .map((line) => Schema.decodeSync(Text)(line))
    .filter(({ _id }) => test.has(_id))
  const step = Math.floor(queries.length / queryCount)
  return queries
    .filter((_, i) => i % step === 0)
    .slice(0, queryCount)
    .flatMap(({ text }) =>
      [...searcher.search(analyze(text), depth).docs].map(
        (doc) => [text, passages.get(docidAt(index.docids, doc)) ?? ""] as const,
      ),
    )
}

/** Token ids of the pairs, shortest first. */
const tokenize = (model: BenchModel, texts: ReturnType<typeof readPairs>) =>
  Effect.gen(function* () {
    const { tokenizer } = yield* openTokenizer(model.tokenizer)
    const input = yield* pairInput(model.template, tokenizer, maximumTokens)
    const step = texts.length / Math.min(pairCount, texts.length)
    const chosen = texts.filter((_, i) => Math.floor((i + 1) / step) > Math.floor(i / step))
    return chosen
      .map(([query, passage]) => {
        const [ids, types] = [new Int32Array(maximumTokens), new Int32Array(maximumTokens)]
        const length = input.write(input.query(query), input.passage(passage), ids, 0, types)
        return { ids: [...ids.subarray(0, length)], types: [...types.subarray(0, length)] }
      })
      .sort((a, b) => a.ids.length - b.ids.length)
  })

const weightBytesOf = (folder: string): number => statSync(join(folder, modelFiles.weights)).size

/** Our own side: answers requests as rerank-python.py does. */
const serve = (folder: string, pairsFile: string) =>
  Effect.gen(function* () {
    const pairs = Schema.decodeSync(Pairs)(readFileSync(pairsFile, "utf8"))
    const lanes = scoringLanes(weightBytesOf(folder), threads)
    const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, { device: "cpu", threads, lanes })
    const requests = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
    console.log("ready")
    for (;;) {
      const request = yield* Effect.promise(() => requests.next())
      if (request.done === true) return
      const [begin = 0, end = 0, budget = 0] = request.value.split(" ").map(Number)
      const start = clock(threads)
      const scores = yield* scoreAll(scorer, pairs.slice(begin, end), budget)
      console.log(JSON.stringify({ seconds: clock(threads) - start, scores: [...scores] }))
    }
  })

/** Scores in the order of the texts. */
const scoreAll = (scorer: Scorer, texts: readonly TokenSequence[], budget: number) =>
  Effect.gen(function* () {
    const scores = new Float32Array(texts.length)
    const lengths = texts.map(({ ids }) => ids.length)
    const { order, starts } = packBatches(lengths, budget)
    const score = (batch: number) =>
      Effect.gen(function* () {
        const members = order.subarray(starts[batch], starts[batch + 1])
        const values = yield* scorer.score([...members].map((member) => texts[member]!))
        members.forEach((member, row) => {
          scores[member] = values[row]!
        })
      })
    yield* Effect.forEach(
      Array.from({ length: starts.length - 1 }, (_, batch) => batch),
      score,
      {
        concurrency: scorer.lanes,
      },
    )
    return scores
  })

/** Threads of the one before go on spinning for a while. */
const rest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 200))

/** The budget with which a system scores some pairs fastest, each tried twice. */
const bestBudget = async (server: Server, begin: number, end: number): Promise<number> => {
  const seconds: number[] = []
  for (const budget of budgets) {
    const first = await server.ask(begin, end, budget)
    const second = await server.ask(begin, end, budget)
    seconds.push(Math.min(first.seconds, second.seconds))
  }
  return budgets[seconds.indexOf(Math.min(...seconds))]!
}

interface Figures {
  budget: number
  /** Of each slice. */
  readonly seconds: number[]
  readonly scores: number[]
}

/** Lets the systems take turns at the slices of the pairs. */
const compete = async (
  servers: ReadonlyMap<string, Server>,
  count: number,
  ownBudget: number,
): Promise<ReadonlyMap<string, Figures>> => {
  const figures = new Map<string, Figures>()
  const middle = Math.max(0, Math.floor((count - trialSize) / 2))
  for (const [system, server] of servers) {
    await server.ready
    const budget =
      system === "rankdag" ? ownBudget : await bestBudget(server, middle, Math.min(count, middle + trialSize))
    figures.set(system, { budget, seconds: [], scores: [] })
    await rest()
  }
  for (let begin = 0; begin < count; begin += sliceSize) {
    for (const [system, server] of servers) {
      const own = figures.get(system)
      if (own === undefined) continue
      const { scores, seconds } = await server.ask(begin, Math.min(count, begin + sliceSize), own.budget)
      own.seconds.push(seconds)
      own.scores.push(...scores)
      await rest()
    }
  }
  await Promise.all([...servers.values()].map((server) => server.close()))
  return figures
}

/** The profile of our own side at the pairs. */
const ownProfile = (folder: string, texts: readonly TokenSequence[], budget: number) =>
  profileOf(folder, (profile) =>
    Effect.gen(function* () {
      const options = { device: "cpu", threads, profile } as const
      const scorer = yield* openScorer({ path: join(folder, modelFiles.graph) }, options)
      yield* scoreAll(scorer, texts, budget)
    }),
  )

const row = (...cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`)

const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((largest, value, i) => Math.max(largest, Math.abs(value - b[i]!)), 0)

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)

/** A folder with the model as we convert it: our graph, and the weights that all systems load. */
const prepare = (model: BenchModel, head: HeadName, folder: string) =>
  Effect.gen(function* () {
    const [from, to] = [join(folder, "checkpoint"), join(folder, head)]
    for (const made of [from, to]) mkdirSync(made, { recursive: true })
    if (model.folder === undefined) yield* writeRandomCheckpoint(from, model.config, { kind: "masked-mean" }, "F32")
    const source = model.folder ?? from
    const freshHead = (name: string, shape: readonly number[]) => normalWeights(1, name, product(shape), 0.05)
    yield* convertCheckpoint({ from: source, to, head: { kind: head }, maximumTokens, freshHead })
    copyFileSync(join(source, modelFiles.config), join(to, modelFiles.config))
    return to
  })

const systemsHere = (): readonly string[] => {
  const others = listed("RANKDAG_BENCH_SYSTEMS", ["torch", "compiled", "onnxruntime"])
  return python === undefined ? [] : others
}

const compare = (model: BenchModel, head: HeadName, folder: string, texts: ReturnType<typeof readPairs>) =>
  Effect.gen(function* () {
    const pairs = yield* tokenize(model, texts)
    const pairsFile = join(folder, "pairs.json")
    writeFileSync(pairsFile, JSON.stringify(pairs))
    const to = yield* prepare(model, head, folder)
    const ours = ["--import", "tsx", import.meta.filename, "serve", to, pairsFile]
    const script = join(import.meta.dirname, "rerank-python.py")
    const servers = new Map([["rankdag", new Server(process.execPath, ours)]])
    for (const system of systemsHere()) {
      const args = ["-W", "ignore", script, system, to, head, pairsFile, String(threads)]
      servers.set(system, new Server(python ?? "", args))
    }
    const ownBudget = usualTokensPerBatch("cpu", weightBytesOf(to), threads)
    const figures = yield* Effect.promise(() => compete(servers, pairs.length, ownBudget))
    const own = figures.get("rankdag")
    if (own === undefined) return
    for (const [system, { budget, scores, seconds }] of figures) {
      const ratios = seconds.map((each, i) => each / own.seconds[i]!).sort((a, b) => a - b)
      row(
        model.name,
        head,
        system,
        String(budget),
        (pairs.length / sum(seconds)).toFixed(2),
        system === "rankdag" ? "" : (sum(seconds) / sum(own.seconds)).toFixed(2),
        system === "rankdag" ? "" : (ratios[Math.floor(ratios.length / 2)] ?? 0).toFixed(2),
        system === "rankdag" ? "" : largestDifference(scores, own.scores).toExponential(1),
      )
    }
    return { budget: own.budget, to, texts: pairs.filter((_, i) => i % Math.ceil(pairs.length / 40) === 0) }
  })

const main = Effect.gen(function* () {
  if (!existsSync(shared)) return console.log("Left out: ../shared is not there")
  if (python === undefined) console.log("The others are left out: RANKDAG_BENCH_PYTHON is not set")
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-rerank-"))
  yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(folder, { recursive: true })))
  const texts = readPairs()
  console.log(`${Math.min(pairCount, texts.length)} pairs, ${threads} threads, MiniLM's weights ${minilm ?? "random"}`)
  row("model", "head", "system", "tokens a batch", "pairs/s", "we are faster by", "median of slices", "largest Δ score")
  row(...new Array<string>(8).fill("---"))
  const profiled: string[] = []
  const most = yield* peakOf(threads)
  for (const model of models.filter(({ name }) => listed("RANKDAG_BENCH_MODELS", [name]).includes(name))) {
    for (const head of heads.filter((name) => listed("RANKDAG_BENCH_HEADS", [name]).includes(name))) {
      const done = yield* compare(model, head, mkdtempSync(join(folder, "model-")), texts)
      if (done === undefined) continue
      const { operations, seconds } = yield* ownProfile(done.to, done.texts, done.budget)
      const all = sum([...seconds.values()])
      const share = (of: number): string => `${((100 * of) / all).toFixed(1)} %`
      const products = seconds.get("products") ?? 0
      const rate = operations / products
      const shares = [...seconds].sort(([, a], [, b]) => b - a).map(([kind, time]) => `${kind} ${share(time)}`)
      profiled.push(
        `${model.name} ${head}: matrix products at ${(rate / 1e9).toFixed(0)} GFLOP/s, ${((100 * rate) / most).toFixed(0)} % ` +
          `of the most measured; ${shares.slice(0, 8).join(", ")}`,
      )
    }
  }
  console.log(`\nThe fastest product measured: ${(most / 1e9).toFixed(0)} GFLOP/s. By onnxruntime's profile:`)
  for (const line of profiled) console.log(`- ${line}`)
})

const [mode, folder, pairsFile] = process.argv.slice(2)
const program = mode === "serve" && folder !== undefined && pairsFile !== undefined ? serve(folder, pairsFile) : main
await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime)))
