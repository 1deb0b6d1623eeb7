import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { firstResults } from "../experiment.ts"
import { ArtifactStore, newestRun, type RunRecord, sqlString } from "../pipeline/index.ts"
import { didYouMean, EvaluationSummary, Kinds, SignificanceSummary, StatisticsConfig } from "../schemas/index.ts"
import { combinedTable, datasetSummary } from "./CombinedTable.ts"
import { cellText, querySql } from "./SqlResult.ts"

/** What was asked for is not among the last run's results. */
export class NotInLastRun extends Schema.TaggedError<NotInLastRun>()("NotInLastRun", {
  /** What it would be: `system`, `query`. */
  what: Schema.String,
  asked: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const shown = this.known.slice(0, 20)
    const more = this.known.length - shown.length
    const known =
      shown.length === 0 ? "there is none" : `there are: ${shown.join(", ")}${more > 0 ? ` and ${more} more` : ""}`
    if (this.asked === "") return `The last run has no ${this.what}.`
    return `No ${this.what} «${this.asked}» in the last run; ${known}.${didYouMean(this.asked, this.known)}`
  }
}

/** Several collections, and none was named. */
export class WhichCollection extends Schema.TaggedError<WhichCollection>()("WhichCollection", {
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    return `The last run had several collections (${this.known.join(", ")}): name one with --dataset.`
  }
}

/** The distinct values of a column of the catalog, sorted. */
export const distinctValues = (connection: DuckDBConnection, column: string, from: string) =>
  Effect.map(
    querySql(connection, `SELECT DISTINCT ${column} FROM ${from} ORDER BY ${column} COLLATE "C"`),
    ({ rows }) => rows.flat().map(cellText),
  )

/** Checks that each name is one that there is. */
export const checkKnown = (what: string, asked: ReadonlyArray<string>, known: ReadonlyArray<string>) => {
  const unknown = asked.find((name) => !known.includes(name))
  return unknown === undefined ? Effect.void : Effect.fail(new NotInLastRun({ what, asked: unknown, known }))
}

/** The collection that was named, or the only one. */
export const chosenCollection = (connection: DuckDBConnection, asked: Option.Option<string>) =>
  Effect.gen(function* () {
    const known = yield* distinctValues(connection, "dataset", "queries")
    const [only] = known
    if (Option.isSome(asked)) {
      yield* checkKnown("collection", [asked.value], known)
      return asked.value
    }
    if (only === undefined) return yield* new NotInLastRun({ what: "collection", asked: "", known })
    return known.length === 1 ? only : yield* new WhichCollection({ known })
  })

/** The systems of a collection. */
export const systemsOf = (connection: DuckDBConnection, dataset: string) =>
  distinctValues(connection, "system", `runs WHERE dataset = ${sqlString(dataset)}`)

const readJson = <A, I>(path: string, schema: Schema.Schema<A, I>) =>
  Schema.decodeUnknown(Schema.parseJson(schema))(readFileSync(path, "utf8"))

type Node = RunRecord["nodes"][number]

/** How the last run's own table was compared; the defaults where it was not. */
export const lastStatistics = (connection: DuckDBConnection) =>
  Effect.gen(function* () {
    const { rows } = yield* querySql(
      connection,
      "SELECT config FROM provenance WHERE stage = 'compare' ORDER BY node LIMIT 1",
    )
    const [config] = rows[0] ?? []
    const read = Schema.decodeUnknown(Schema.parseJson(StatisticsConfig))(config)
    return yield* Effect.orElse(read, () => Effect.orDie(Schema.decode(StatisticsConfig)({})))
  })

/** Whether a node measures only the systems that need no model, ahead of the whole table. */
export const isOfFirstResults = (node: string): boolean =>
  node === `evaluate.${firstResults}` || node.startsWith(`evaluate.${firstResults}@`)

/** The first output of a kind among nodes of a stage, with the collection that the node's name ends in. */
const outputsOfKind = (record: RunRecord, kind: string) =>
  record.nodes.flatMap((node: Node) =>
    isOfFirstResults(node.name)
      ? []
      : Object.values(node.outputs)
          .filter((output) => output.kind === kind)
          .map(({ hash }) => ({ hash, dataset: /@(.+)$/.exec(node.name)?.[1], node })),
  )

/** Sees to it that an output of a run's node is in the store's folder, where there is a remote that has it. */
export const bringOutput = (
  { key, stage }: { readonly key?: string | undefined; readonly stage?: string | undefined },
  hash: string,
) =>
  Effect.gen(function* () {
    const { remote } = yield* ArtifactStore
    if (remote === undefined || stage === undefined || key === undefined) return
    yield* remote.find(stage, key, undefined)
    yield* remote.bringHash(hash)
  })

/**
 * What the result table of the last run printed: collection by collection, and all of them together where there are several.
 *
 * @param only the collection's name where there is one: then no node's name has it.
 */
export const lastSummaries = (connection: DuckDBConnection) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const datasets = yield* distinctValues(connection, "dataset", "queries")
    // As the catalog has it: a run that was interrupted, or failed, may have measured and not compared.
    const last = yield* newestRun(
      (record) => record.outcome === "succeeded" && outputsOfKind(record, Kinds.Summary.name).length > 0,
    )
    if (last === undefined) return yield* new NotInLastRun({ what: "table", asked: "", known: [] })
    const significances = outputsOfKind(last, Kinds.Significance.name)
    const significanceOf = (dataset: string | undefined) =>
      Effect.forEach(
        significances.filter((each) => each.dataset === dataset),
        ({ hash, node }) =>
          Effect.zipRight(
            bringOutput(node, hash),
            readJson(join(store.objectPath(hash), "significance.json"), SignificanceSummary),
          ),
      )
    const tables = yield* Effect.forEach(outputsOfKind(last, Kinds.Summary.name), ({ hash, dataset, node }) =>
      Effect.gen(function* () {
        yield* bringOutput(node, hash)
        const summary = yield* readJson(join(store.objectPath(hash), "summary.json"), EvaluationSummary)
        const [significance] = yield* significanceOf(dataset)
        return datasetSummary(dataset ?? datasets[0] ?? "", summary, significance)
      }),
    )
    if (tables.length < 2) return tables
    const { weighting } = yield* lastStatistics(connection)
    const [significance] = yield* significanceOf(undefined)
    return [...tables, combinedTable(tables, weighting, significance)]
  })
