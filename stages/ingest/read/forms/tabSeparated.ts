import { qrels, tsvPassages } from "../Tsv.ts"
import type { FileForm } from "./FileForm.ts"

/** Columns between tabs, with a heading or without, as MS MARCO has its passages. */
export const tabSeparated: FileForm = {
  title: "MS MARCO's layout",
  files: "collection.tsv or msmarco-docs.tsv, queries.*.tsv, qrels.*.tsv",
  endings: ["tsv"],
  layout: "msmarco",
  passages: ({ lines }, { fields }) => tsvPassages(lines(), fields),
  qrels: ({ lines }, { fields }) => qrels(lines(), fields),
}
