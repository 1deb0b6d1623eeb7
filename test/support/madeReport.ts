import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { DuckDb, layerDuckDb, type StoredArtifact } from "../../pipeline/index.ts"
import { type ArtifactKind, Kinds } from "../../schemas/index.ts"
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

const stored = <K extends ArtifactKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  path,
  hash: "0".repeat(64),
  from: kind.name,
})

/** What words are cut from: they repeat, as words do. */
const alphabet = Array.from({ length: 480 }, (_, i) => String.fromCharCode(97 + ((i * i * 7 + i * 3) % 26))).join("")

const systemName = (system: number): string => (system === 0 ? "bm25" : `system-${String(system).padStart(2, "0")}`)

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
    yield* table(
      "training-log",
      `SELECT system, step::INTEGER AS step, step / 100 AS epoch, if(step < 200, 'bm25', 'mined') AS phase, series,
              CASE series WHEN 'learningRate.encoder' THEN 1e-4 * least(step / 40, (400 - step) / 360)
                          WHEN 'gradientNorm' THEN 2 * exp(-step / 200) + (hash(step, system) % 100) / 200
                          WHEN 'dev.nDCG@10' THEN 0.6 - 0.3 * exp(-step / 120)
                          ELSE if(series = 'loss', 2.4, 1.2) * exp(-step / 150) + 0.4 + (hash(step, series, system) % 100) / 900 END::DOUBLE AS value
       FROM (VALUES ('system-01'), ('system-02')) t(system), range(0, 401) r(step),
            (VALUES ('loss'), ('loss.pairwise'), ('loss.softmax'), ('learningRate.encoder'), ('gradientNorm'), ('dev.nDCG@10')) s(series)
       WHERE series <> 'dev.nDCG@10' OR step % 50 = 0 ORDER BY system, step, series`,
    )
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
    mkdirSync(join(folder, "summary"), { recursive: true })
    const summary = {
      measures,
      systems: [...rows.values()].map((row) => ({ ...row, split: "test", missing: 0, unjudged: 0.9 })),
      candidates: [],
    }
    writeFileSync(join(folder, "summary/summary.json"), JSON.stringify(summary))
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb({ memoryLimit: "8GB" })), Effect.runPromise)

/** Runs the report's stage over such tables; returns the page's path. */
export const makeReport = async (folder: string, { systems }: Pick<ReportSize, "systems">): Promise<string> => {
  const page = join(folder, "page")
  mkdirSync(page)
  const at = (name: string) => join(folder, name)
  await Effect.runPromise(
    run({
      config: { depth: 10, moves: 100, characters: 600, datasets: [{ name: "made", runs: systems, logs: 1 }] },
      inputs: {
        passages: [stored(Kinds.Passages, at("passages"))],
        queries: [stored(Kinds.Queries, at("queries"))],
        qrels: [stored(Kinds.Qrels, at("qrels"))],
        runs: Array.from({ length: systems }, (_, system) => stored(Kinds.Run, at(`run-${system}`))),
        scores: [stored(Kinds.Scores, at("scores"))],
        summaries: [stored(Kinds.Summary, at("summary"))],
        profiles: [],
        comparisons: [],
        significance: [],
        logs: [stored(Kinds.TrainingLog, at("training-log"))],
      },
      outputs: { page },
      scratch: folder,
      progress: () => undefined,
      warn: () => undefined,
      provenance: [],
    }).pipe(Effect.provide(layerDuckDb())),
  )
  return join(page, "index.html")
}
