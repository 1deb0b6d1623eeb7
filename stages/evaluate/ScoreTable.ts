import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type DuckDbError, sqlString } from "../../pipeline/index.ts"
import { QueryKind, Split } from "../../schemas/index.ts"
import { type Connection, columns, execute, text } from "./sqlColumns.ts"

/** A query that systems are compared on. */
export interface ScoredQuery {
  readonly dataset: string
  readonly qid: string
  readonly kind: QueryKind
}

/** The scores of one split, query by query, in the form that statistics read. */
export interface ScoreTable {
  readonly split: Split
  /** Sorted by bytes. */
  readonly systems: ReadonlyArray<string>
  /** In the order in which they were asked for. */
  readonly measures: ReadonlyArray<string>
  /** Those of any system, sorted by dataset, then qid (bytes). */
  readonly queries: ReadonlyArray<ScoredQuery>
  /** One value a query, 0 where the system has none: `scores[system][measure]`, by position. */
  readonly scores: ReadonlyArray<ReadonlyArray<Float64Array>>
  /** Of how many queries a system, by position, has no score, though another has. */
  readonly missing: Int32Array
}

/** Some of the systems of a table. */
export const ofSystems = (table: ScoreTable, isKept: (system: string) => boolean): ScoreTable => {
  const kept = table.systems.flatMap((system, position) => (isKept(system) ? [position] : []))
  return {
    ...table,
    systems: kept.map((position) => table.systems[position]!),
    scores: kept.map((position) => table.scores[position]!),
    missing: Int32Array.from(kept, (position) => table.missing[position]!),
  }
}

const decodeKinds = Schema.decodeUnknownSync(Schema.Array(QueryKind))
const decodeSplits = Schema.decodeUnknownSync(Schema.Array(Split))

/**
 * Reads scores as one table for each split, systems side by side over the union of their queries.
 *
 * @param relation what SQL reads from, with the columns dataset, system, split, qid, kind, measure, value.
 */
export const readScoreTables = (
  connection: Connection,
  relation: string,
): Effect.Effect<ReadonlyArray<ScoreTable>, DuckDbError> =>
  Effect.gen(function* () {
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE compared_scores AS
       SELECT dataset, system, split, qid, kind, measure, value FROM ${relation}`,
    )
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE compared_queries AS
       SELECT split, dataset, qid, kind,
              (row_number() OVER (PARTITION BY split ORDER BY dataset, qid) - 1)::INTEGER AS ordinal
       FROM (SELECT DISTINCT split, dataset, qid, kind FROM compared_scores)`,
    )
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE compared_measures AS
       SELECT measure, (row_number() OVER (ORDER BY first) - 1)::INTEGER AS ordinal
       FROM (SELECT measure, min(rowid) AS first FROM compared_scores GROUP BY measure)`,
    )
    const [measures = []] = yield* columns(connection, "SELECT measure FROM compared_measures ORDER BY ordinal")
    const [splits = []] = yield* columns(connection, "SELECT DISTINCT split FROM compared_scores ORDER BY split")
    return yield* Effect.forEach(decodeSplits(splits), (split) =>
      Effect.gen(function* () {
        const [datasets = [], qids = [], kinds = []] = yield* columns(
          connection,
          `SELECT dataset, qid, kind FROM compared_queries WHERE split = '${split}' ORDER BY ordinal`,
        )
        const [systems = []] = yield* columns(
          connection,
          `SELECT DISTINCT system FROM compared_scores WHERE split = '${split}' ORDER BY system`,
        )
        const scores = systems.map(() => measures.map(() => new Float64Array(qids.length)))
        const missing = new Int32Array(systems.length)
        for (const [position, system] of systems.map(text).entries()) {
          const [ofMeasure = [], ofQuery = [], values = []] = yield* columns(
            connection,
            `SELECT m.ordinal, q.ordinal, s.value FROM compared_scores s
             JOIN compared_measures m USING (measure)
             JOIN compared_queries q ON s.split = q.split AND s.dataset = q.dataset AND s.qid = q.qid
             WHERE s.split = '${split}' AND s.system = ${sqlString(system)}`,
          )
          const seen = new Uint8Array(qids.length)
          for (let row = 0; row < values.length; row++) {
            const query = Number(ofQuery[row])
            seen[query] = 1
            scores[position]![Number(ofMeasure[row])]![query] = Number(values[row])
          }
          missing[position] = seen.reduce((count, flag) => count + 1 - flag, 0)
        }
        const kindOf = decodeKinds(kinds)
        return {
          split,
          systems: systems.map(text),
          measures: measures.map(text),
          queries: qids.map((qid, i) => ({ dataset: text(datasets[i]), qid: text(qid), kind: kindOf[i]! })),
          scores,
          missing,
        }
      }),
    )
  })
