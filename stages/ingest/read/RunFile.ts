import { fileChunks } from "./files.ts"
import { beginsAsJson, jsonRunRows } from "./JsonRun.ts"
import { linesOf } from "./Lines.ts"
import type { RunBatches } from "./Rows.ts"
import { runRows } from "./RunColumns.ts"

/** The rows of a ranking as text: columns or JSON. The first bytes settle which. */
export async function* rankingRows(file: string, chunks: AsyncGenerator<Uint8Array>): RunBatches {
  const first = await chunks.next()
  if (first.done === true) return { scores: "score", checkRanks: false, said: [] }
  async function* whole(start: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      yield start
      yield* chunks
    } finally {
      await chunks.return(undefined)
    }
  }
  return yield* beginsAsJson(first.value)
    ? jsonRunRows(file, whole(first.value))
    : runRows(linesOf(file, whole(first.value)))
}

/** The rows of a ranking's file, packed or not, but for Parquet. */
export const runFile = (path: string, shown: string): RunBatches => rankingRows(shown, fileChunks(path, shown))
