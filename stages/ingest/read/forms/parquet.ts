import { namedPassages, namedQrels, namedQueries, tableRows } from "../NamedTable.ts"
import { oneText } from "../TrecTopics.ts"
import type { FileForm } from "./FileForm.ts"

/** A table as Parquet, as the hub has collections. */
export const parquet: FileForm = {
  title: "tables with headings",
  // ranx writes both.
  endings: ["parquet", "parq"],
  layout: "table",
  passages: (source, { fields }) => tableRows(source.parquet(), (table) => namedPassages(table, fields)),
  queries: (source, { fields, topics }) =>
    oneText(
      tableRows(source.parquet(), (table) => namedQueries(table, fields)),
      source.file,
      topics,
    ),
  qrels: (source, { fields }) => tableRows(source.parquet(), (table) => namedQrels(table, fields)),
  hasNamedColumns: true,
  hasRows: true,
}
