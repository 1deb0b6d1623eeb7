import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import { type DuckDbError, duckDbPromise } from "../../pipeline/index.ts"

/** How the identifiers of one table stand to those of another. */
export interface UnknownIds {
  /** how many different ones there are in the one */
  readonly all: number
  /** how many in the other */
  readonly known: number
  /** how many of the one the other lacks */
  readonly unknown: number
  /** the first by bytes of those that are lacking, and of the other's */
  readonly example: string
  readonly exampleKnown: string
  /** a sentence with a space before it, where they would be known written otherwise; or nothing */
  readonly hint: string
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** An identifier without leading zeros, and without the `.0` of a number that went through floats. */
const plain = (id: string): string => `ltrim(regexp_replace(${id}, '\\.0$', ''), '0')`

/**
 * Compares the identifiers of two tables of DuckDB: which of `from` are not in `among`. Only `from`'s are held in memory.
 *
 * @param id the column's name, the same in both
 */
export const unknownIds = (
  connection: DuckDBConnection,
  id: "qid" | "docid",
  from: string,
  among: string,
): Effect.Effect<UnknownIds, DuckDbError> =>
  Effect.gen(function* () {
    const query = (sql: string) =>
      duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRowsJson())
    const ids = `(SELECT DISTINCT ${id} FROM ${from})`
    const [counts] = yield* query(
      `SELECT (SELECT count(*)::INTEGER FROM ${ids}), count(*)::INTEGER,
              count(*) FILTER (${id} IN (SELECT ${id} FROM ${from}))::INTEGER, min(${id}) FROM ${among}`,
    )
    const [all = 0, known = 0, found = 0, exampleKnown = ""] = counts ?? []
    const unknown = Number(all) - Number(found)
    if (unknown === 0) {
      return {
        all: Number(all),
        known: Number(known),
        unknown,
        example: "",
        exampleKnown: textOf(exampleKnown),
        hint: "",
      }
    }
    const lacking = `(SELECT ${id} FROM ${ids} ANTI JOIN ${among} USING (${id}))`
    const [more] = yield* query(
      `SELECT min(${id}), count(*) FILTER (${plain(id)} IN (SELECT ${plain(id)} FROM ${among}))::INTEGER FROM ${lacking}`,
    )
    const [example, others] = more ?? []
    const hint =
      Number(others) === 0
        ? ""
        : ` ${Number(others)} of these ${unknown} would be known but for leading zeros or a final .0: write them as the collection does.`
    return {
      all: Number(all),
      known: Number(known),
      unknown,
      example: textOf(example),
      exampleKnown: textOf(exampleKnown),
      hint,
    }
  })
