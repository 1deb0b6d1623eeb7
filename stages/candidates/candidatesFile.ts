import parquet, { type ParquetWriter } from "parquetjs-lite"

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

/**
 * Opens a Parquet file for candidates. Its bytes depend on the rows alone: no time, no version, no dictionary order. Pages
 * are of version 1, which every reader knows.
 */
export const openCandidatesFile = (path: string): Promise<ParquetWriter> =>
  parquet.ParquetWriter.openFile(
    new parquet.ParquetSchema({
      qid: { type: "UTF8", ...options },
      docid: { type: "UTF8", ...options },
      rank: { type: "INT32", ...options },
      score: { type: "DOUBLE", ...options },
      grade: { type: "INT32", optional: true, ...options },
    }),
    path,
    { rowGroupSize: ROW_GROUP_SIZE, useDataPageV2: false, pageIndex: false },
  )
