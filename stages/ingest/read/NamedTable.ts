/** Tables whose columns have names, of whatever file: passages, queries and judgements from them. */

import type { FieldNames } from "../../../schemas/index.ts"
import { type Columns, columnsOf } from "./Columns.ts"
import { grade, identifier, type Place, queryKind, queryText, squeezed, text } from "./Fields.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "./Rows.ts"

/** A row's values of the columns that were asked for; `null` where there is none. */
export interface NamedRow {
  /** Its line; in a file without lines, its number from 1. */
  readonly line: number
  readonly values: ReadonlyArray<string | null>
}

/** A table that is open for reading, once. */
export interface NamedTable {
  /** Of its heading. */
  readonly place: Place
  readonly names: ReadonlyArray<string>
  /** The rows, in order, with the columns at these positions. */
  readonly rows: (positions: ReadonlyArray<number>) => AsyncGenerator<ReadonlyArray<NamedRow>>
  /** Gives back what reading it holds, be it read to its end or not. */
  readonly close: () => Promise<void>
}

/** Reads a table that comes open or, of an empty file, not at all. */
export async function* tableRows<Row>(
  table: Promise<NamedTable | undefined>,
  read: (table: NamedTable) => Batches<Row>,
): Batches<Row> {
  const opened = await table
  if (opened === undefined) return
  try {
    yield* read(opened)
  } finally {
    await opened.close()
  }
}

/** Reads the rows of a table by what their columns hold. */
async function* readRows<Row, Name extends keyof Columns>(
  table: NamedTable,
  columns: Columns,
  roles: ReadonlyArray<Name>,
  row: (place: Place, value: (role: Name) => string | undefined) => Row,
): Batches<Row> {
  const taken = roles.filter((role) => columns[role] !== undefined)
  const { file, unit } = table.place
  for await (const batch of table.rows(taken.map((role) => columns[role] ?? 0))) {
    yield batch.map(({ line, values }) => {
      const place = unit === undefined ? { file, line } : { file, line, unit }
      return row(place, (role) => {
        const at = taken.indexOf(role)
        return at < 0 ? undefined : (values[at] ?? undefined)
      })
    })
  }
}

/** The passages of a table. An empty title is none; a missing text is an error. */
export async function* namedPassages(table: NamedTable, fields: FieldNames): Batches<PassageRead> {
  const columns = columnsOf(table.place, "passages", table.names, fields)
  yield* readRows(table, columns, ["docid", "title", "text"], (place, value): PassageRead => {
    const title = text(place, "title", value("title") ?? "")
    return {
      line: place.line,
      docid: identifier(place, "docid", value("docid")),
      title: title === "" ? null : title,
      text: text(place, "text", value("text")),
    }
  })
}

/** The queries of a table. */
export async function* namedQueries(table: NamedTable, fields: FieldNames): Batches<QueryRead> {
  const columns = columnsOf(table.place, "queries", table.names, fields)
  yield* readRows(
    table,
    columns,
    ["qid", "query", "kind"],
    (place, value): QueryRead => ({
      line: place.line,
      qid: identifier(place, "qid", value("qid")),
      text: queryText(place, "query", value("query")),
      kind: queryKind(place, value("kind") === "" ? undefined : value("kind")),
      label: undefined,
    }),
  )
}

/** The judgements of a table, by qid or, where it has none, by the query's text. Without a grade, each is 1. */
export async function* namedQrels(table: NamedTable, fields: FieldNames): Batches<QrelRead> {
  const columns = columnsOf(table.place, "qrels", table.names, fields)
  yield* readRows(table, columns, ["qid", "query", "docid", "grade"], (place, value): QrelRead => {
    const said = columns.query === undefined ? undefined : squeezed(queryText(place, "query", value("query")))
    const docid = identifier(place, "docid", value("docid"))
    const judged = columns.grade === undefined ? 1 : grade(place, "grade", value("grade") ?? "")
    const qid = columns.qid === undefined ? undefined : identifier(place, "qid", value("qid"))
    return { line: place.line, qid, query: said, docid, grade: judged }
  })
}
