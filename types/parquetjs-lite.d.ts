/** What is used of parquetjs-lite, which has no types of its own. */
declare module "parquetjs-lite" {
  interface Field {
    readonly type: "UTF8" | "INT32" | "DOUBLE"
    readonly optional?: boolean
    readonly compression?: "UNCOMPRESSED" | "SNAPPY" | "GZIP"
    /** `false` leaves minima and maxima out of page and column headers. */
    readonly statistics?: boolean
  }

  class ParquetSchema {
    constructor(fields: Readonly<Record<string, Field>>)
  }

  interface WriterOptions {
    /** Rows of a row group: all of them are held until it is written. */
    readonly rowGroupSize?: number
    /** Rows of a page. */
    readonly pageSize?: number
    readonly useDataPageV2?: boolean
    readonly pageIndex?: boolean
  }

  /** What is asked of a stream: each call is answered through its callback. */
  interface Sink {
    write(bytes: Uint8Array, done: (error: Error | null) => void): void
    end(done: (error: Error | null) => void): void
  }

  /** A column's values that wait for a page: the package's shred.js says it. A level of 0 says that there is no value. */
  export interface WaitingColumn {
    values: Array<string | number>
    rlevels: Array<number>
    dlevels: Array<number>
    readonly distinct_values: ReadonlySet<never>
    count: number
  }

  /** Rows that wait for a row group, shredded; an object without fields where there are none. */
  export interface WaitingRows {
    rowCount?: number
    /** Of the page that is being filled. */
    pageRowCount?: number
    columnData?: Record<string, WaitingColumn>
    /** Pages that are written already, by column. */
    pages?: Record<string, Array<unknown>>
  }

  interface ParquetWriter {
    readonly rowBuffer: WaitingRows
    /** Takes the next row; calls must not overlap. */
    appendRow(row: Readonly<Record<string, string | number | null>>): Promise<void>
    close(): Promise<void>
  }

  interface ParquetWriters {
    /** Writes the header at once and does not wait for it: an error of that first write goes unheard. */
    openStream(schema: ParquetSchema, sink: Sink, options: WriterOptions): Promise<ParquetWriter>
  }

  const parquet: { readonly ParquetSchema: typeof ParquetSchema; readonly ParquetWriter: ParquetWriters }

  export default parquet
}
