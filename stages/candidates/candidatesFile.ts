import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import parquet, { type WaitingColumn, type WaitingRows } from "parquetjs-lite"
import { CandidatesNotWritten } from "./CandidatesError.ts"

/** A row of the candidates' table. */
export interface Candidate {
  readonly qid: string
  readonly docid: string
  readonly rank: number
  readonly score: number
  readonly grade: number | null
}

/**
 * Rows held before they are written. One of DuckDB's vectors would be enough for memory; a row group of its own default
 * size lets readers divide the file among threads without many small reads.
 */
const ROW_GROUP_SIZE = 65_536

/** Rows of a page, parquetjs-lite's own. */
const PAGE_SIZE = 8192

const columnNames = ["qid", "docid", "rank", "score", "grade"] as const

/**
 * Without statistics: parquetjs-lite compares strings by UTF-16 units, and a reader that skips by such minima and maxima
 * would lose rows. Snappy, because its encoder is JavaScript and its bytes do not depend on the zlib of the machine.
 */
const options = { compression: "SNAPPY", statistics: false } as const

/**
 * Puts rows beside those that wait for the end of a page, as the writer itself would: row by row it makes five objects and sets of
 * each value, which takes ten times as long as all the rest.
 */
const addWaiting = (waiting: WaitingRows, rows: ReadonlyArray<Candidate>): void => {
  const empty = (): WaitingColumn => ({
    values: [],
    rlevels: [],
    dlevels: [],
    distinct_values: new Set(),
    count: 0,
  })
  waiting.columnData ??= Object.fromEntries(columnNames.map((name) => [name, empty()]))
  waiting.pages ??= Object.fromEntries(columnNames.map((name) => [name, []]))
  waiting.rowCount = (waiting.rowCount ?? 0) + rows.length
  waiting.pageRowCount = (waiting.pageRowCount ?? 0) + rows.length
  for (const name of columnNames) {
    const column = waiting.columnData[name] ?? empty()
    for (const row of rows) {
      const value = row[name]
      if (typeof value === "number" && Number.isNaN(value)) throw new Error(`${name} of ${row.qid} ${row.docid} is NaN`)
      // Adding 0 makes the number −0, which a reader would print, plain.
      if (value !== null) column.values.push(typeof value === "number" ? value + 0 : value)
      column.rlevels.push(0)
      column.dlevels.push(name === "grade" && value !== null ? 1 : 0)
    }
    column.count += rows.length
  }
}

/** A Parquet file of candidates that is being written. */
export interface CandidatesFile {
  /** Takes the next rows; full row groups go to the disk before it returns. */
  readonly append: (rows: ReadonlyArray<Candidate>) => Effect.Effect<void, CandidatesNotWritten>
  /** Writes what is left and the footer. */
  readonly finish: Effect.Effect<void, CandidatesNotWritten>
}

/**
 * Opens a Parquet file for candidates, closed with the scope. Its bytes depend on the rows alone: no time, no version, no
 * dictionary order. Pages are of version 1, which every reader knows.
 */
export const candidatesFile = (path: string): Effect.Effect<CandidatesFile, CandidatesNotWritten, Scope.Scope> =>
  Effect.gen(function* () {
    const writing = <A>(write: () => Promise<A>) =>
      Effect.tryPromise({ try: write, catch: (cause) => new CandidatesNotWritten({ file: path, cause }) })
    const file = yield* Effect.acquireRelease(
      writing(() => open(path, "w")),
      (handle) => Effect.promise(() => handle.close()),
    )
    // The writer's bytes wait here: it does not listen to what becomes of its header, so that a full disk would end the process.
    let waiting: Array<Uint8Array> = []
    const sink = {
      write: (bytes: Uint8Array, done: (error: Error | null) => void) => {
        waiting.push(bytes)
        done(null)
      },
      end: (done: (error: Error | null) => void) => done(null),
    }
    const flush = async (): Promise<void> => {
      if (waiting.length === 0) return
      const bytes = Buffer.concat(waiting)
      waiting = []
      await file.appendFile(bytes)
    }
    const writer = yield* writing(() =>
      parquet.ParquetWriter.openStream(
        new parquet.ParquetSchema({
          qid: { type: "UTF8", ...options },
          docid: { type: "UTF8", ...options },
          rank: { type: "INT32", ...options },
          score: { type: "DOUBLE", ...options },
          grade: { type: "INT32", optional: true, ...options },
        }),
        sink,
        { rowGroupSize: ROW_GROUP_SIZE, pageSize: PAGE_SIZE, useDataPageV2: false, pageIndex: false },
      ),
    )
    return {
      append: (rows) =>
        writing(async () => {
          for (let at = 0; at < rows.length; ) {
            // The row that fills a page goes through the writer, which then writes the page.
            const room = PAGE_SIZE - 1 - (writer.rowBuffer.pageRowCount ?? 0)
            const next = rows.slice(at, at + room)
            addWaiting(writer.rowBuffer, next)
            at += next.length
            const last = rows[at]
            if (next.length < room || last === undefined) break
            await writer.appendRow({ ...last })
            at++
          }
          await flush()
        }),
      finish: writing(async () => {
        await writer.close()
        await flush()
      }),
    }
  })
