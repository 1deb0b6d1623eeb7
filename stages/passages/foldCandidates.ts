import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, type StageContext, tableCopy, tableSource } from "../../pipeline/index.ts"
import type { FoldConfig, foldCandidatesInputs, foldCandidatesOutputs } from "./contract.ts"
import { foldSql } from "./foldSql.ts"

/** Folds candidates to documents, with the documents' own grades: what mixing, recall and oracle are about. */
export const run = (context: StageContext<FoldConfig, typeof foldCandidatesInputs, typeof foldCandidatesOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const connection = yield* (yield* DuckDb).connect
      const sql = tableCopy(
        `SELECT qid, docid, rank, score, grade FROM (${foldSql(tableSource(inputs.candidates), config)})
        LEFT JOIN (SELECT qid, docid, grade FROM ${tableSource(inputs.qrels)}) USING (qid, docid)
        ORDER BY qid, rank`,
        outputs.candidates,
      )
      yield* duckDbPromise(connection, sql, () => connection.run(sql))
      const counted = `SELECT count(*)::INTEGER, count(grade)::INTEGER FROM ${tableSource({ path: outputs.candidates })}`
      const [row = []] = yield* duckDbPromise(connection, counted, async () =>
        (await connection.runAndReadAll(counted)).getRowsJson(),
      )
      const [documents = 0, judged = 0] = row.map(Number)
      return { rows: { candidates: documents }, facts: { documents, judged } }
    }),
  )
