import { VectorFileUnusable } from "../RetrieveError.ts"

/** Vectors of a file, one behind another, and whose they are. */
export interface VectorRows {
  readonly ids: ReadonlyArray<string>
  readonly vectors: Float32Array
  readonly dimensions: number
}

/** Rows that are read at once. */
export const rowsAtOnce = 1024

/** An error of a row, from 1; 0 where it is the whole file. */
export const unusable = (file: string, row: number, problem: string, remedy: string): VectorFileUnusable =>
  new VectorFileUnusable({ file, row, problem, remedy })
