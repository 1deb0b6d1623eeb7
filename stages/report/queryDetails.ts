import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import { duckDbPromise, rowsOf, sqlString, streamRows, tableSource } from "../../pipeline/index.ts"
import type { ReportSettings } from "../../schemas/index.ts"
import { type CollectedDataset, type DatasetInputs } from "./collectDataset.ts"
import { detailQueries, type ShownPassage } from "./page/ReportModel.ts"

/** The passages of queries that share a block. */
export interface DetailsPart {
  readonly split: number
  readonly part: number
  /** One list a query. */
  readonly queries: ReadonlyArray<ReadonlyArray<ShownPassage>>
}

const textOrNull = (value: DuckDBValue | undefined): string | null =>
  value === null || value === undefined ? null : String(value)

/**
 * Finds, for every judged query, the passages that a system has among its first, and the relevant ones, each with its text, its
 * grade and its place with every system; hands them on part by part, in order, so that memory does not grow with the collection.
 */
export const queryDetails = <E, R>(
  connection: DuckDBConnection,
  inputs: DatasetInputs,
  { splits, runs }: CollectedDataset,
  settings: ReportSettings,
  take: (part: DetailsPart) => Effect.Effect<void, E, R>,
) =>
  Effect.gen(function* () {
    const { depth, moves, characters } = settings
    const run = (sql: string) => duckDbPromise(connection, sql, () => connection.run(sql))
    const ranked = runs.map(
      (each, system) =>
        `SELECT ${system} AS system, qid, docid, rank FROM ${tableSource(each)} WHERE rank <= ${Math.max(depth, moves)}`,
    )
    yield* run(
      `CREATE OR REPLACE TEMP TABLE asked AS
       SELECT qid, list_position([${splits.map(({ name }) => sqlString(name)).join(", ")}], split) - 1 AS split,
              row_number() OVER (PARTITION BY split ORDER BY qid) - 1 AS query
       FROM (SELECT DISTINCT qid, split FROM ${tableSource(inputs.scores)})`,
    )
    yield* run(
      `CREATE OR REPLACE TEMP TABLE near AS SELECT * FROM (${ranked.join(" UNION ALL ")}) JOIN asked USING (qid)`,
    )
    const sql = `
      WITH shown AS (
             SELECT qid, split, query, docid FROM near WHERE rank <= ${depth}
             UNION
             SELECT qid, split, query, docid FROM ${tableSource(inputs.qrels)} JOIN asked USING (qid) WHERE grade > 0
               QUALIFY row_number() OVER (PARTITION BY qid ORDER BY grade DESC, docid) <= ${depth}),
           placed AS (
             SELECT shown.*, min(near.rank) AS best,
                    string_agg(near.system || ':' || near.rank, ' ' ORDER BY near.system) AS ranks
             FROM shown LEFT JOIN near USING (qid, split, query, docid) GROUP BY ALL)
      SELECT split, query, docid, grade, title, left(text, ${characters}) AS shown, length(text) > ${characters} AS cut, ranks
      FROM placed LEFT JOIN ${tableSource(inputs.passages)} USING (docid) LEFT JOIN ${tableSource(inputs.qrels)} USING (qid, docid)
      ORDER BY split, query, best, docid`
    const next = yield* streamRows(connection, sql)

    let open: { split: number; part: number; queries: Array<Array<ShownPassage>> } | undefined
    for (;;) {
      const batch = yield* next
      if (batch === undefined) break
      for (const [split, query, docid, grade, title, text, cut, ranks] of rowsOf(batch)) {
        const place = { split: Number(split), part: Math.floor(Number(query) / detailQueries) }
        if (open !== undefined && (open.split !== place.split || open.part !== place.part)) {
          yield* take(open)
          open = undefined
        }
        open ??= { ...place, queries: Array.from({ length: detailQueries }, () => []) }
        open.queries[Number(query) % detailQueries]!.push({
          docid: String(docid),
          grade: grade === null || grade === undefined ? null : Number(grade),
          title: textOrNull(title),
          text: textOrNull(text) ?? "",
          cut: cut === true,
          ranks: textOrNull(ranks) ?? "",
        })
      }
    }
    if (open !== undefined) yield* take(open)
    yield* run("DROP TABLE near")
    yield* run("DROP TABLE asked")
  })
