/**
 * Claim: 20 systems × 6,980 queries × 5 measures, all pairs, 10,000 permutations of Fisher's randomisation take less than 30 s on
 * two cores, and far less than ranx on the same machine.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench compare      (a Python with ranx)
 *
 * Ours is all that `compare` does with stored scores: they are read from Parquet, paired, tested, corrected. ranx's `compare` tests
 * each pair and measure apart, both ways round, and draws its permutations anew for each of the 20 · 19 · 5 = 1,900; that would
 * take hours, so it is given two systems and one measure, two of the 1,900, and its time is multiplied. Its own evaluation
 * and its compilation are not counted. Its default, Student's t, is timed in full.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DuckDb, layerDuckDb, tableSource, tableWriter } from "../pipeline/index.ts"
import { Kinds, Random, type StatisticalTest, StatisticsConfig } from "../schemas/index.ts"
import { compareSystems, readScoreTables } from "../stages/evaluate/index.ts"

const systems = 20
const queries = 6_980
const measures = ["RR@10", "nDCG@5", "nDCG@10", "AP", "R@100"] as const
const permutations = 10_000
const comparisonsOfRanx = systems * (systems - 1) * measures.length

/** Scores on the grid of reciprocal ranks, two thirds of them 0, as MS MARCO's; systems differ a little. */
const scoresOf = (system: number, measure: number): Float64Array =>
  Float64Array.from({ length: queries }, (_, query) => {
    const shared = new Random(1, measure, query).unit()
    const own = new Random(2, system, measure, query)
    if (shared + 0.3 * own.unit() < 0.8 - system / 200) return 0
    return 1 / (1 + own.below(10))
  })

const columns = Array.from({ length: systems }, (_, system) => measures.map((_, measure) => scoresOf(system, measure)))

/** The system's position, so that names sort as they are numbered. */
const nameOf = (system: number): string => `system-${String(system).padStart(2, "0")}`

const writeScores = (folder: string) =>
  Effect.gen(function* () {
    const writer = yield* tableWriter(Kinds.Scores, folder)
    const qids = Array.from({ length: queries }, (_, i) => String(100_000 + i))
    for (let system = 0; system < systems; system++) {
      for (const [m, measure] of measures.entries()) {
        yield* writer.writeColumns({
          system: qids.map(() => nameOf(system)),
          split: qids.map(() => "test"),
          qid: qids,
          kind: qids.map(() => "question"),
          measure: qids.map(() => measure),
          value: Array.from(columns[system]![m]!),
        })
      }
    }
    yield* writer.finish
  }).pipe(Effect.scoped)

const timed = (folder: string, tests: readonly [StatisticalTest, ...ReadonlyArray<StatisticalTest>]) =>
  Effect.gen(function* () {
    const started = performance.now()
    const connection = yield* (yield* DuckDb).connect
    const [table] = yield* readScoreTables(
      connection,
      `(SELECT 'd' AS dataset, * FROM ${tableSource({ path: folder })})`,
    )
    if (table === undefined) throw new Error("no scores")
    const read = performance.now()
    const settings = Schema.decodeSync(StatisticsConfig)({ tests, permutations })
    const rows = compareSystems(table, { ...settings, pairs: "all" })
    const ended = performance.now()
    return { reading: (read - started) / 1000, comparing: (ended - read) / 1000, rows }
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()))

const Ranx = Schema.parseJson(Schema.Struct({ seconds: Schema.Number, p: Schema.Number }))

const ranx = (python: string, file: string, test: string, given: readonly [number, number, number]) => {
  const args = [join(import.meta.dirname, "compare-ranx.py"), test, ...given.map(String), file, String(queries)]
  const { status, stdout } = spawnSync(python, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  if (status !== 0) throw new Error(`ranx ended with ${status}`)
  return Schema.decodeSync(Ranx)(stdout.trim().split("\n").at(-1) ?? "")
}

const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-compare-"))
try {
  mkdirSync(join(folder, "scores"))
  await Effect.runPromise(Effect.provide(writeScores(join(folder, "scores")), layerDuckDb()))
  const file = join(folder, "scores.bin")
  writeFileSync(
    file,
    Buffer.concat(columns.flatMap((byMeasure) => byMeasure.map((column) => Buffer.from(column.buffer)))),
  )
  console.log(
    `${systems} systems × ${queries} queries × ${measures.length} measures, all pairs, ${permutations} permutations`,
  )
  const ours = async (test: StatisticalTest): Promise<number> => {
    const before = process.cpuUsage()
    const { reading, comparing, rows } = await Effect.runPromise(timed(join(folder, "scores"), [test]))
    const { user, system } = process.cpuUsage(before)
    console.log(
      `rankdag, ${test}: ${rows.length} comparisons in ${comparing.toFixed(2)} s, reading Parquet ${reading.toFixed(2)} s; ${((user + system) / 1e6).toFixed(1)} s of processor`,
    )
    return reading + comparing
  }
  if ((await ours("randomization")) > 30) process.exitCode = 1
  const python = process.env["RANKDAG_BENCH_PYTHON"]
  if (python === undefined) console.log("Without RANKDAG_BENCH_PYTHON (a Python with ranx) only rankdag is timed.")
  else {
    const fisher = ranx(python, file, "fisher", [2, 1, permutations])
    const whole = (fisher.seconds / 2) * comparisonsOfRanx
    console.log(
      `ranx, fisher: 2 of its ${comparisonsOfRanx} comparisons in ${fisher.seconds.toFixed(2)} s, so all of them in ${(whole / 60).toFixed(0)} min`,
    )
  }
  await ours("t")
  if (python !== undefined) {
    const student = ranx(python, file, "student", [systems, measures.length, permutations])
    console.log(`ranx, student: all of its ${comparisonsOfRanx} comparisons in ${student.seconds.toFixed(2)} s`)
  }
  await ours("wilcoxon")
  await ours("tukey")
} finally {
  rmSync(folder, { recursive: true, force: true })
}
