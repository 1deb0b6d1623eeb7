import { MalformedRow } from "./IngestError.ts"
import { fileChunks } from "./read/files.ts"
import { linesOf } from "./read/Lines.ts"
import type { RunRead } from "./read/Rows.ts"
import { runFile } from "./read/RunFile.ts"
import { qrels } from "./read/Tsv.ts"

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

/**
 * Reads a run's file as scores by qid and docid: TREC's columns and their like, or ranx's JSON, packed or not, told by its content. The
 * rank column is not believed where there are scores.
 *
 * @param tell told how the file was read, where that was not plain
 * @throws (rejects with) MalformedRow with file and line, UnreadableFile
 */
export const readRun = async (path: string, tell: (note: string) => void = () => {}): Promise<Table> => {
  const rows: Array<RunRead> = []
  const batches = runFile(path, path)
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
}

/**
 * Reads a file of judgements as grades by qid and docid: TREC's four columns or BEIR's three, packed or not, told by its content.
 *
 * @throws (rejects with) MalformedRow with file and line, UnreadableFile
 */
export const readQrels = async (path: string): Promise<Table> => {
  const rows: Array<Row & { readonly grade: number }> = []
  for await (const batch of qrels(linesOf(path, fileChunks(path, path)))) {
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
}
