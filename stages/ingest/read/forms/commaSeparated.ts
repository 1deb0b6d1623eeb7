import { csvTable } from "../Csv.ts"
import { namedPassages, namedQrels, namedQueries, tableRows } from "../NamedTable.ts"
import { oneText } from "../TrecTopics.ts"
import type { FileForm, FormFile } from "./FileForm.ts"

const open = ({ file, lines }: FormFile) => csvTable(file, lines())

/** A table of values between commas, with a heading. */
export const commaSeparated: FileForm = {
  title: "tables with headings",
  files: "corpus, queries, qrels or ratings as .csv, .tsv or .parquet",
  endings: ["csv"],
  layout: "table",
  passages: (source, { fields }) => tableRows(open(source), (table) => namedPassages(table, fields)),
  queries: (source, { fields, topics }) =>
    oneText(
      tableRows(open(source), (table) => namedQueries(table, fields)),
      source.file,
      topics,
    ),
  qrels: (source, { fields }) => tableRows(open(source), (table) => namedQrels(table, fields)),
  hasNamedColumns: true,
}
