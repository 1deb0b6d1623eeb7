import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { duckDbPromise, readBatches, type StoredArtifact, sqlString, tableSource } from "../../pipeline/index.ts"
import { EvaluationSummary, type Kinds, QueryKind, SignificanceSummary, type Split } from "../../schemas/index.ts"
import type { DatasetModel, QueryList, SystemRow } from "./page/ReportModel.ts"
import { ReportInputUnreadable } from "./ReportError.ts"

/** What the report reads of one collection. */
export interface DatasetInputs {
  readonly name: string
  readonly passages: StoredArtifact<Kinds.Passages>
  readonly queries: StoredArtifact<Kinds.Queries>
  readonly qrels: StoredArtifact<Kinds.Qrels>
  readonly runs: ReadonlyArray<StoredArtifact<Kinds.Run>>
  readonly scores: StoredArtifact<Kinds.Scores>
  readonly summary: StoredArtifact<Kinds.Summary>
  /** These are absent where nothing of the kind was made. */
  readonly profile: StoredArtifact<Kinds.DepthProfile> | undefined
  readonly comparisons: StoredArtifact<Kinds.Comparisons> | undefined
  readonly significance: StoredArtifact<Kinds.Significance> | undefined
  readonly logs: ReadonlyArray<StoredArtifact<Kinds.TrainingLog>>
}

/** The judged queries of a split with every score of theirs. */
export interface SplitScores {
  readonly name: Split
  readonly queries: QueryList
  /** For each measure [systems × queries]; NaN where a system was not asked. */
  readonly values: ReadonlyArray<Float32Array>
}

/** One collection, small enough to be held: everything but the texts of its passages. */
export interface CollectedDataset {
  readonly model: DatasetModel
  readonly summary: EvaluationSummary
  readonly splits: ReadonlyArray<SplitScores>
  /** Each system's run, in the order of the table. */
  readonly runs: ReadonlyArray<StoredArtifact<Kinds.Run>>
}

/** The whole answer to a query, column by column. */
export const columns = (connection: DuckDBConnection, sql: string) =>
  duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getColumnsJson())

/** A JSON file of an artifact, as its schema reads it. */
export const readJson = <A, I>(artifact: StoredArtifact, file: string, schema: Schema.Schema<A, I>) =>
  Effect.tryPromise(() => readFile(join(artifact.path, file), "utf8")).pipe(
    Effect.flatMap(Schema.decodeUnknown(Schema.parseJson(schema))),
    Effect.mapError((error) => new ReportInputUnreadable({ from: artifact.from, problem: error.message })),
  )

/** The run of each system; an empty run has none. */
const systemRuns = (connection: DuckDBConnection, runs: ReadonlyArray<StoredArtifact<Kinds.Run>>) =>
  Effect.map(
    Effect.forEach(runs, (run) =>
      Effect.map(columns(connection, `SELECT system FROM ${tableSource(run)} LIMIT 1`), ([names = []]) => ({
        run,
        system: names[0],
      })),
    ),
    (named) =>
      new Map(named.flatMap(({ run, system }) => (typeof system === "string" ? [[system, run] as const] : []))),
  )

const queriesOf = (connection: DuckDBConnection, inputs: DatasetInputs, split: Split) =>
  Effect.map(
    columns(
      connection,
      `SELECT asked.qid, q.text, asked.kind
       FROM (SELECT DISTINCT qid, kind FROM ${tableSource(inputs.scores)} WHERE split = ${sqlString(split)}) asked
       JOIN ${tableSource(inputs.queries)} q USING (qid) ORDER BY asked.qid`,
    ),
    ([qids = [], texts = [], kinds = []]): QueryList => ({
      qids: qids.map(String),
      texts: texts.map(String),
      kinds: kinds.map(String),
    }),
  )

/** Reads the scores of a collection, and what the table says of them. */
export const collectDataset = (connection: DuckDBConnection, inputs: DatasetInputs) =>
  Effect.gen(function* () {
    const summary = yield* readJson(inputs.summary, "summary.json", EvaluationSummary)
    const significance =
      inputs.significance === undefined
        ? {}
        : { significance: yield* readJson(inputs.significance, "significance.json", SignificanceSummary) }
    const { measures } = summary
    const runs = yield* systemRuns(connection, inputs.runs)
    const systems = [...new Set(summary.systems.map(({ system }) => system))]
    const splitNames = [...new Set(summary.systems.map(({ split }) => split))]
    const splits: Array<SplitScores> = []
    for (const name of splitNames) {
      const queries = yield* queriesOf(connection, inputs, name)
      const values = measures.map(() => new Float32Array(systems.length * queries.qids.length).fill(Number.NaN))
      splits.push({ name, queries, values })
    }

    const places = {
      system: new Map<string, number>(systems.map((system, position) => [system, position])),
      measure: new Map(measures.map((measure, position) => [measure, position])),
      split: new Map<string, number>(splitNames.map((split, position) => [split, position])),
      qid: splits.map(({ queries }) => new Map(queries.qids.map((qid, position) => [qid, position]))),
    }
    const batches = readBatches(inputs.scores, ["system", "split", "qid", "measure", "value"])
    yield* Stream.runForEach(batches, (batch) =>
      Effect.sync(() => {
        for (let row = 0; row < batch.value.length; row++) {
          const split = places.split.get(batch.split[row]!) ?? 0
          const count = splits[split]!.queries.qids.length
          const system = places.system.get(batch.system[row]!)
          const measure = places.measure.get(batch.measure[row]!)
          const query = places.qid[split]!.get(batch.qid[row]!)
          if (system === undefined || measure === undefined || query === undefined) continue
          splits[split]!.values[measure]![system * count + query] = batch.value[row]!
        }
      }),
    )

    const rows = summary.systems.map(({ measures: means, ...row }): SystemRow => ({ ...row, means }))
    const model: DatasetModel = {
      name: inputs.name,
      measures,
      systems,
      splits: splits.map(({ name, queries }) => ({
        name,
        queries: queries.qids.length,
        kinds: QueryKind.literals.filter((kind) => queries.kinds.includes(kind)),
        notes: summary.notes.filter(({ split }) => split === name).map(({ text }) => text),
      })),
      rows,
      candidates: summary.candidates.map(({ split, kind, depth, recall, oracle }) => ({
        split,
        kind,
        depth,
        recall,
        oracle,
      })),
      ...significance,
      sweeps: summary.sweeps,
      hasProfile: inputs.profile !== undefined,
      hasTraining: inputs.logs.length > 0,
    }
    const collected: CollectedDataset = {
      model,
      summary,
      splits,
      runs: systems.flatMap((system) => runs.get(system) ?? []),
    }
    return collected
  })
