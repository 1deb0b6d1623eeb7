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
    readonly useDataPageV2?: boolean
    readonly pageIndex?: boolean
  }

  /** What is asked of a stream: each call is answered through its callback. */
  interface Sink {
    write(bytes: Uint8Array, done: (error: Error | null) => void): void
    end(done: (error: Error | null) => void): void
  }

  interface ParquetWriter {
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
