import * as Effect from "effect/Effect"
import { trecOrderSql, UNJUDGED } from "../../measures/index.ts"
import type { DuckDbError } from "../../pipeline/index.ts"
import { DuplicateDocument, ScoreNotFinite } from "./EvaluateError.ts"
import { type Connection, columns, execute, numbers, text } from "./sqlColumns.ts"

/** What a ranking retrieved for the judged queries, without a docid in JavaScript. */
export interface RankedGrades {
  /** Documents retrieved, by ordinal of the query; 0 where the ranking misses it. */
  readonly retrieved: Int32Array
  /** The grades of a query's documents, best first. The array is overwritten by the next call. */
  readonly grades: (ordinal: number) => Int32Array
  /** Whether the rows were stored in another order than trec_eval's and had to be ranked anew. */
  readonly reranked: boolean
}

/**
 * Rows that are not where trec_eval's order puts them: qids ascending, ranks from 1, scores descending, tied docids
 * descending, all by bytes. `lag` over the stored order streams; nothing is sorted.
 */
const disorder = (table: string): string => `
  SELECT count(*) FILTER (NOT isfinite(score)),
         count(*) FILTER (CASE WHEN rank > 1
           THEN qid IS DISTINCT FROM before_qid OR rank <> before_rank + 1 OR score > before_score
             OR (score = before_score AND docid >= before_docid)
           ELSE rank < 1 OR before_qid >= qid END)
  FROM (SELECT qid, docid, rank, score, lag(qid) OVER () AS before_qid, lag(docid) OVER () AS before_docid,
               lag(rank) OVER () AS before_rank, lag(score) OVER () AS before_score FROM ${table})`

/**
 * Joins a stored ranking (columns qid, docid, rank, score) with `judged_qrels`. Its order is checked row by row and not
 * believed; a ranking in another order is ranked anew by trec_eval's. A judged document that stands twice is an error; that no
 * other does is what the stages that make runs promise, and what importing one checks.
 *
 * @param table what SQL reads from: a view, a table or `read_parquet(…)`.
 * @param where the ranking's name for messages: the system, or `candidates`.
 */
export const rankedGrades = (
  connection: Connection,
  table: string,
  where: string,
  queries: number,
): Effect.Effect<RankedGrades, DuckDbError | DuplicateDocument | ScoreNotFinite> =>
  Effect.gen(function* () {
    const [notFinite = 0, misplaced = 0] = yield* numbers(connection, disorder(table))
    if (notFinite > 0) {
      const [[qid] = [], [docid] = []] = yield* columns(
        connection,
        `SELECT qid, docid FROM ${table} WHERE NOT isfinite(score) ORDER BY qid, docid LIMIT 1`,
      )
      return yield* new ScoreNotFinite({ where, qid: text(qid), docid: text(docid) })
    }
    const reranked = misplaced > 0
    if (reranked) {
      yield* execute(
        connection,
        `CREATE OR REPLACE TEMP TABLE reranked AS
         SELECT qid, docid, (row_number() OVER (PARTITION BY qid ORDER BY ${trecOrderSql}))::INTEGER AS rank
         FROM ${table}`,
      )
    }
    const ranked = reranked ? "reranked" : table
    const [counted = [], counts = []] = yield* columns(
      connection,
      `SELECT ordinal, n FROM (SELECT qid, count(*)::INTEGER AS n FROM ${ranked} GROUP BY qid) JOIN judged_queries USING (qid)`,
    )
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE matches AS
       SELECT j.ordinal, r.rank, j.grade, r.qid, r.docid
       FROM ${ranked} r JOIN judged_qrels j ON r.qid = j.qid AND r.docid = j.docid`,
    )
    const [[twiceQid] = [], [twiceDocid] = []] = yield* columns(
      connection,
      "SELECT qid, docid FROM matches GROUP BY qid, docid HAVING count(*) > 1 ORDER BY qid, docid LIMIT 1",
    )
    if (twiceQid !== undefined) {
      return yield* new DuplicateDocument({ where, qid: text(twiceQid), docid: text(twiceDocid) })
    }
    const [ordinals = [], ranks = [], grades = []] = yield* columns(
      connection,
      "SELECT ordinal, rank, grade FROM matches ORDER BY ordinal",
    )
    yield* execute(connection, "DROP TABLE matches")
    if (reranked) yield* execute(connection, "DROP TABLE reranked")

    const retrieved = new Int32Array(queries)
    for (let i = 0; i < counted.length; i++) retrieved[Number(counted[i])] = Number(counts[i])
    const rankOf = Int32Array.from(ranks, Number)
    const gradeOf = Int32Array.from(grades, Number)
    const firstMatch = new Int32Array(queries + 1)
    for (const ordinal of ordinals) firstMatch[Number(ordinal) + 1]!++
    for (let ordinal = 0; ordinal < queries; ordinal++)
      firstMatch[ordinal + 1] = firstMatch[ordinal + 1]! + firstMatch[ordinal]!
    const buffer = new Int32Array(retrieved.reduce((most, n) => Math.max(most, n), 0))

    return {
      retrieved,
      reranked,
      grades: (ordinal) => {
        const view = buffer.subarray(0, retrieved[ordinal]).fill(UNJUDGED)
        for (let match = firstMatch[ordinal]!; match < firstMatch[ordinal + 1]!; match++) {
          view[rankOf[match]! - 1] = gradeOf[match]!
        }
        return view
      },
    }
  })
