/**
 * Claims: exact search of vectors finds what faiss's IndexFlatIP and numpy find, and its memory does not grow with the passages. Says what
 * processor time each takes at 100,000 × 384 and at a million, for 1,000 queries and their first 1,000, on one thread.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench dense      (a Python with faiss-cpu and numpy)
 *     RANKDAG_BENCH_SIZES=100000 RANKDAG_BENCH_K=1000        (default 100000,1000000; above a million without peers)
 *     RANKDAG_BENCH_FIRST=fp32                               (products of 32 bits first, or int8; default what suits each query)
 *
 * Vectors: 2,000 centres of length 1, each passage and query one of them with noise, made from a seed. A figure is of a fresh process,
 * in turn with the others; processor time, median of ratios round by round.
 */
import { spawnSync } from "node:child_process"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { buildSync } from "esbuild"
import { layerOnnxRuntime, openVectorTable, vectorTableWriter } from "../neural/index.ts"
import { Random } from "../schemas/index.ts"
import { openNearest } from "../stages/retrieve/nearest/nearestVectors.ts"

const sizes = (process.env["RANKDAG_BENCH_SIZES"] ?? "100000,1000000").split(",").map(Number)
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 3)
const k = Number(process.env["RANKDAG_BENCH_K"] ?? 1000)
const threads = Number(process.env["RANKDAG_BENCH_THREADS"] ?? 1)
const pass = process.env["RANKDAG_BENCH_FIRST"]
const first = pass === "int8" || pass === "fp32" ? ({ first: pass } as const) : {}
const python = process.env["RANKDAG_BENCH_PYTHON"]
const dimensions = 384
const queryCount = 1000

const Time = Schema.Struct({ cpu: Schema.Number, wall: Schema.Number })
const Figures = Schema.Struct({ search: Schema.Array(Time), rss: Schema.Number })
type Figures = typeof Figures.Type
const decodeFigures = Schema.decodeUnknownSync(Schema.parseJson(Figures))

/** Numbers whose distribution is about normal, from −6 to 6. */
const noise = (random: Random): number => {
  let sum = -6
  for (let i = 0; i < 12; i++) sum += random.next() / 2 ** 32
  return sum
}

const unit = (vector: Float32Array): Float32Array => {
  let square = 0
  for (const value of vector) square += value * value
  const length = Math.sqrt(square)
  return vector.map((value) => value / length)
}

/** Vectors around the centres: as near to them as texts of a subject are to each other. */
function* mixtures(count: number, seed: number): Generator<Float32Array> {
  const random = new Random(1)
  const centres = Array.from({ length: 2000 }, () =>
    unit(Float32Array.from({ length: dimensions }, () => noise(random))),
  )
  const drawn = new Random(seed)
  const pool = Float32Array.from({ length: 2 ** 20 }, () => noise(drawn))
  for (let i = 0; i < count; i++) {
    const centre = centres[drawn.next() % centres.length] ?? new Float32Array(dimensions)
    const from = drawn.next() % (pool.length - dimensions)
    yield unit(centre.map((value, at) => value + (1.2 / Math.sqrt(dimensions)) * (pool[from + at] ?? 0)))
  }
}

const prepare = (folder: string, size: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const writer = yield* vectorTableWriter(folder, { texts: size, dimensions, nameOf: (text) => `d${text}` })
      let text = 0
      for (const vector of mixtures(size, 2)) yield* writer.put([text++], vector)
      yield* writer.finish
      const file = openSync(join(folder, "queries.f32"), "w")
      for (const vector of mixtures(queryCount, 3)) writeSync(file, new Uint8Array(vector.buffer))
      closeSync(file)
    }),
  )

/** One process of ours; prints its figures. */
const child = (folder: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const passages = yield* openVectorTable(folder)
      const queries = new Float32Array(new Uint8Array(readFileSync(join(folder, "queries.f32"))).buffer)
      const search: Array<typeof Time.Type> = []
      const nearest = yield* openNearest(passages, threads)
      for (let round = 0; round < rounds; round++) {
        const [cpu, wall] = [process.cpuUsage(), performance.now()]
        const { nearest: found } = yield* nearest({ queries, k, seen: () => undefined, ...first })
        const { system, user } = process.cpuUsage(cpu)
        search.push({ cpu: (user + system) / 1e6, wall: (performance.now() - wall) / 1000 })
        if (round > 0) continue
        const file = openSync(join(folder, "queries.f32.ours"), "w")
        for (const { texts } of found) writeSync(file, new Uint8Array(texts.slice().buffer))
        closeSync(file)
      }
      return { search, rss: process.resourceUsage().maxRSS * 1024 } satisfies Figures
    }),
  ).pipe(Effect.provide(layerOnnxRuntime))

const spawned = (command: string, args: ReadonlyArray<string>): Figures => {
  const { stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 2 ** 26, env: process.env })
  const line = stdout.trim().split("\n").at(-1) ?? ""
  if (!line.startsWith("{")) throw new Error(stderr)
  return decodeFigures(line)
}

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** The share of another's first `k` that ours has too. */
const shared = (folder: string, system: string): number => {
  const [ours, theirs] = ["ours", system].map(
    (name) => new Uint32Array(new Uint8Array(readFileSync(join(folder, `queries.f32.${name}`))).buffer),
  )
  if (ours === undefined || theirs === undefined) return 0
  let common = 0
  for (let from = 0; from < ours.length; from += k) {
    const known = new Set(ours.subarray(from, from + k))
    for (const text of theirs.subarray(from, from + k)) if (known.has(text)) common++
  }
  return common / ours.length
}

/** One file, as the program itself runs: its memory is what is told, not that of a compiler beside it. */
const bundle = join(import.meta.dirname, "../node_modules/.cache/bench-dense.mjs")

const makeBundle = (): void => {
  const options = { bundle: true, platform: "node", format: "esm", packages: "external" } as const
  buildSync({ entryPoints: [import.meta.filename], outfile: bundle, ...options })
}

const compare = async (size: number): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-dense-"))
  await Effect.runPromise(prepare(folder, size))
  const ours = () => spawned(process.execPath, [bundle, "child", folder])
  const files = [join(folder, "vectors.f32"), join(folder, "queries.f32")]
  const script = join(import.meta.dirname, "dense-python.py")
  const peer = (system: string) => () =>
    spawned(python ?? "", [script, system, ...files, ...[dimensions, k, threads, rounds].map(String)])
  // Peers hold all vectors at once, and more.
  const peers = python === undefined || size > 1_000_000 ? [] : ["faiss", "numpy"]
  const systems = new Map([["ours", ours], ...peers.map((name) => [name, peer(name)] as const)])
  const figures = new Map([...systems].map(([name, run]) => [name, run()]))
  const own = figures.get("ours")
  for (const [name, { rss, search }] of figures) {
    const cpu = search.map((time) => time.cpu)
    const ratio = median(cpu.map((seconds, at) => seconds / (own?.search[at]?.cpu ?? 1)))
    const same =
      name === "ours"
        ? ""
        : `, ${ratio.toFixed(2)} × ours, ${(100 * shared(folder, name)).toFixed(3)} % of its results ours`
    const wall = median(search.map((time) => time.wall))
    console.log(
      `${size} × ${dimensions}, k ${k}, ${threads} thread: ${name} ${median(cpu).toFixed(2)} s of processor, ${wall.toFixed(2)} s, ${(rss / 2 ** 20).toFixed(0)} MiB${same}`,
    )
  }
  rmSync(folder, { recursive: true })
}

if (process.argv[2] === "child") {
  console.log(JSON.stringify(await Effect.runPromise(child(process.argv[3] ?? ""))))
} else {
  makeBundle()
  for (const size of sizes) await compare(size)
}
