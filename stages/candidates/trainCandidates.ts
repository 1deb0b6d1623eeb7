import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, type StageContext, tableCopy, tableSource } from "../../pipeline/index.ts"
import { NothingToTrainOn } from "./CandidatesError.ts"
import type { TrainCandidatesConfig, trainCandidatesInputs, trainCandidatesOutputs } from "./contract.ts"

/**
 * The first `depth` results with their grades and, behind rank `depth`, the relevant passages that are not among them, by docid,
 * with the score of the query's last result; sorted by qid (bytes), then rank. The run has no query's own passage where that is
 * left out, and then no relevant one is either.
 */
const selection = (
  { depth, leaveOutOwn }: TrainCandidatesConfig,
  run: string,
  qrels: string,
  queries: string,
): string => `
  WITH asked AS (SELECT qid FROM ${queries}),
       results AS (SELECT qid, docid, rank, score FROM ${run} SEMI JOIN asked USING (qid) WHERE rank <= ${depth}),
       relevant AS (SELECT qid, docid, grade FROM ${qrels} SEMI JOIN asked USING (qid) WHERE grade > 0 ${leaveOutOwn ? "AND docid <> qid" : ""}),
       lowest AS (SELECT qid, min(score) AS score FROM results GROUP BY qid),
       missed AS (SELECT qid, docid, ${depth} + row_number() OVER (PARTITION BY qid ORDER BY docid) AS rank,
                         coalesce(lowest.score, 0) AS score, grade
                  FROM relevant ANTI JOIN results USING (qid, docid) LEFT JOIN lowest USING (qid))
  SELECT qid, docid, rank::INTEGER AS rank, score::DOUBLE AS score, grade::INTEGER AS grade
  FROM (SELECT qid, docid, rank, score, grade FROM results LEFT JOIN (SELECT qid, docid, grade FROM ${qrels}) USING (qid, docid)
        UNION ALL SELECT qid, docid, rank, score, grade FROM missed)
  ORDER BY qid, rank`

/** Writes what a trainer samples its lists from. */
export const run = (
  context: StageContext<TrainCandidatesConfig, typeof trainCandidatesInputs, typeof trainCandidatesOutputs>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const connection = yield* (yield* DuckDb).connect
      const execute = (sql: string) => duckDbPromise(connection, sql, () => connection.run(sql))
      const count = (sql: string) =>
        Effect.map(
          duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getColumnsJS()),
          (columns) => columns.map(([value]) => Number(value)),
        )
      const stored = tableSource({ path: outputs.candidates })
      const rows = selection(config, tableSource(inputs.run), tableSource(inputs.qrels), tableSource(inputs.queries))
      yield* execute(tableCopy(rows, outputs.candidates))
      const [written = 0, queries = 0, missed = 0] = yield* count(
        `SELECT count(*), count(DISTINCT qid), count(*) FILTER (rank > ${config.depth}) FROM ${stored}`,
      )
      const [reached = 0] = yield* count(
        `SELECT count(*) FROM (SELECT qid FROM ${stored} GROUP BY qid
           HAVING bool_or(grade > 0) AND bool_or(coalesce(grade, 0) <= 0 AND rank <= ${config.depth}))`,
      )
      if (reached === 0) return yield* new NothingToTrainOn({ queries, found: "retrieved" })
      return { rows: { candidates: written }, facts: { queries, usable: reached, notRetrieved: missed } }
    }),
  )
