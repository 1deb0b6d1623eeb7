/**
 * Claim: evaluating 6,980 queries × 1,000 results with RR@10, nDCG@5, nDCG@10, AP and R@100 from Parquet, reading included,
 * is faster than ranx from its fastest format on the same machine.
 *
 *     RANKDAG_BENCH_PYTHON=…/python npm run bench evaluate      (a Python with ranx, pandas and pyarrow)
 *
 * Ours is the whole `evaluate` stage: it checks the run's order and looks for duplicates, scores, and writes the table of
 * scores and the summary. Each round is a fresh process of each, in turn. «Process» is wall time from start to exit;
 * «work» is measured inside, without imports: for ranx its second pass, when nothing is left to compile.
 */
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DuckDb, layerDuckDb, type StoredArtifact, tableWriter } from "../pipeline/index.ts"
import { type ArtifactKind, EvaluationSummary, Kinds } from "../schemas/index.ts"

const measures = ["RR@10", "nDCG@5", "nDCG@10", "AP", "R@100"] as const
const queries = Number(process.env["RANKDAG_BENCH_QUERIES"] ?? 6_980)
const rounds = Number(process.env["RANKDAG_BENCH_ROUNDS"] ?? 3)

const stored = <K extends ArtifactKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  path,
  hash: "0".repeat(64),
  from: kind.name,
})

/** Numeric ids as MS MARCO's, scores that fall with the rank, no ties, so that both programs must give the same figures. */
const prepare = (folder: string) =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const sql = (text: string) => Effect.promise(() => connection.run(text))
    for (const name of ["run", "qrels", "queries", "candidates", "scores", "summary", "profile"])
      mkdirSync(join(folder, name))
    yield* sql(`CREATE TABLE ids AS SELECT (2 + i * 157)::VARCHAR AS qid, i FROM range(${queries}) t(i)`)
    yield* sql(`CREATE TABLE run AS
      SELECT 'bm25' AS system, qid, ((hash(i) % 8000 * 1000 + j * 7919) % 8000000)::VARCHAR AS docid, (j + 1)::INTEGER AS rank,
             40 - ln(j + 2) * 4 - (hash(i, j) % 1000) * 1e-7 AS score
      FROM ids, range(1000) r(j) ORDER BY qid, rank`)
    yield* sql(`CREATE TABLE qrels AS
      SELECT qid, docid, (1 + hash(docid) % 3)::INTEGER AS grade FROM run WHERE hash(qid, docid, 1) % (20 + 3 * rank) = 0
      UNION ALL SELECT qid, 'x' || qid, 1 FROM ids ORDER BY qid, docid`)
    // The parts that a stage's writer would leave: 491,520 rows each.
    const parts = Math.ceil((queries * 1000) / 491_520)
    for (let part = 0; part < parts; part++) {
      const file = join(folder, "run", `part-${String(part).padStart(5, "0")}.parquet`)
      yield* sql(`COPY (SELECT * FROM run LIMIT 491520 OFFSET ${part * 491_520}) TO '${file}'
        (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`)
    }
    yield* sql(`COPY qrels TO '${folder}/qrels/part-00000.parquet' (FORMAT parquet, COMPRESSION zstd)`)
    yield* sql(`COPY (SELECT qid, 'text' AS text, 'question' AS kind, 'test' AS split FROM ids ORDER BY qid)
      TO '${folder}/queries/part-00000.parquet' (FORMAT parquet)`)
    yield* sql(`COPY (SELECT qid AS q_id, docid AS doc_id, score FROM run) TO '${folder}/run.parquet' (FORMAT parquet)`)
    yield* sql(
      `COPY (SELECT qid AS q_id, docid AS doc_id, grade::BIGINT AS score FROM qrels) TO '${folder}/qrels.parquet' (FORMAT parquet)`,
    )
    const writer = yield* tableWriter(Kinds.Candidates, join(folder, "candidates"))
    yield* writer.finish
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb({ memoryLimit: "8GB" })))

/** One process of ours: the stage as the runner would run it. Prints its own time without imports. */
const child = async (folder: string): Promise<void> => {
  const { run } = await import("../stages/evaluate/evaluate.ts")
  const started = performance.now()
  await Effect.runPromise(
    run({
      config: { measures: [...measures], judgedOnly: false, repeats: [], profileDepth: 100 },
      inputs: {
        runs: [stored(Kinds.Run, join(folder, "run"))],
        candidates: stored(Kinds.Candidates, join(folder, "candidates")),
        qrels: stored(Kinds.Qrels, join(folder, "qrels")),
        queries: stored(Kinds.Queries, join(folder, "queries")),
        leftOut: [],
        agreements: [],
      },
      outputs: { scores: join(folder, "scores"), summary: join(folder, "summary"), profile: join(folder, "profile") },
      scratch: folder,
      progress: () => undefined,
      warn: (message) => console.error(message),
    }).pipe(Effect.provide(layerDuckDb())),
  )
  const summary: unknown = JSON.parse(readFileSync(join(folder, "summary", "summary.json"), "utf8"))
  const work = (performance.now() - started) / 1000
  console.log(JSON.stringify({ work, rss: process.resourceUsage().maxRSS * 1024, summary }))
}

interface Timing {
  readonly process: number
  readonly work: number
  readonly rss: number
  readonly values: ReadonlyArray<number>
}

const Ours = Schema.parseJson(Schema.Struct({ work: Schema.Number, rss: Schema.Number, summary: EvaluationSummary }))
const Ranx = Schema.parseJson(
  Schema.Struct({
    /** Two passes, each loading and evaluating. */
    seconds: Schema.Tuple(Schema.Array(Schema.Number), Schema.Array(Schema.Number)),
    values: Schema.Array(Schema.Number),
    rss: Schema.Number,
  }),
)

const timed = (
  command: string,
  args: ReadonlyArray<string>,
  read: (printed: string) => Omit<Timing, "process">,
): Timing => {
  const started = performance.now()
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] })
  const seconds = (performance.now() - started) / 1000
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}`)
  return { process: seconds, ...read(stdout.trim().split("\n").at(-1) ?? "") }
}

const median = (values: ReadonlyArray<number>): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const main = async (): Promise<void> => {
  const python = process.env["RANKDAG_BENCH_PYTHON"]
  const folder = mkdtempSync(join(tmpdir(), "rankdag-bench-evaluate-"))
  try {
    await Effect.runPromise(prepare(folder))
    const ranx = (mode: string) => [join(import.meta.dirname, "evaluate-ranx.py"), mode, folder]
    const contestants = new Map<string, () => Timing>([
      [
        "rankdag, Parquet",
        () =>
          timed(process.execPath, ["--import", "tsx", import.meta.filename, "child", folder], (printed) => {
            const { work, rss, summary } = Schema.decodeSync(Ours)(printed)
            return { work, rss, values: measures.map((measure) => summary.systems[0]?.measures[measure] ?? Number.NaN) }
          }),
      ],
    ])
    if (python === undefined) console.log("Without RANKDAG_BENCH_PYTHON (a Python with ranx) only rankdag is timed.")
    else {
      const prepared = spawnSync(python, ranx("prepare"), { stdio: "inherit" })
      if (prepared.status !== 0) throw new Error("ranx could not write its formats")
      for (const format of ["parquet", "json", "lz4"]) {
        contestants.set(`ranx, ${format}`, () =>
          timed(python, ranx(format), (printed) => {
            const { seconds, values, rss } = Schema.decodeSync(Ranx)(printed)
            return { work: seconds[1].reduce((sum, part) => sum + part, 0), rss, values }
          }),
        )
      }
    }
    const timings = new Map<string, Array<Timing>>([...contestants.keys()].map((name) => [name, []]))
    for (let round = 0; round < rounds; round++) {
      for (const [name, time] of contestants) timings.get(name)?.push(time())
    }
    console.log(`${queries} queries × 1,000 results, ${measures.join(", ")}; medians of ${rounds} rounds`)
    const ours = timings.get("rankdag, Parquet") ?? []
    for (const [name, all] of timings) {
      const process = median(all.map((timing) => timing.process))
      const work = median(all.map((timing) => timing.work))
      const ratio = work / median(ours.map((timing) => timing.work))
      const megabytes = Math.max(...all.map(({ rss }) => rss)) / 2 ** 20
      // ranx's process makes two passes, the first of which loads compiled code; its own start counts once.
      const passes = name.startsWith("ranx") ? `${process.toFixed(1)} s (two passes)` : `${process.toFixed(1)} s`
      console.log(
        `${name}: work ${work.toFixed(2)} s (×${ratio.toFixed(1)}), process ${passes}, ${megabytes.toFixed(0)} MB`,
      )
      const difference = Math.max(
        ...measures.map((_, m) => Math.abs((all[0]?.values[m] ?? 0) - (ours[0]?.values[m] ?? 0))),
      )
      if (difference > 1e-9) throw new Error(`${name} differs from ours by ${difference}`)
    }
    console.log(`All give ${measures.map((measure, m) => `${measure} ${ours[0]?.values[m]?.toFixed(4)}`).join(", ")}.`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[2] === "child") await child(process.argv[3] ?? "")
else await main()
