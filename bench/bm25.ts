/**
 * Claims: our BM25 indexes at least four times as many passages a second as wink-bm25-text-search, on one core, and at
 * least as many as bm25s; a first pass over queries costs at most 1.15 times a later one; the index has at most 1.6 times Lucene's bytes; it answers at least ten times as many queries a second (top 1000) as wink at 100,000 passages,
 * and more than bm25s with its numba backend at 50,000, 100,000 and 1,000,000 passages of one collection.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench bm25      (a Python with bm25s, numba and PyStemmer)
 *     RANKDAG_BENCH_LUCENE='jars/*:classes'                 (Lucene's jars and Bm25Lucene.java compiled, for Java 21)
 *     RANKDAG_BENCH_SIZES=50000,100000                      (default 50000,100000,1000000)
 *
 * Texts: where ../shared is, passages of MS MARCO cut up and mixed again (so that a million have its words, in its
 * proportions) and its dev queries; else the synthetic collection and its questions. Each figure is of a fresh process; the
 * texts are in memory before the clock starts. One thread is measured in processor time (which the rest of the machine
 * disturbs least) and includes, for wink and us, analysing the queries; bm25s gets them tokenized. Two threads are wall time.
 */
import { spawnSync } from "node:child_process"
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import * as Schema from "effect/Schema"
import { defaultLand, passagesOf, questionsOf, surveyLand } from "../stages/ingest/synthetic/Land.ts"

const sizes = (process.env["RANKDAG_BENCH_SIZES"] ?? "50000,100000,1000000").split(",").map(Number)
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 3)
const python = process.env["RANKDAG_BENCH_PYTHON"]
const luceneClasses = process.env["RANKDAG_BENCH_LUCENE"]
const queryCount = 1000
const winkQueries = 50
const winkLimit = 100_000
const k = 1000

const Time = Schema.Struct({ cpu: Schema.Number, wall: Schema.Number })
const Figures = Schema.Struct({
  indexing: Time,
  search: Schema.Array(Time),
  /** First passes, each of a searcher of its own, when code is warm. */
  cold: Schema.optional(Schema.Array(Time)),
  /** The stored index. */
  bytes: Schema.optional(Schema.Number),
  rss: Schema.Number,
})
type Figures = typeof Figures.Type

const readLines = (path: string): Array<string> => {
  // Larger than a string may be: decoded piece by piece.
  const bytes = readFileSync(path)
  const lines: Array<string> = []
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(10, from)
    lines.push(bytes.toString("utf8", from, to))
    from = to + 1
  }
  return lines
}

const timed = async <A>(work: () => A | Promise<A>): Promise<readonly [A, typeof Time.Type]> => {
  const [cpu, wall] = [process.cpuUsage(), performance.now()]
  const result = await work()
  const { user, system } = process.cpuUsage(cpu)
  return [result, { cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 }]
}

const bytesOf = (folder: string): number =>
  readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)

/** One process of ours or wink's; prints its figures. */
const child = async (system: string, passages: string, queries: string, threads: number): Promise<Figures> => {
  const texts = readLines(passages)
  const asked = readLines(queries)
  const search: Array<typeof Time.Type> = []
  const rss = (): number => process.resourceUsage().maxRSS * 1024
  if (system === "wink") {
    const { WinkBm25 } = await import("../stages/retrieve/WinkBm25.ts")
    const engine = new WinkBm25({ k1: 0.9, b: 0.4, k: 1, maxPassages: texts.length })
    const [, indexing] = await timed(() => {
      texts.forEach((text, i) => engine.add(String(i), text))
      engine.finish()
    })
    for (let round = 0; round < rounds; round++) {
      const [, seconds] = await timed(() => asked.slice(0, winkQueries).forEach((text) => engine.search(text, k)))
      search.push(seconds)
    }
    return { indexing, search, rss: rss() }
  }
  const { IndexBuilder } = await import("../stages/retrieve/InvertedIndex.ts")
  const { Bm25Searcher, defaultBm25, queryAnalyzer } = await import("../stages/retrieve/Bm25.ts")
  const [index, indexing] = await timed(() => {
    const builder = new IndexBuilder()
    texts.forEach((text, i) => builder.add(String(i), text))
    return builder.finish()
  })
  const analyze = queryAnalyzer(index)
  const { readIndex, writeIndex } = await import("../stages/retrieve/IndexFiles.ts")
  if (threads === 1) {
    const cold: Array<typeof Time.Type> = []
    for (let round = 0; round <= rounds; round++) {
      const searcher = new Bm25Searcher(index, defaultBm25)
      const pass = (): void => asked.forEach((text) => searcher.search(analyze(text), k))
      const [, first] = await timed(pass)
      const [, later] = await timed(pass)
      if (round === 0) continue
      cold.push(first)
      search.push(later)
    }
    const peak = rss()
    const stored = mkdtempSync(join(tmpdir(), "rankdag-bench-index-"))
    writeIndex(stored, index)
    const bytes = bytesOf(stored)
    rmSync(stored, { recursive: true })
    return { indexing, search, cold, bytes, rss: peak }
  }
  const { SearchPool } = await import("../stages/retrieve/SearchPool.ts")
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-index-"))
  writeIndex(folder, index)
  const shared = readIndex(folder, { shared: true })
  rmSync(folder, { recursive: true })
  const worker = new URL("../stages/retrieve/searchThread.js", import.meta.url).pathname
  const pool = new SearchPool(shared, defaultBm25, threads, worker)
  for (let round = 0; round <= rounds; round++) {
    const [, seconds] = await timed(async () => {
      const batches: Array<Promise<unknown>> = []
      for (let from = 0; from < asked.length; from += 50) {
        batches.push(
          pool.search(
            asked.slice(from, from + 50).map((text) => analyze(text)),
            k,
          ),
        )
      }
      await Promise.all(batches)
    })
    if (round > 0) search.push(seconds)
  }
  await pool.close()
  return { indexing, search, rss: rss() }
}

const msmarco = new URL("../../shared/data/msmarco-passage-sub/", import.meta.url)

const writeLines = (path: string, lines: Iterable<string>): void => {
  const file = openSync(path, "w")
  let pending: Array<string> = []
  for (const line of lines) {
    pending.push(line.replaceAll("\n", " "))
    if (pending.length === 10_000) {
      writeSync(file, `${pending.join("\n")}\n`)
      pending = []
    }
  }
  if (pending.length > 0) writeSync(file, `${pending.join("\n")}\n`)
  closeSync(file)
}

const Text = Schema.parseJson(Schema.Struct({ _id: Schema.String, text: Schema.String }))
const textOf = Schema.decodeUnknownSync(Text)

/** Passages of MS MARCO's lengths, made of runs of 4 to 11 words of its passages. */
function* mixed(count: number): Generator<string> {
  const lines = gunzipSync(readFileSync(new URL("corpus.jsonl.gz", msmarco)))
    .toString("utf8")
    .trimEnd()
    .split("\n")
  const words = lines.map((line) => textOf(line).text.split(/\s+/))
  let state = 12_345
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
  for (let i = 0; i < count; i++) {
    const length = words[random(words.length)]!.length
    const text: Array<string> = []
    while (text.length < length) {
      const source = words[random(words.length)]!
      const from = random(source.length)
      text.push(...source.slice(from, from + Math.min(4 + random(8), length - text.length)))
    }
    yield text.join(" ")
  }
}

function* take<A>(count: number, from: Iterable<A>): Generator<A> {
  let taken = 0
  for (const each of from) {
    if (taken++ === count) return
    yield each
  }
}

/** Writes the texts of one size and returns their files. */
const prepare = (folder: string, size: number): { readonly passages: string; readonly queries: string } => {
  const [passages, queries] = [join(folder, `passages-${size}.txt`), join(folder, `queries-${size}.txt`)]
  if (existsSync(msmarco)) {
    writeLines(passages, mixed(size))
    const dev = new Set(
      readFileSync(new URL("qrels/dev.tsv", msmarco), "utf8")
        .split("\n")
        .map((line) => line.split("\t")[0]),
    )
    const asked = readFileSync(new URL("queries.jsonl", msmarco), "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => textOf(line))
      .filter(({ _id }) => dev.has(_id))
    writeLines(
      queries,
      asked.slice(0, queryCount).map(({ text }) => text),
    )
    return { passages, queries }
  }
  const land = surveyLand({ ...defaultLand, passages: size })
  const towns = function* (): Generator<string> {
    for (const town of passagesOf(land)) for (const { text } of town) yield text
  }
  const questions = function* (): Generator<string> {
    for (const { text } of questionsOf(land)) yield text
  }
  writeLines(passages, take(size, towns()))
  writeLines(queries, take(queryCount, questions()))
  return { passages, queries }
}

const decodeFigures = Schema.decodeUnknownSync(Schema.parseJson(Figures))

const ours = (system: string, files: ReturnType<typeof prepare>, threads: number): Figures => {
  const memory = ["--max-old-space-size=16000", "--import", "tsx"]
  const args = [...memory, import.meta.filename, "child", system, files.passages, files.queries, String(threads)]
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
  return decodeFigures(stdout)
}

const bm25s = (files: ReturnType<typeof prepare>, threads: number): Figures | undefined => {
  if (python === undefined) return undefined
  const script = join(import.meta.dirname, "bm25-bm25s.py")
  const args = [script, files.passages, files.queries, String(k), String(threads), String(rounds)]
  const { stdout, stderr, status } = spawnSync(python, args, { encoding: "utf8" })
  if (status !== 0) throw new Error(stderr)
  return decodeFigures(stdout.trim().split("\n").at(-1))
}

const LuceneIndexing = Schema.parseJson(Schema.Struct({ cpu: Schema.Number }))
const LuceneSearch = Schema.parseJson(Schema.Struct({ search: Schema.Array(Schema.Number) }))

const lucene = (files: ReturnType<typeof prepare>): Figures | undefined => {
  if (luceneClasses === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-lucene-"))
  const java = (...args: ReadonlyArray<string>): string => {
    const { stdout, stderr, status } = spawnSync("java", ["-cp", luceneClasses, "Bm25Lucene", ...args], {
      encoding: "utf8",
    })
    if (status !== 0) throw new Error(stderr)
    return stdout
  }
  const time = (cpu: number): typeof Time.Type => ({ cpu, wall: cpu })
  try {
    const { cpu } = Schema.decodeUnknownSync(LuceneIndexing)(java("index", files.passages, folder))
    const bytes = bytesOf(folder)
    const { search } = Schema.decodeUnknownSync(LuceneSearch)(
      java("search", folder, files.queries, String(k), String(rounds)),
    )
    return { indexing: time(cpu), search: search.map(time), bytes, rss: Number.NaN }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const best = (times: ReadonlyArray<typeof Time.Type>, of: "cpu" | "wall"): number =>
  Math.min(...times.map((time) => time[of]))

const row = (...cells: ReadonlyArray<string | number>): void => console.log(`| ${cells.join(" | ")} |`)

const main = (): void => {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-bm25-"))
  try {
    console.log(existsSync(msmarco) ? "Texts: MS MARCO's, mixed" : "Texts: synthetic")
    if (python === undefined) console.log("bm25s is left out: RANKDAG_BENCH_PYTHON is not set")
    row(
      "passages",
      "system",
      "threads",
      "indexed/s",
      "queries/s, top 1000",
      "ms a query",
      "peak MB",
      "bm25 is faster by: indexing",
      "search",
      "first pass / later",
      "index MB",
    )
    row(...new Array<string>(11).fill("---"))
    for (const size of sizes) {
      const files = prepare(folder, size)
      for (const threads of [1, 2]) {
        const clock = threads === 1 ? "cpu" : "wall"
        const all = new Map<string, Figures>()
        all.set("bm25", ours("bm25", files, threads))
        const other = bm25s(files, threads)
        if (other !== undefined) all.set("bm25s", other)
        const theirs = threads === 1 ? lucene(files) : undefined
        if (theirs !== undefined) all.set("lucene", theirs)
        if (threads === 1 && size <= winkLimit) all.set("wink", ours("wink", files, threads))
        const indexed = (figures: Figures): number => size / figures.indexing.cpu
        const answered = (system: string, figures: Figures): number =>
          (system === "wink" ? winkQueries : queryCount) / best(figures.search, clock)
        for (const [system, figures] of all) {
          const [our] = [all.get("bm25") ?? figures]
          row(
            size,
            system,
            threads,
            Math.round(indexed(figures)),
            answered(system, figures).toFixed(0),
            (1000 / answered(system, figures)).toFixed(2),
            Number.isNaN(figures.rss) ? "" : Math.round(figures.rss / 1e6),
            system === "bm25" ? "" : (indexed(our) / indexed(figures)).toFixed(1),
            system === "bm25" ? "" : (answered("bm25", our) / answered(system, figures)).toFixed(2),
            figures.cold === undefined ? "" : (best(figures.cold, clock) / best(figures.search, clock)).toFixed(2),
            figures.bytes === undefined ? "" : (figures.bytes / 1e6).toFixed(1),
          )
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const [mode, system, passages, queries, threads] = process.argv.slice(2)
if (mode === "child" && system !== undefined && passages !== undefined && queries !== undefined) {
  console.log(JSON.stringify(await child(system, passages, queries, Number(threads))))
} else main()
