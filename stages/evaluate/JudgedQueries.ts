import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Judgements } from "../../measures/index.ts"
import { type DuckDbError, type StoredArtifact, tableSource } from "../../pipeline/index.ts"
import { type Kinds, QueryKind, Split } from "../../schemas/index.ts"
import { DuplicateDocument, NothingJudged } from "./EvaluateError.ts"
import { type Connection, columns, execute, numbers, text } from "./sqlColumns.ts"

/** The queries that have judgements, sorted by qid (bytes): their ordinal is the index into every array. */
export interface JudgedQueries {
  readonly qids: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<QueryKind>
  readonly splits: ReadonlyArray<Split>
  readonly judgements: ReadonlyArray<Judgements>
  /** The largest grade there is. */
  readonly maxGrade: number
  /** Qrels whose qid no query has; they are left out. */
  readonly danglingQrels: number
}

const decodeKinds = Schema.decodeUnknownSync(Schema.Array(QueryKind))
const decodeSplits = Schema.decodeUnknownSync(Schema.Array(Split))

/**
 * Reads queries and qrels, and leaves them with the connection as `judged_queries (ordinal, qid)` and `judged_qrels
 * (ordinal, qid, docid, grade)`, so that a run can be joined without its strings leaving DuckDB.
 */
export const judgedQueries = (
  connection: Connection,
  queries: StoredArtifact<Kinds.Queries>,
  qrels: StoredArtifact<Kinds.Qrels>,
): Effect.Effect<JudgedQueries, DuckDbError | DuplicateDocument | NothingJudged> =>
  Effect.gen(function* () {
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE judged_queries AS
       SELECT (row_number() OVER (ORDER BY qid) - 1)::INTEGER AS ordinal, qid, kind, split FROM ${tableSource(queries)}
       WHERE qid IN (SELECT qid FROM ${tableSource(qrels)})`,
    )
    yield* execute(
      connection,
      `CREATE OR REPLACE TEMP TABLE judged_qrels AS
       SELECT ordinal, qid, docid, grade FROM ${tableSource(qrels)} JOIN judged_queries USING (qid)`,
    )
    const [twiceQid = [], twiceDocid = []] = yield* columns(
      connection,
      "SELECT qid, docid FROM judged_qrels GROUP BY qid, docid HAVING count(*) > 1 ORDER BY qid, docid LIMIT 1",
    )
    if (twiceQid.length > 0) {
      return yield* new DuplicateDocument({ where: "qrels", qid: text(twiceQid[0]), docid: text(twiceDocid[0]) })
    }
    const [qids = [], kinds = [], splits = []] = yield* columns(
      connection,
      "SELECT qid, kind, split FROM judged_queries ORDER BY ordinal",
    )
    const [ordinals = [], grades = []] = yield* columns(
      connection,
      "SELECT ordinal, grade FROM judged_qrels ORDER BY ordinal, grade DESC",
    )
    const [all = 0] = yield* numbers(connection, `SELECT count(*) FROM ${tableSource(qrels)}`)
    if (qids.length === 0) {
      const [asked = 0] = yield* numbers(connection, `SELECT count(*) FROM ${tableSource(queries)}`)
      return yield* new NothingJudged({ queries: asked, qrels: all })
    }

    const sorted = Int32Array.from(grades, Number)
    const judgements: Array<Judgements> = []
    let start = 0
    for (let ordinal = 0; ordinal < qids.length; ordinal++) {
      let end = start
      while (end < ordinals.length && ordinals[end] === ordinal) end++
      judgements.push({ grades: sorted.subarray(start, end) })
      start = end
    }
    return {
      qids: qids.map(text),
      kinds: decodeKinds(kinds),
      splits: decodeSplits(splits),
      judgements,
      maxGrade: judgements.reduce((most, { grades: [first = most] }) => Math.max(most, first), 0),
      danglingQrels: all - ordinals.length,
    }
  })
