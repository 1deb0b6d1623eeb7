import * as Effect from "effect/Effect"
import { DuckDb, duckDbPromise, readRows, type StageRun, sqlString, tableWriter } from "../../pipeline/index.ts"
import { column, type Kinds, tableFiles, tableKind } from "../../schemas/index.ts"
import { attempt } from "./attempt.ts"
import type { ImportRunConfig } from "./Config.ts"
import { EmptyCollection, MalformedRow } from "./IngestError.ts"
import { fileChunks } from "./read/files.ts"
import { rankingRows } from "./read/JsonRun.ts"

type In = { readonly file: typeof Kinds.SourceFiles; readonly queries: typeof Kinds.Queries }
type Out = { readonly run: typeof Kinds.Run }

/** The rows of the file as they come. */
const RunLines = tableKind("run-lines", {
  qid: column("VARCHAR"),
  docid: column("VARCHAR"),
  score: column("DOUBLE"),
  line: column("INTEGER"),
})

/**
 * Reads another tool's run. The rank column is not believed: results are ordered by score, ties by docid, as trec_eval does.
 * Results of queries that the collection lacks are left out and counted. Memory does not grow with the run.
 */
export const run: StageRun<ImportRunConfig, In, Out> = ({ config, inputs, outputs, scratch, progress, warn }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = inputs.file.path
      const { file, system } = config
      const writer = yield* tableWriter(RunLines, scratch)
      const batches = yield* Effect.acquireRelease(
        Effect.sync(() => rankingRows(file, fileChunks(`${folder}/${file}`, file))),
        (iterator) => Effect.promise(async () => iterator.return(undefined)),
      )
      let read = 0
      for (;;) {
        const next = yield* attempt(folder, () => batches.next())
        if (next.done === true) break
        yield* writer.writeRows(next.value)
        read += next.value.length
        progress({ done: read, unit: "results" })
      }
      if ((yield* writer.finish) === 0) {
        return yield* Effect.fail(new EmptyCollection({ file, lacks: "holds no result", fix: "Name a run file." }))
      }

      const connection = yield* (yield* DuckDb).connect
      const lines = `read_parquet(${sqlString(tableFiles(scratch))})`
      const query = (sql: string) => duckDbPromise(sql, async () => (await connection.runAndReadAll(sql)).getRowsJson())
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
      const known = `read_parquet(${sqlString(tableFiles(inputs.queries.path))})`
      const [counts] = yield* query(
        `SELECT count(DISTINCT qid) FILTER (qid NOT IN (SELECT qid FROM ${known}))::INTEGER,
                min(qid) FILTER (qid NOT IN (SELECT qid FROM ${known})),
                count(*) FILTER (qid IN (SELECT qid FROM ${known}))::INTEGER,
                count(*) FILTER (docid = qid AND qid IN (SELECT qid FROM ${known}))::INTEGER FROM ${lines}`,
      )
      const [strangers = 0, stranger = "", rest = 0, own = 0] = counts ?? []
      const leftOutOwn = config.leaveOutOwn ? Number(own) : 0
      const [unknown, kept] = [Number(strangers), Number(rest)]
      if (kept === 0) {
        const lacks = `none of its queries is one of the collection's ${(yield* readRows(inputs.queries)).length}`
        return yield* Effect.fail(new EmptyCollection({ file, lacks, fix: "Name a run of this collection's queries." }))
      }
      if (unknown > 0 && typeof stranger === "string") {
        const which = unknown === 1 ? "1 query of the run is" : `${unknown} queries of the run are`
        warn(`${which} not the collection's (${stranger}${unknown > 1 ? " and others" : ""}): left out`)
      }
      const sql = `COPY (
        SELECT ${sqlString(system)} AS system, qid, docid,
               (row_number() OVER (PARTITION BY qid ORDER BY score DESC, docid DESC))::INTEGER AS rank, score
        FROM ${lines} WHERE qid IN (SELECT qid FROM ${known}) ${config.leaveOutOwn ? "AND docid <> qid" : ""} ORDER BY qid, rank
      ) TO ${sqlString(`${outputs.run}/part-00000.parquet`)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)`
      yield* duckDbPromise(sql, () => connection.run(sql))
      return { rows: { run: kept - leftOutOwn }, facts: { unknownQueries: unknown, leftOutOwn } }
    }),
  )
