import * as Effect from "effect/Effect"
import { trecOrderSql } from "../../measures/index.ts"
import {
  DuckDb,
  duckDbPromise,
  type StageRun,
  sqlString,
  tableCopy,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import { column, documentSql, type Kinds, optionalColumn, tableKind } from "../../schemas/index.ts"
import { attempt } from "./attempt.ts"
import type { ImportRunConfig } from "./Config.ts"
import { EmptyCollection, MalformedRow } from "./IngestError.ts"
import type { RunForm } from "./read/Rows.ts"
import { runFile } from "./read/RunFile.ts"
import { unknownIds } from "./unknownIds.ts"

type In = {
  readonly file: typeof Kinds.SourceFiles
  readonly queries: typeof Kinds.Queries
  readonly passages: typeof Kinds.Passages
}
type Out = { readonly run: typeof Kinds.Run }

/** The rows of the file as they come. */
const RunLines = tableKind("run-lines", {
  qid: column("VARCHAR"),
  docid: column("VARCHAR"),
  score: column("DOUBLE"),
  rank: optionalColumn("DOUBLE"),
  line: column("INTEGER"),
})

/** What orders the results, by what the columns turned out to be. */
const scoreSql = { score: "score", rank: "rank", "minus rank": "0 - rank" } as const

/** A score as 32 bits have it; what they cannot hold is infinite, as in C. */
const asFloat = (score: string): string => `coalesce(TRY_CAST(${score} AS FLOAT), sign(${score}) * 'inf'::FLOAT)`

/**
 * Reads another tool's run. A rank beside a score is not believed: results are ordered by score, ties by docid, as trec_eval
 * does. Results of queries that the collection lacks are left out and counted, docids that it lacks are counted. Memory does
 * not grow with the run, but for the number of its queries.
 */
export const run: StageRun<ImportRunConfig, In, Out> = ({ config, inputs, outputs, scratch, progress, warn }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = inputs.file.path
      const { file, system } = config
      const writer = yield* tableWriter(RunLines, scratch)
      const connection = yield* (yield* DuckDb).connect
      const path = `${folder}/${file}`
      const batches = yield* Effect.acquireRelease(
        Effect.sync(() => runFile(path, file, async () => connection)),
        (iterator) => Effect.promise(async () => iterator.return({ scores: "score", checkRanks: false, said: [] })),
      )
      let read = 0
      let form: RunForm
      for (;;) {
        const next = yield* attempt(folder, () => batches.next())
        if (next.done === true) {
          form = next.value
          break
        }
        yield* writer.writeRows(next.value)
        read += next.value.length
        progress({ done: read, unit: "results" })
      }
      if ((yield* writer.finish) === 0) {
        return yield* Effect.fail(new EmptyCollection({ file, lacks: "holds no result", fix: "Name a run file." }))
      }

      for (const said of form.said) warn(said)
      const lines = `(SELECT qid, docid, ${scoreSql[form.scores]} AS score, rank, line FROM ${tableSource({ path: scratch })})`
      const query = (sql: string) =>
        duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRowsJson())
      const [twice] = yield* query(
        `SELECT qid, docid, min(line), max(line) FROM ${lines} GROUP BY qid, docid HAVING count(*) > 1 ORDER BY 4 LIMIT 1`,
      )
      if (twice !== undefined) {
        const [qid, docid, first, last] = twice.map(String)
        return yield* Effect.fail(
          new MalformedRow({
            file,
            line: Number(last),
            field: "docid",
            expected: `each docid once for a query; line ${first} has ${docid} for ${qid} already`,
            found: String(docid),
            fix: "Remove one of them.",
          }),
        )
      }
      const known = tableSource(inputs.queries)
      const passages = tableSource(inputs.passages)
      const queries = yield* unknownIds(connection, "qid", lines, known)
      if (queries.unknown === queries.all) {
        const lacks = `none of its queries is one of the collection's ${queries.known} (${queries.example}, and there ${queries.exampleKnown})`
        const fix = `Name a run of this collection's queries.${queries.hint}`
        return yield* Effect.fail(new EmptyCollection({ file, lacks, fix }))
      }
      if (queries.unknown > 0) {
        const { example, hint, unknown } = queries
        const which = unknown === 1 ? "1 query of the run is" : `${unknown} queries of the run are`
        warn(`${which} not the collection's (${example}${unknown > 1 ? " and others" : ""}): left out.${hint}`)
      }
      const rows = `(SELECT * FROM ${lines} WHERE qid IN (SELECT qid FROM ${known}))`
      const { separator } = config
      const document = separator === undefined ? "docid" : documentSql("docid", separator)
      const docids = yield* unknownIds(connection, "docid", `(SELECT ${document} AS docid FROM ${rows})`, passages)
      if (docids.unknown === docids.all) {
        const lacks = `none of its ${docids.all} docids is one of the collection's ${docids.known} (${docids.example}, and there ${docids.exampleKnown})`
        const fix = `Name a run over this collection's passages.${docids.hint}`
        return yield* Effect.fail(new EmptyCollection({ file, lacks, fix }))
      }
      if (docids.unknown > 0) {
        const { all, example, hint, unknown } = docids
        const others = unknown > 1 ? " and others" : ""
        warn(
          `${unknown} of the run's ${all} docids ${unknown === 1 ? "is" : "are"} not the collection's (${example}${others}): kept, they count as any other result.${hint}`,
        )
      }

      if (form.checkRanks) {
        const [against] = yield* query(
          `SELECT count(DISTINCT qid) FILTER (rank > last AND score > before)::INTEGER, count(DISTINCT qid)::INTEGER FROM (
             SELECT qid, rank, score, lag(rank) OVER ranked AS last, lag(score) OVER ranked AS before FROM ${rows}
             WINDOW ranked AS (PARTITION BY qid ORDER BY rank, score DESC))`,
        )
        const [count = 0, all = 0] = (against ?? []).map(Number)
        if (count > 0) {
          warn(
            `in ${count} of ${all} queries a result has a higher score than one of better rank: ordered by score, as trec_eval does`,
          )
        }
      }
      const [[pairs] = []] = yield* query(
        `SELECT count(*) FILTER (score <> next AND ${asFloat("score")} = ${asFloat("next")})::INTEGER FROM (
           SELECT score, lead(score) OVER (PARTITION BY qid ORDER BY ${trecOrderSql}) AS next FROM ${rows})`,
      )
      const pairsWithinFloat = Number(pairs)
      if (pairsWithinFloat > 0) {
        const which = pairsWithinFloat === 1 ? "1 pair" : `${pairsWithinFloat} pairs`
        warn(
          `${which} of neighbouring results differ in score only beyond 32 bits: two scores here, ties (by docid) in pytrec_eval and in trec_eval before 9.0.8`,
        )
      }

      const kept = config.leaveOutOwn ? `WHERE ${document} <> qid` : ""
      const [counts] = yield* query(
        `SELECT count(*)::INTEGER, count(*) FILTER (${document} = qid)::INTEGER FROM ${rows}`,
      )
      const [all = 0, own = 0] = (counts ?? []).map(Number)
      const leftOutOwn = config.leaveOutOwn ? own : 0
      const sql = tableCopy(
        `SELECT ${sqlString(system)} AS system, qid, docid,
               (row_number() OVER (PARTITION BY qid ORDER BY ${trecOrderSql}))::INTEGER AS rank, score
        FROM ${rows} ${kept} ORDER BY qid, rank`,
        outputs.run,
      )
      yield* duckDbPromise(connection, sql, () => connection.run(sql))
      return {
        rows: { run: all - leftOutOwn },
        facts: { unknownQueries: queries.unknown, unknownDocids: docids.unknown, pairsWithinFloat, leftOutOwn },
      }
    }),
  )
