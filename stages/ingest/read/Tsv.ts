/** MS MARCO's tab-separated files, and judgements, which every layout writes alike. */

import { cells, grade, identifier, malformed, type Place, queryText, text } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "./Rows.ts"

const pair = (place: Place, line: string, what: string): readonly [string, string] => {
  const tab = line.indexOf("\t")
  if (tab >= 0 && !line.includes("\t", tab + 1)) return [line.slice(0, tab), line.slice(tab + 1)]
  const columns = tab < 0 ? "1 column" : `${line.split("\t").length} columns`
  throw malformed(
    place,
    "the line",
    `2 columns, ${what}, with a tab between`,
    columns,
    "Mend the row; a text may hold no tab.",
  )
}

/** `pid <tab> text` a line. */
export async function* tsvPassages(lines: AsyncIterable<Lines>): Batches<PassageRead> {
  for await (const { file, first, texts } of lines) {
    const rows: Array<PassageRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      const [docid, said] = pair(place, texts[i]!, "pid and text")
      rows.push({
        line: place.line,
        docid: identifier(place, "pid", docid),
        title: null,
        text: text(place, "text", said),
      })
    }
    yield rows
  }
}

/** `qid <tab> text` a line. */
export async function* tsvQueries(lines: AsyncIterable<Lines>): Batches<QueryRead> {
  for await (const { file, first, texts } of lines) {
    const rows: Array<QueryRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      const [qid, said] = pair(place, texts[i]!, "qid and text")
      const query = {
        qid: identifier(place, "qid", qid),
        text: queryText(place, "text", said),
        kind: undefined,
        label: undefined,
      }
      rows.push({ line: place.line, ...query })
    }
    yield rows
  }
}

const heading = /^(?:query|q|topic)[-_ ]?id$/i

/**
 * Judgements: `qid docid grade` (BEIR, whose first line names the columns) or `qid iteration docid grade` (TREC, MS
 * MARCO), separated by tabs or spaces. The first row settles which.
 */
export async function* qrels(lines: AsyncIterable<Lines>): Batches<QrelRead> {
  let columns = 0
  for await (const { file, first, texts } of lines) {
    const rows: Array<QrelRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      const row = cells(texts[i]!)
      if (columns === 0) {
        if (heading.test(row[0]!)) continue
        columns = row.length === 3 ? 3 : 4
      }
      if (row.length !== columns) {
        const expected = columns === 3 ? "3 columns: qid, docid, grade" : "4 columns: qid, iteration, docid, grade"
        throw malformed(place, "the line", expected, `${row.length}`, "Mend the row, or remove it.")
      }
      const qid = identifier(place, "qid", row[0])
      const docid = identifier(place, "docid", row[columns - 2])
      rows.push({ line: place.line, qid, docid, grade: grade(place, "grade", row[columns - 1]!) })
    }
    yield rows
  }
}
