import * as Effect from "effect/Effect"
import { openCatalog } from "../cli/Catalog.ts"
import { querySql } from "../cli/SqlResult.ts"
import { layerDuckDb, type StorePlace } from "../pipeline/index.ts"
import { promise } from "./promise.ts"
import { storeOf } from "./storeOf.ts"

/** A value of an answer: JSON; dates and decimals, and integers beyond 2^53, as DuckDB spells them. */
export type Cell = string | number | boolean | null | ReadonlyArray<Cell> | { readonly [name: string]: Cell }

/** A row of an answer: values by the names of its columns. */
export type Row = Readonly<Record<string, Cell>>

/** Where the results are. */
export interface QueryOptions {
  /** The store, as in {@link ExperimentOptions}. Default `artifacts`. */
  readonly artifacts?: string
  /** A local folder before a shared store; before a bucket, `artifacts` if left out. */
  readonly cache?: string
}

/**
 * Asks SQL (DuckDB's) of a store's catalog, which shows the results of the last run in it: the views `runs`, `scores`,
 * `comparisons`, `passages`, `queries`, `qrels`, `candidates`, `training_log`, `depth_profile`, `stages` and `provenance`, and
 * `every_score` of earlier runs too.
 *
 * @returns all rows of the answer, in its order; of columns of one name the later ones get a number
 * @throws NoCatalog where nothing was run in the store; DuckDbError with DuckDB's own words
 */
export const queryResults = (sql: string, options: QueryOptions = {}): Promise<ReadonlyArray<Row>> =>
  queryStore(sql, storeOf(options))

/** Asks SQL of the catalog of a store. */
export const queryStore = (sql: string, place: StorePlace): Promise<ReadonlyArray<Row>> =>
  promise(
    Effect.gen(function* () {
      const connection = yield* openCatalog(place)
      const { columns, rows } = yield* querySql(connection, sql)
      return rows.map((row): Row => Object.fromEntries(columns.map((name, column) => [name, row[column] ?? null])))
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
  )
