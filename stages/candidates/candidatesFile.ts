import { open } from "node:fs/promises"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import parquet from "parquetjs-lite"
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

/**
 * Without statistics: parquetjs-lite compares strings by UTF-16 units, and a reader that skips by such minima and maxima
 * would lose rows. Snappy, because its encoder is JavaScript and its bytes do not depend on the zlib of the machine.
 */
const options = { compression: "SNAPPY", statistics: false } as const

/** A Parquet file of candidates that is being written. */
export interface CandidatesFile {
  /** Takes the next rows, one by one; full row groups go to the disk before it returns. */
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
        { rowGroupSize: ROW_GROUP_SIZE, useDataPageV2: false, pageIndex: false },
      ),
    )
    return {
      append: (rows) =>
        writing(async () => {
          for (const { qid, docid, rank, score, grade } of rows) {
            await writer.appendRow({ qid, docid, rank, score, grade })
          }
          await flush()
        }),
      finish: writing(async () => {
        await writer.close()
        await flush()
      }),
    }
  })
