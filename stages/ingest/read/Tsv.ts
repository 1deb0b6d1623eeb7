/** Tab-separated files, MS MARCO's and those with a heading; and judgements, which every layout writes alike. */

import type { FieldNames } from "../../../schemas/index.ts"
import { type Columns, type Content, columnsOf, isHeading, unquoted } from "./Columns.ts"
import { cells, grade, identifier, malformed, type Place, queryKind, queryText, squeezed, text } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "./Rows.ts"

const noFields: FieldNames = {}

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

/** How the rows of a table divide: two columns, MS MARCO's four of documents, or those that its heading names. */
type Shape = "pair" | "document" | { readonly names: ReadonlyArray<string>; readonly columns: Columns }

/** A row of a table with a heading. */
const rowOf = (place: Place, line: string, { names }: { readonly names: ReadonlyArray<string> }) => {
  const row = line.split("\t").map(unquoted)
  if (row.length === names.length) return row
  const expected = `${names.length} columns, as the heading has`
  throw malformed(place, "the line", expected, row.length, "Mend the row; a text may hold no tab.")
}

const shapeOf = (place: Place, line: string, content: Content, fields: FieldNames): Shape | undefined => {
  const row = line.split("\t")
  if (!isHeading(content, row, fields)) return undefined
  const names = row.map(unquoted)
  return { names, columns: columnsOf(place, content, names, fields) }
}

/** `docid <tab> url <tab> title <tab> body`, as MS MARCO has its documents. The address is not read. */
const documentOf = (place: Place, line: string): PassageRead => {
  const row = line.split("\t")
  const [docid, , title = "", body] = row
  if (row.length !== 4) {
    const expected = "4 columns, docid, url, title and body, with tabs between"
    throw malformed(place, "the line", expected, row.length, "Mend the row; a text may hold no tab.")
  }
  const said = text(place, "title", title)
  return {
    line: place.line,
    docid: identifier(place, "docid", docid),
    title: said === "" ? null : said,
    text: text(place, "body", body),
  }
}

/**
 * `pid <tab> text` a line, or MS MARCO's documents in four columns; the first row settles which. A first row that names its columns
 * settles the order of others.
 */
export async function* tsvPassages(lines: AsyncIterable<Lines>, fields = noFields): Batches<PassageRead> {
  let shape: Shape | undefined
  for await (const { file, first, texts } of lines) {
    const rows: Array<PassageRead> = []
    for (let i = 0; i < texts.length; i++) {
      const line = texts[i]!
      if (line.trim() === "") continue
      const place = { file, line: first + i }
      if (shape === undefined) {
        shape = shapeOf(place, line, "passages", fields)
        if (shape !== undefined) continue
        shape = line.split("\t").length === 4 ? "document" : "pair"
      }
      if (shape === "pair") {
        const [docid, said] = pair(place, line, "pid and text")
        rows.push({
          line: place.line,
          docid: identifier(place, "pid", docid),
          title: null,
          text: text(place, "text", said),
        })
      } else if (shape === "document") rows.push(documentOf(place, line))
      else {
        const row = rowOf(place, line, shape)
        const { docid, title, text: said } = shape.columns
        const named = title === undefined ? "" : text(place, "title", row[title])
        rows.push({
          line: place.line,
          docid: identifier(place, "docid", row[docid ?? 0]),
          title: named === "" ? null : named,
          text: text(place, "text", row[said ?? 1]),
        })
      }
    }
    yield rows
  }
}

/** `qid <tab> text` a line; a first row that names its columns settles the order of others. */
export async function* tsvQueries(lines: AsyncIterable<Lines>, fields = noFields): Batches<QueryRead> {
  let shape: Shape | undefined
  for await (const { file, first, texts } of lines) {
    const rows: Array<QueryRead> = []
    for (let i = 0; i < texts.length; i++) {
      const line = texts[i]!
      if (line.trim() === "") continue
      const place = { file, line: first + i }
      if (shape === undefined) {
        shape = shapeOf(place, line, "queries", fields)
        if (shape !== undefined) continue
        shape = "pair"
      }
      let [qid, said, kind]: ReadonlyArray<string | undefined> = []
      if (typeof shape === "string") [qid, said] = pair(place, line, "qid and text")
      else {
        const row = rowOf(place, line, shape)
        const { qid: of, query, kind: its } = shape.columns
        ;[qid, said, kind] = [row[of ?? 0], row[query ?? 1], its === undefined ? undefined : row[its]]
      }
      const query = {
        qid: identifier(place, "qid", qid),
        text: queryText(place, "text", said),
        kind: queryKind(place, kind === "" ? undefined : kind),
        label: undefined,
      }
      rows.push({ line: place.line, ...query })
    }
    yield rows
  }
}

const firstHeading = /^"?(?:query|q|topic)[-_ ]?id"?$/i

/** How judgements divide: by their number of columns, or as a heading names them. */
type JudgementShape = {
  readonly count: number
  readonly since: number
  readonly columns: Columns
  readonly byTabs: boolean
}

const byCount = (since: number, count: number): JudgementShape => ({
  count,
  since,
  columns: { qid: 0, docid: count === 4 ? 2 : 1, ...(count === 2 ? {} : { grade: count - 1 }) },
  byTabs: false,
})

const countNames: Readonly<Record<number, string>> = {
  2: "2 columns: qid, docid",
  3: "3 columns: qid, docid, grade",
  4: "4 columns: qid, iteration, docid, grade",
}

/** Whether a line that begins with `#` is no judgement: a comment. */
const isComment = (line: string): boolean => {
  if (!line.startsWith("#")) return false
  const row = cells(line)
  return row[0] === "#" || row.length < 2 || row.length > 4 || (row.length > 2 && !/^[+-]?\d+$/.test(row.at(-1) ?? ""))
}

/**
 * Judgements: `qid docid` (each relevant), `qid docid grade` (BEIR, whose first line names the columns) or `qid iteration docid
 * grade` (TREC, MS MARCO), separated by tabs or spaces. The first row settles which; where it names its columns they may stand in
 * any order, and the query's text may stand for its qid: then tabs alone separate.
 */
export async function* qrels(lines: AsyncIterable<Lines>, fields = noFields): Batches<QrelRead> {
  let shape: JudgementShape | undefined
  for await (const { file, first, texts } of lines) {
    const rows: Array<QrelRead> = []
    for (let i = 0; i < texts.length; i++) {
      const line = texts[i]!
      if (line.trim() === "") continue
      const place = { file, line: first + i }
      if (isComment(line)) {
        throw malformed(
          place,
          "the line",
          "a judgement",
          line,
          "This is a comment, which judgements have no sign for: remove it.",
        )
      }
      if (shape === undefined) {
        const names = line.includes("\t") ? line.split("\t").map(unquoted) : cells(line).map(unquoted)
        if (isHeading("qrels", names, fields)) {
          const columns = columnsOf(place, "qrels", names, fields)
          shape = { count: names.length, since: place.line, columns, byTabs: columns.query !== undefined }
          continue
        }
        const row = cells(line)
        if (firstHeading.test(row[0]!)) continue
        if (countNames[row.length] === undefined) {
          const expected = "2, 3 or 4 columns: qid, docid, or with a grade, or qid, iteration, docid, grade"
          throw malformed(place, "the line", expected, row.length, "Mend the row, or remove it.")
        }
        shape = byCount(place.line, row.length)
      }
      const { columns, count, since } = shape
      const row = shape.byTabs ? line.split("\t") : cells(line)
      if (row.length !== count) {
        const expected = `${countNames[count] ?? `${count} columns`}, as line ${since} has`
        throw malformed(place, "the line", expected, row.length, "Mend one of the rows, or remove it.")
      }
      const value = (at: number | undefined): string | undefined =>
        at === undefined ? undefined : unquoted(row[at] ?? "")
      rows.push({
        line: place.line,
        qid: columns.qid === undefined ? undefined : identifier(place, "qid", value(columns.qid)),
        query: columns.query === undefined ? undefined : squeezed(queryText(place, "query", value(columns.query))),
        docid: identifier(place, "docid", value(columns.docid)),
        grade: columns.grade === undefined ? 1 : grade(place, "grade", value(columns.grade) ?? ""),
      })
    }
    yield rows
  }
}
