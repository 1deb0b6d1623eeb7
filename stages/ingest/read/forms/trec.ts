import { trecPassages } from "../TrecDocuments.ts"
import { qrels } from "../Tsv.ts"
import type { FileForm } from "./FileForm.ts"

/**
 * TREC's markup of documents, and judgements in columns. Documents' names end in anything: they are told by how they begin, and so are
 * topics of whatever form (`TrecTopics.ts`).
 */
export const trec = {
  title: "TREC's layout",
  files: "files that begin with <DOC>, in folders too, topics.*, qrels.*",
  endings: ["txt", "qrels"],
  layout: "trec",
  passages: ({ lines }, { tags }, notes) => trecPassages(lines(), tags, notes),
  qrels: ({ lines }, { fields }) => qrels(lines(), fields),
} satisfies FileForm
