import type { DuckDBConnection } from "@duckdb/node-api"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { DuckDb, layerDuckDb } from "../../pipeline/index.ts"
import { MalformedRow } from "./IngestError.ts"
import { fileChunks } from "./read/files.ts"
import { commaSeparated } from "./read/forms/commaSeparated.ts"
import { jsonLines } from "./read/forms/jsonLines.ts"
import { parquet } from "./read/forms/parquet.ts"
import { ranxJson } from "./read/forms/ranxJson.ts"
import { type FileForm, formOf } from "./read/forms/registry.ts"
import { trec } from "./read/forms/trec.ts"
import { beginsAsJson } from "./read/JsonRun.ts"
import { linesOf } from "./read/Lines.ts"
import { parquetTable } from "./read/Parquet.ts"
import type { RunRead } from "./read/Rows.ts"
import { runFile } from "./read/RunFile.ts"
import { isParquet } from "./read/RunParquet.ts"

/** Numbers by qid and docid. */
type Table = Readonly<Record<string, Readonly<Record<string, number>>>>

interface Row {
  readonly line: number
  readonly qid: string
  readonly docid: string
}

const tableOf = <R extends Row>(file: string, rows: ReadonlyArray<R>, value: (row: R) => number): Table => {
  const table = new Map<string, Map<string, number>>()
  for (const row of rows) {
    const { docid, line, qid } = row
    const of = table.get(qid) ?? new Map<string, number>()
    if (of.size === 0) table.set(qid, of)
    if (of.has(docid)) {
      const expected = `each docid once for a query; ${qid} has ${docid} already`
      throw new MalformedRow({ file, line, field: "docid", expected, found: docid, fix: "Remove one of them." })
    }
    of.set(docid, value(row))
  }
  return Object.fromEntries([...table].map(([qid, of]) => [qid, Object.fromEntries(of)]))
}

/** Runs what may want a DuckDB, which is opened when it is asked for and closed at the end. */
const withDuckDb = async <A>(use: (connection: () => Promise<DuckDBConnection>) => Promise<A>): Promise<A> => {
  let running: Promise<A> | undefined
  await Effect.gen(function* () {
    const { connect } = yield* DuckDb
    const scope = yield* Effect.scope
    running = use(() => Effect.runPromise(Scope.extend(connect, scope)))
    const ended = running.then(
      () => undefined,
      () => undefined,
    )
    yield* Effect.promise(() => ended)
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.runPromise)
  if (running === undefined) throw new Error("nothing was run")
  return running
}

/**
 * Reads a run's file as scores by qid and docid, whatever form a run may have: TREC's columns and their like, ranx's JSON, Parquet, the
 * first two packed or not; told by its content. The rank column is not believed where there are scores.
 *
 * @param tell told how the file was read, where that was not plain
 * @throws (rejects with) MalformedRow with file and line, UnreadableFile
 */
export const readRun = (path: string, tell: (note: string) => void = () => {}): Promise<Table> =>
  withDuckDb(async (connection) => {
    const rows: Array<RunRead> = []
    const batches = runFile(path, path, connection)
    for (let next = await batches.next(); ; next = await batches.next()) {
      if (next.done !== true) {
        for (const row of next.value) rows.push(row)
        continue
      }
      const { said, scores } = next.value
      said.forEach(tell)
      return tableOf(path, rows, ({ rank, score }) =>
        scores === "score" ? score : (scores === "rank" ? 1 : -1) * (rank ?? 0),
      )
    }
  })

/** An object whose first member is an object, or none: the one of all queries, where one a line has texts and numbers. */
const ofQueries = /^\ufeff?\s*\{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*\{|\}\s*$)/

/** The form of a file of judgements, by how it begins; values between commas begin as anything, and are told by the name. */
const qrelForm = async (path: string): Promise<FileForm> => {
  if (await isParquet(path)) return parquet
  const chunks = fileChunks(path, path)
  const first = await chunks.next()
  await chunks.return(undefined)
  if (first.done !== true && beginsAsJson(first.value)) {
    return ofQueries.test(new TextDecoder().decode(first.value)) ? ranxJson : jsonLines
  }
  return formOf(path) === commaSeparated ? commaSeparated : trec
}

/**
 * Reads a file of judgements as grades by qid and docid, whatever form judgements may have: TREC's four columns or BEIR's three, a table
 * with a heading (TSV, CSV, Parquet), JSON lines, or one JSON object as ranx has it; but for Parquet packed or not. It is told by its
 * content, and CSV by its name.
 *
 * @throws (rejects with) MalformedRow with file and line, UnreadableFile
 */
export const readQrels = (path: string): Promise<Table> =>
  withDuckDb(async (connection) => {
    const { qrels = trec.qrels } = await qrelForm(path)
    const chunks = () => fileChunks(path, path)
    const source = {
      file: path,
      chunks,
      lines: () => linesOf(path, chunks()),
      parquet: async () => parquetTable(await connection(), path, path),
    }
    const rows: Array<Row & { readonly grade: number }> = []
    for await (const batch of qrels(source, { fields: {}, tags: [], topics: "title" })) {
      for (const { docid, grade, line, qid, query = "" } of batch) {
        if (qid === undefined) {
          const expected = "the query's qid; the file has its text"
          const fix = "Put the qid in its place."
          throw new MalformedRow({ file: path, line, field: "qid", expected, found: query, fix })
        }
        rows.push({ line, qid, docid, grade })
      }
    }
    return tableOf(path, rows, ({ grade }) => grade)
  })
