import { createHash } from "node:crypto"
import { mkdirSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DuckDb, layerDuckDb, type NodeProvenance, type StoredArtifact } from "../../pipeline/index.ts"
import { type ArtifactKind, Kinds, StatisticsConfig } from "../../schemas/index.ts"
import { run as runCompare } from "../../stages/evaluate/compare.ts"
import { run } from "../../stages/report/makeReport.ts"

/** How large an experiment is. */
export interface ReportSize {
  readonly systems: number
  readonly queries: number
  /** Results a query and system. */
  readonly depth: number
  readonly passages: number
}

const measures = ["RR@10", "nDCG@5", "nDCG@10", "AP", "R@100"] as const

const hashOf = (name: string): string => createHash("sha256").update(name).digest("hex")

const stored = <K extends ArtifactKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  path,
  hash: hashOf(basename(path)),
  from: kind.name,
})

/** What words are cut from: they repeat, as words do. */
const alphabet = Array.from({ length: 480 }, (_, i) => String.fromCharCode(97 + ((i * i * 7 + i * 3) % 26))).join("")

/** Names of different lengths, as rerankers have. */
const endings = ["", "-base", "-large-msmarco", "+bm25", "-distilled-listwise"] as const

const systemName = (system: number): string =>
  system === 0 ? "bm25" : `model-${String(system).padStart(2, "0")}${endings[system % endings.length] ?? ""}`

/** The models that were trained. */
const trained = [1, 2] as const
const keptStep = 250

/** Writes the tables of an experiment: passages of about MS MARCO's length, rankings that agree more or less, scores in steps. */
export const writeExperiment = (folder: string, { systems, queries, depth, passages }: ReportSize): Promise<void> =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const sql = (text: string) => Effect.promise(() => connection.run(text))
    const table = (name: string, select: string) => {
      mkdirSync(join(folder, name), { recursive: true })
      return sql(`COPY (${select}) TO '${folder}/${name}/part-00000.parquet' (FORMAT parquet, COMPRESSION zstd)`)
    }
    // Words of a few letters each, 55 a passage: 330 characters, as MS MARCO's.
    yield* table(
      "passages",
      `SELECT 'd' || p AS docid, NULL::VARCHAR AS title,
              array_to_string([substr('${alphabet}', (hash(p, j) % 470)::INTEGER, (3 + hash(p, j) % 5)::INTEGER) FOR j IN range(55)], ' ') AS text
       FROM range(${passages}) t(p) ORDER BY p`,
    )
    yield* sql(
      `CREATE TABLE asked AS SELECT i, lpad(i::VARCHAR, 6, '0') AS qid, if(i % 3 = 0, 'browse', 'question') AS kind FROM range(${queries}) t(i)`,
    )
    yield* table(
      "queries",
      `SELECT qid, 'what is known of number ' || i || ' and its kind' AS text, kind, 'test' AS split FROM asked ORDER BY qid`,
    )
    yield* table("qrels", `SELECT qid, 'd' || hash(i, 7) % ${passages} AS docid, 1 AS grade FROM asked ORDER BY qid`)
    for (let system = 0; system < systems; system++) {
      // A system leaves each place of the common ranking with a chance that grows with its number.
      yield* table(
        `run-${system}`,
        `SELECT '${systemName(system)}' AS system, qid,
                'd' || (hash(i, j + if(hash(i, j, ${system}) % 40 < ${system}, ${depth}, 0)) % ${Math.floor(passages / depth / 2)} * ${2 * depth} + j + if(hash(i, j, ${system}) % 40 < ${system}, ${depth}, 0)) AS docid,
                (j + 1)::INTEGER AS rank, (${depth} - j)::DOUBLE AS score
         FROM asked, range(${depth}) r(j) ORDER BY qid, rank`,
      )
    }
    // A loss that falls towards its floor, with its components, schedule and validation.
    for (const system of trained) {
      yield* table(
        `training-log-${system}`,
        `SELECT system, step::INTEGER AS step, step / 100 AS epoch, if(step < 200, 'bm25', 'mined') AS phase, series,
              CASE series WHEN 'learningRate.encoder' THEN 1e-4 * least(step / 40, (400 - step) / 360)
                          WHEN 'gradientNorm' THEN 2 * exp(-step / 200) + (hash(step, system) % 100) / 200
                          WHEN 'dev.nDCG@10' THEN 0.6 - 0.3 * exp(-step / 120)
                          ELSE if(series = 'loss', 2.4, 1.2) * exp(-step / 150) + 0.4 + (hash(step, series, system) % 100) / 900 END::DOUBLE AS value
       FROM (VALUES ('${systemName(system)}')) t(system), range(0, 401) r(step),
            (VALUES ('loss'), ('loss.pairwise'), ('loss.softmax'), ('learningRate.encoder'), ('gradientNorm'), ('dev.nDCG@10')) s(series)
       WHERE series <> 'dev.nDCG@10' OR step % 50 = 0 ORDER BY system, step, series`,
      )
    }
    const named = Array.from({ length: systems }, (_, system) => `(${system}, '${systemName(system)}')`).join(", ")
    const asked = measures.map((measure, position) => `(${position}, '${measure}')`).join(", ")
    yield* table(
      "scores",
      `SELECT system, 'test' AS split, qid, kind, measure, (hash(i, m, s) % (10 + s))::DOUBLE / (9 + s) AS value
       FROM asked, (VALUES ${named}) systems(s, system), (VALUES ${asked}) measures(m, measure)
       ORDER BY system, m, qid`,
    )
    const means = yield* Effect.promise(async () => {
      const reader = await connection.runAndReadAll(
        `SELECT system, coalesce(kind, 'all') AS kind, measure, avg(value) AS mean, count(*)::INTEGER AS queries
         FROM '${folder}/scores/*.parquet' GROUP BY GROUPING SETS ((system, measure), (system, kind, measure)) ORDER BY ALL`,
      )
      return reader.getRowsJson()
    })
    const rows = new Map<string, { system: string; kind: string; queries: number; measures: Record<string, number> }>()
    for (const row of means) {
      const [system = "", kind = "", measure = ""] = row.map(String)
      const found = rows.get(`${kind} ${system}`) ?? { system, kind, queries: Number(row[4]), measures: {} }
      found.measures[measure] = Number(row[3])
      rows.set(`${kind} ${system}`, found)
    }
    // Curves that end near each other, as those of many systems do.
    yield* table(
      "profile",
      `SELECT system, 'test' AS split, kind, measure, depth::INTEGER AS depth, value, value * 0.93 AS lower, value * 1.06 AS upper
       FROM (SELECT *, (if(kind = 'browse', 0.35, 0.2) + 0.1 * ln(depth) + s * 0.002)::DOUBLE AS value
             FROM (VALUES ${named}) systems(s, system), (VALUES ('all'), ('question'), ('browse')) kinds(kind),
                  (VALUES ('nDCG'), ('R')) measures(measure), range(1, 101) depths(depth))
       ORDER BY s, kind, measure, depth`,
    )
    mkdirSync(join(folder, "summary"), { recursive: true })
    const summary = {
      measures,
      systems: [...rows.values()].map((row) => ({
        ...{ ...row, split: "test", missing: 0, unjudged: 0.9 },
        intervals: Object.fromEntries(measures.map((measure) => [measure, [0.45 - row.queries / 1e5, 0.55]])),
      })),
      candidates: [],
    }
    writeFileSync(join(folder, "summary/summary.json"), JSON.stringify(summary))
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb({ memoryLimit: "8GB" })), Effect.runPromise)

/** What a stage left on record. */
const record = (
  node: string,
  output: string,
  facts: NodeProvenance["facts"],
  seconds: number,
  inputs: NodeProvenance["inputs"] = {},
): NodeProvenance => ({
  ...{ node, stage: node.split(".")[0] ?? "", key: hashOf(`key ${node}`), config: {}, code: hashOf("code") },
  ...{ packages: {}, native: {}, inputs, outputs: { run: { hash: hashOf(output), bytes: 1, rows: 1 } } },
  ...{ facts, warnings: [], run: "run", at: "2026-01-01T00:00:00.000Z", seconds, platform: "", nodejs: "" },
  ...{ host: "", executor: null, parts: [] },
})

/** The stages that made the runs: bm25 at a millisecond a query, models of which each is slower than the one before. */
const provenanceOf = ({ queries = 1000, systems }: Pick<ReportSize, "systems"> & { readonly queries?: number }) => {
  const from = (node: string, output: string) => [{ node, output, hash: hashOf(output) }]
  return [
    record("retrieve.bm25", "run-0", { queries }, queries / 1000),
    record("candidates", "candidates", { queries }, 1, { run: from("retrieve.bm25", "run-0") }),
    ...Array.from({ length: systems - 1 }, (_, i) => {
      const system = i + 1
      const facts = { queries, pairs: 100 * queries, deviceName: "a CPU" }
      const seconds = (queries / 1000) * 5 * 1.4 ** i
      return record(`rerank.${systemName(system)}`, `run-${system}`, facts, seconds, {
        candidates: from("candidates", "candidates"),
      })
    }),
    ...trained.map((system) => record(`train.${systemName(system)}`, `training-log-${system}`, { keptStep }, 60)),
  ]
}

/** Runs the stages that compare and report over such tables; returns the page's path. */
export const makeReport = async (folder: string, { systems }: Pick<ReportSize, "systems">): Promise<string> => {
  const page = join(folder, "page")
  const at = (name: string) => join(folder, name)
  const [comparisons, significance] = [at("comparisons"), at("significance")]
  for (const output of [page, comparisons, significance]) mkdirSync(output)
  const same = { scratch: folder, progress: () => undefined, warn: () => undefined }
  const statistics = Schema.decodeSync(StatisticsConfig)({ tests: ["t"] })
  await Effect.runPromise(
    runCompare({
      ...same,
      config: { ...statistics, datasets: ["made"] },
      inputs: { scores: [stored(Kinds.Scores, at("scores"))], swept: [] },
      outputs: { comparisons, significance },
    }).pipe(Effect.provide(layerDuckDb())),
  )
  await Effect.runPromise(
    run({
      ...same,
      config: {
        depth: 10,
        moves: 100,
        characters: 600,
        datasets: [{ name: "made", runs: systems, logs: trained.length }],
      },
      inputs: {
        passages: [stored(Kinds.Passages, at("passages"))],
        queries: [stored(Kinds.Queries, at("queries"))],
        qrels: [stored(Kinds.Qrels, at("qrels"))],
        runs: Array.from({ length: systems }, (_, system) => stored(Kinds.Run, at(`run-${system}`))),
        scores: [stored(Kinds.Scores, at("scores"))],
        summaries: [stored(Kinds.Summary, at("summary"))],
        profiles: [stored(Kinds.DepthProfile, at("profile"))],
        comparisons: [stored(Kinds.Comparisons, comparisons)],
        significance: [stored(Kinds.Significance, significance)],
        logs: trained.map((system) => stored(Kinds.TrainingLog, at(`training-log-${system}`))),
      },
      outputs: { page },
      provenance: provenanceOf({ systems }),
    }).pipe(Effect.provide(layerDuckDb())),
  )
  return join(page, "index.html")
}
