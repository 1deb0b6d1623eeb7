import * as Effect from "effect/Effect"
import { trecOrderSql } from "../../measures/index.ts"
import {
  DuckDb,
  duckDbPromise,
  type StageContext,
  sqlIdentifier,
  tableCopy,
  tableSource,
} from "../../pipeline/index.ts"
import type { CandidatesUnionConfig, candidatesOutputs, candidatesUnionInputs } from "./contract.ts"

/** Of reciprocal ranks, as fusions have it where nothing is said (Cormack, Clarke and Büttcher, 2009). */
const k = 60

/** What a run adds to the score of what it has at a rank, which begins with 1. */
export const reciprocalRank = (rank: number): number => 1 / (k + rank)

/** The first `depth` of every run; a candidate's score is the sum of 1 / (60 + rank) over the runs that have it, in their order. */
const selection = ({ depth, systems }: CandidatesUnionConfig, runs: ReadonlyArray<string>, qrels: string): string => {
  const results = runs.map((run, at) => `SELECT ${at} AS run, qid, docid, rank FROM ${run} WHERE rank <= ${depth}`)
  const ranks = systems.map((system, at) => ({ rank: `rank${at}`, at, column: sqlIdentifier(`rank_${system}`) }))
  return `
  WITH results AS (${results.join(" UNION ALL ")}),
       found AS (SELECT qid, docid, ${ranks.map(({ at, rank }) => `max(rank) FILTER (run = ${at}) AS ${rank}`).join(", ")}
                 FROM results GROUP BY qid, docid),
       scored AS (SELECT *, ${ranks.map(({ rank }) => `coalesce(1 / (${k} + ${rank})::DOUBLE, 0)`).join(" + ")} AS score FROM found)
  SELECT qid, docid, (row_number() OVER (PARTITION BY qid ORDER BY ${trecOrderSql}))::INTEGER AS rank, score,
         grade::INTEGER AS grade, ${ranks.map(({ column, rank }) => `${rank}::INTEGER AS ${column}`).join(", ")}
  FROM scored LEFT JOIN (SELECT qid, docid, grade FROM ${qrels}) USING (qid, docid)
  ORDER BY qid, rank`
}

/** Writes the first results of several runs, each candidate once, sorted by qid (bytes), then rank. */
export const run = (
  context: StageContext<CandidatesUnionConfig, typeof candidatesUnionInputs, typeof candidatesOutputs>,
) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs } = context
      const connection = yield* (yield* DuckDb).connect
      const rows = selection(config, inputs.runs.map(tableSource), tableSource(inputs.qrels))
      const copy = tableCopy(rows, outputs.candidates)
      yield* duckDbPromise(connection, copy, () => connection.run(copy))
      const count = `SELECT count(*), count(DISTINCT qid), count(grade) FROM ${tableSource({ path: outputs.candidates })}`
      const columns = yield* duckDbPromise(connection, count, async () =>
        (await connection.runAndReadAll(count)).getColumnsJS(),
      )
      const [candidates = 0, queries = 0, judged = 0] = columns.map(([value]) => Number(value))
      return { rows: { candidates }, facts: { queries, judged } }
    }),
  )
