import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { dirname, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { DuckDb, type DuckDbError, duckDbPromise, sqlIdentifier, sqlString } from "../pipeline/index.ts"
import { Kinds, type TableKind, tableFiles } from "../schemas/index.ts"

/** A stored table that a view of the catalog shows. */
export interface CatalogTable {
  /** The collection's name, the view's first column. */
  readonly dataset: string
  readonly kind: TableKind
  /** Absolute path of the artifact. */
  readonly path: string
}

/** A table of an earlier result, for `every_score`. */
export interface CatalogResult {
  /** The first digits of the action key that made it. */
  readonly result: string
  readonly finishedAt: string
  readonly path: string
}

/** One node of the last run, for the view `stages`. */
export interface CatalogStage {
  readonly node: string
  readonly status: string
  readonly seconds: number
  readonly key: string
  readonly output: string
}

/** How a result of the last run came about, for the view `provenance`. */
export interface CatalogProvenance {
  readonly node: string
  readonly stage: string
  readonly key: string
  /** JSON. */
  readonly config: string
  readonly code: string
  /** JSON: versions by name. */
  readonly packages: string
  /** JSON. */
  readonly facts: string
  /** The run that made it, which may be an earlier one. */
  readonly run: string
  readonly startedAt: string
  readonly seconds: number
  readonly platform: string
  readonly nodejs: string
}

/** Everything that the catalog shows. */
export interface CatalogContents {
  readonly tables: ReadonlyArray<CatalogTable>
  readonly results: ReadonlyArray<CatalogResult>
  readonly stages: ReadonlyArray<CatalogStage>
  readonly provenance: ReadonlyArray<CatalogProvenance>
}

/** There is no catalog to ask yet. */
export class NoCatalog extends Schema.TaggedError<NoCatalog>()("NoCatalog", { path: Schema.String }) {
  override get message(): string {
    return `${this.path} is not there: nothing has been computed in this store yet. Run \`tsx dag.ts --target eval\` first, or name another store with --artifacts.`
  }
}

/** The view that shows each kind of table; runs and candidates by the plural that SQL reads best with. */
const views: ReadonlyArray<{ readonly view: string; readonly kind: TableKind }> = [
  { view: "passages", kind: Kinds.Passages },
  { view: "queries", kind: Kinds.Queries },
  { view: "qrels", kind: Kinds.Qrels },
  { view: "runs", kind: Kinds.Run },
  { view: "candidates", kind: Kinds.Candidates },
  { view: "scores", kind: Kinds.Scores },
  { view: "comparisons", kind: Kinds.Comparisons },
  { view: "depth_profile", kind: Kinds.DepthProfile },
  { view: "training_log", kind: Kinds.TrainingLog },
]

const columnList = (kind: TableKind): string => Object.keys(kind.columns).map(sqlIdentifier).join(", ")

const emptySelect = (extra: ReadonlyArray<string>, kind: TableKind): string =>
  `SELECT ${[
    ...extra.map((name) => `NULL::VARCHAR AS ${sqlIdentifier(name)}`),
    ...Object.entries(kind.columns).map(([name, column]) => `NULL::${column.type} AS ${sqlIdentifier(name)}`),
  ].join(", ")} WHERE false`

const tableView = (view: string, kind: TableKind, tables: ReadonlyArray<CatalogTable>): string => {
  const parts = tables
    .filter((table) => table.kind.name === kind.name)
    .map(
      ({ dataset, path }) =>
        `SELECT ${sqlString(dataset)} AS dataset, ${columnList(kind)} FROM read_parquet(${sqlString(tableFiles(path))})`,
    )
  return `CREATE VIEW ${view} AS ${parts.length === 0 ? emptySelect(["dataset"], kind) : parts.join(" UNION ALL ")}`
}

const everyScoreView = (results: ReadonlyArray<CatalogResult>): string => {
  const kind = Kinds.Scores
  const parts = results.map(
    ({ result, finishedAt, path }) =>
      `SELECT ${sqlString(result)} AS result, ${sqlString(finishedAt)}::TIMESTAMPTZ AS finished_at, ${columnList(kind)} FROM read_parquet(${sqlString(tableFiles(path))})`,
  )
  return `CREATE VIEW every_score AS ${parts.length === 0 ? emptySelect(["result", "finished_at"], kind) : parts.join(" UNION ALL ")}`
}

/** A view of rows that stand in the catalog itself: names and types of its columns, and each row's values as SQL. */
const rowsView = (
  view: string,
  columns: Readonly<Record<string, string>>,
  rows: ReadonlyArray<ReadonlyArray<string | number>>,
): string => {
  const typed = Object.entries(columns).map(([name, type]) => `${name}::${type} AS ${name}`)
  const values = rows.map(
    (row) => `(${row.map((value) => (typeof value === "number" ? String(value) : sqlString(value))).join(", ")})`,
  )
  // A list of values cannot be empty.
  const none = `(${Object.keys(columns)
    .map(() => "NULL")
    .join(", ")})`
  const from = `(VALUES ${values.length === 0 ? none : values.join(", ")}) AS given(${Object.keys(columns).join(", ")})`
  return `CREATE VIEW ${view} AS SELECT ${typed.join(", ")} FROM ${from}${values.length === 0 ? " WHERE false" : ""}`
}

const stagesView = (stages: ReadonlyArray<CatalogStage>): string =>
  rowsView(
    "stages",
    {
      position: "INTEGER",
      node: "VARCHAR",
      status: "VARCHAR",
      seconds: "DOUBLE",
      action_key: "VARCHAR",
      output: "VARCHAR",
    },
    stages.map(({ node, status, seconds, key, output }, at) => [at + 1, node, status, seconds, key, output]),
  )

const provenanceView = (records: ReadonlyArray<CatalogProvenance>): string =>
  rowsView(
    "provenance",
    {
      node: "VARCHAR",
      stage: "VARCHAR",
      action_key: "VARCHAR",
      config: "JSON",
      code: "VARCHAR",
      packages: "JSON",
      facts: "JSON",
      run: "VARCHAR",
      started_at: "TIMESTAMPTZ",
      seconds: "DOUBLE",
      platform: "VARCHAR",
      nodejs: "VARCHAR",
    },
    records.map((each) => [
      each.node,
      each.stage,
      each.key,
      each.config,
      each.code,
      each.packages,
      each.facts,
      each.run,
      each.startedAt,
      each.seconds,
      each.platform,
      each.nodejs,
    ]),
  )

/** The names of all views, in the order in which `sql --help` lists them. */
export const catalogViews: ReadonlyArray<string> = [
  ...views.map(({ view }) => view),
  "every_score",
  "stages",
  "provenance",
]

/** Where a store's catalog lies. */
export const catalogPath = (artifacts: string): string => resolve(artifacts, "catalog.duckdb")

/**
 * Writes `catalog.duckdb`: views only, over the store's Parquet files, so that any DuckDB client can ask. It is written
 * anew and renamed into place; it is never the truth and can be deleted at any time.
 */
export const writeCatalog = (
  artifacts: string,
  contents: CatalogContents,
): Effect.Effect<void, DuckDbError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    const connection = yield* (yield* DuckDb).connect
    const path = catalogPath(artifacts)
    const fresh = resolve(artifacts, "tmp", `catalog-${process.pid}.duckdb`)
    yield* Effect.sync(() => {
      mkdirSync(dirname(fresh), { recursive: true })
      rmSync(fresh, { force: true })
    })
    const run = (sql: string) => duckDbPromise(sql, () => connection.run(sql))
    yield* run(`ATTACH ${sqlString(fresh)} AS catalog_file`)
    yield* run("USE catalog_file")
    for (const { view, kind } of views) yield* run(tableView(view, kind, contents.tables))
    yield* run(everyScoreView(contents.results))
    yield* run(stagesView(contents.stages))
    yield* run(provenanceView(contents.provenance))
    yield* run("USE memory")
    yield* run("DETACH catalog_file")
    yield* Effect.sync(() => renameSync(fresh, path))
  })

/** A connection that sees the catalog's views by their plain names; nothing can be written through it. */
export const openCatalog = (artifacts: string) =>
  Effect.gen(function* () {
    const path = catalogPath(artifacts)
    if (!existsSync(path)) return yield* new NoCatalog({ path })
    const connection = yield* (yield* DuckDb).connect
    const run = (sql: string) => duckDbPromise(sql, () => connection.run(sql))
    yield* run(`ATTACH IF NOT EXISTS ${sqlString(path)} AS rankdag (READ_ONLY)`)
    yield* run("USE rankdag")
    return connection
  })
