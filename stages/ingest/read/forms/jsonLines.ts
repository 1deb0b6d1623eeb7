import { beirPassages, beirQueries, jsonQrels } from "../Beir.ts"
import { oneText } from "../TrecTopics.ts"
import type { FileForm } from "./FileForm.ts"

/** A JSON object a line, as BEIR has passages and queries. */
export const jsonLines: FileForm = {
  title: "BEIR's layout",
  files: "corpus.jsonl, queries.jsonl, qrels/*.tsv",
  endings: ["jsonl"],
  layout: "beir",
  passages: ({ lines }, { fields }) => beirPassages(lines(), fields),
  queries: ({ file, lines }, { fields, topics }) => oneText(beirQueries(lines(), fields), file, topics),
  qrels: ({ lines }, { fields }) => jsonQrels(lines(), fields),
}
