import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, sep } from "node:path"
import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { DuckDbError, StorePlace } from "../pipeline/index.ts"
import {
  ArtifactStore,
  DuckDb,
  duckDbPromise,
  literalPath,
  parquetOptions,
  sqlIdentifier,
  sqlString,
} from "../pipeline/index.ts"
import { causeText, Kinds, type TableKind } from "../schemas/index.ts"
import { bringTables, type NamedTable } from "./TablesElsewhere.ts"
import { layerToldStore } from "./ToldStore.ts"

/** A stored table that a view of the catalog shows. */
export interface CatalogTable {
  /** The collection's name, the view's first column. */
  readonly dataset: string
  readonly kind: TableKind
  /** Content hash of the artifact. */
  readonly hash: string
}

/** A table of an earlier result, for `every_score`. */
export interface CatalogResult {
  /** The first digits of the action key that made it. */
  readonly result: string
  readonly finishedAt: string
  /** The collection's name, where a comparison says it. */
  readonly dataset: string | undefined
  /** Content hash of the scores. */
  readonly hash: string
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

/** The variable that says where the store is, for clients that work in another folder. Ends in `/`. */
export const storeVariable = "rankdag_store"

/** An artifact's files, from the store on: DuckDB takes a relative name from the folder that its client works in. */
const storedFiles = (hash: string): string =>
  `coalesce(getvariable('${storeVariable}'), '') || 'objects/${hash.slice(0, 2)}/${hash}/*.parquet'`

const tableView = (view: string, kind: TableKind, tables: ReadonlyArray<CatalogTable>): string => {
  const parts = tables
    .filter((table) => table.kind.name === kind.name)
    .map(
      ({ dataset, hash }) =>
        `SELECT ${sqlString(dataset)} AS dataset, ${columnList(kind)} FROM read_parquet(${storedFiles(hash)}, ${parquetOptions})`,
    )
  return `CREATE VIEW ${view} AS ${parts.length === 0 ? emptySelect(["dataset"], kind) : parts.join(" UNION ALL ")}`
}

/** One scan of all files, however many results there are, and what each is by its name. */
const everyScoreView = (results: ReadonlyArray<CatalogResult>): string => {
  const kind = Kinds.Scores
  if (results.length === 0) {
    return `CREATE OR REPLACE VIEW every_score AS ${emptySelect(["result", "finished_at", "dataset"], kind)}`
  }
  const files = [...new Set(results.map(({ hash }) => storedFiles(hash)))].sort()
  const rows = results.map(({ dataset, finishedAt, hash, result }) => {
    const name = dataset === undefined ? "NULL" : sqlString(dataset)
    return `(${sqlString(hash)}, ${sqlString(result)}, ${sqlString(finishedAt)}::TIMESTAMPTZ, ${name})`
  })
  return `CREATE OR REPLACE VIEW every_score AS
    SELECT result, finished_at, dataset, ${columnList(kind)}
    FROM read_parquet([${files.join(", ")}], ${parquetOptions}, filename = true)
    JOIN (VALUES ${rows.join(", ")}) AS results(hash, result, finished_at, dataset)
      ON results.hash = regexp_extract(filename, '([0-9a-f]{64})[/\\\\][^/\\\\]*$', 1)`
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
export const catalogPath = (store: string): string => join(store, "catalog.duckdb")

/** Says where the store is, whatever characters its path has. */
const setStore = (connection: DuckDBConnection, store: string) => {
  const path = literalPath(store).split(sep).join("/")
  const sql = `SET VARIABLE ${storeVariable} = ${sqlString(`${path}/`)}`
  return duckDbPromise(connection, sql, () => connection.run(sql))
}

/** Changes a database file through DuckDB: the file is attached by a name of its own, and nobody else knows it yet. */
const inDatabase = (store: string, file: string, statements: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const connection = yield* (yield* DuckDb).connect
      const run = (sql: string) => duckDbPromise(connection, sql, () => connection.run(sql))
      yield* setStore(connection, store)
      yield* run(`ATTACH ${sqlString(file)} AS catalog_file`)
      // A disk that is full when a statement runs must not leave the file open.
      yield* Effect.addFinalizer(() =>
        Effect.ignore(Effect.zipRight(run("USE memory"), run("DETACH DATABASE IF EXISTS catalog_file"))),
      )
      yield* run("USE catalog_file")
      for (const statement of statements) yield* run(statement)
      yield* run("USE memory")
      yield* run("DETACH catalog_file")
    }),
  )

/** Writes the views into a database file that is not there yet. */
export const writeCatalog = (store: string, file: string, contents: CatalogContents) =>
  inDatabase(store, file, [
    ...views.map(({ view, kind }) => tableView(view, kind, contents.tables)),
    everyScoreView(contents.results),
    stagesView(contents.stages),
    provenanceView(contents.provenance),
  ])

/** Writes the view of all stored scores anew in a catalog that is nobody else's yet. */
export const rewriteEveryScore = (store: string, file: string, results: ReadonlyArray<CatalogResult>) =>
  inDatabase(store, file, [everyScoreView(results)])

/** Another program has the catalog open for writing, and it cannot be read beside it. */
export class CatalogInUse extends Schema.TaggedError<CatalogInUse>()("CatalogInUse", {
  path: Schema.String,
  /** As DuckDB names it: the program and its number. */
  holder: Schema.String,
}) {
  override get message(): string {
    return `${this.path} is open for writing in another program (${this.holder}), and no copy of it could be read. Close it there, or open it there read-only, and ask again.`
  }
}

/** The catalog is not the database that was written. */
export class CatalogDamaged extends Schema.TaggedError<CatalogDamaged>()("CatalogDamaged", {
  path: Schema.String,
  why: Schema.String,
}) {
  override get message(): string {
    return `${this.path} cannot be read: ${this.why}. Results are not kept in it: the next run, with nothing to do even, writes it anew.`
  }
}

/** Whom DuckDB names as the holder of a lock. */
const holderIn = (error: DuckDbError): string | undefined => {
  const text = causeText(error.cause)
  if (!/could not set lock/i.test(text)) return undefined
  return /held in (.+?\(PID \d+\)[^.]*)\./.exec(text)?.[1] ?? "it is not known which"
}

/** Attaches a copy: views are all there is in a catalog, so that what another program has not finished writing is not missed. */
const attachCopy = (connection: DuckDBConnection, path: string, holder: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "rankdag-catalog-"))),
        // What is attached stays readable when its name is gone.
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true })),
      )
      const copy = join(folder, "catalog.duckdb")
      const sql = `ATTACH ${sqlString(copy)} AS rankdag (READ_ONLY)`
      yield* duckDbPromise(connection, sql, async () => {
        copyFileSync(path, copy)
        await connection.run(sql)
        await connection.run("SELECT count(*) FROM duckdb_views() WHERE database_name = 'rankdag'")
      })
    }),
  ).pipe(Effect.mapError(() => new CatalogInUse({ path, holder })))

/** The view that shows tables of a kind. */
export const viewOf = (kind: TableKind): string | undefined => views.find((each) => each.kind.name === kind.name)?.view

/** Views of this connection alone, in the place of the catalog's, of tables that lay in the remote when it was written. */
const viewsOfBrought = (brought: ReadonlyArray<NamedTable>): ReadonlyArray<string> =>
  views.flatMap(({ view, kind }) => {
    const tables = brought.filter((table) => table.view === view)
    return tables.length === 0
      ? []
      : [
          tableView(
            view,
            kind,
            tables.map(({ dataset, hash }) => ({ dataset, kind, hash })),
          ).replace("CREATE VIEW", "CREATE TEMP VIEW"),
        ]
  })

/**
 * A connection that sees the catalog's views by their plain names; nothing can be written through it.
 *
 * @param asked the views that are to be read: what of their files lies in the remote alone is brought. Default all.
 */
export const openCatalog = (artifacts: string | StorePlace, asked: ReadonlyArray<string> = catalogViews) =>
  Effect.gen(function* () {
    const { directory } = yield* ArtifactStore
    const path = catalogPath(directory)
    if (!existsSync(path)) return yield* new NoCatalog({ path })
    const brought = yield* bringTables(asked)
    const connection = yield* (yield* DuckDb).connect
    const run = (sql: string) => duckDbPromise(connection, sql, () => connection.run(sql))
    yield* setStore(connection, directory)
    yield* Effect.catchAll(
      run(`ATTACH IF NOT EXISTS ${sqlString(path)} AS rankdag (READ_ONLY)`),
      (error): Effect.Effect<unknown, CatalogDamaged | CatalogInUse> => {
        const holder = holderIn(error)
        if (holder !== undefined) return attachCopy(connection, path, holder)
        const [why = ""] = causeText(error.cause).split("\n")
        return Effect.fail(new CatalogDamaged({ path, why: why.replace(/\.$/, "") }))
      },
    )
    yield* run("USE rankdag")
    for (const statement of viewsOfBrought(brought)) yield* run(statement)
    return connection
  }).pipe(Effect.provide(layerToldStore(artifacts)))
