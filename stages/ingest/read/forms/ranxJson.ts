import { grade } from "../Fields.ts"
import { jsonRunRows } from "../JsonRun.ts"
import type { Batches, QrelRead } from "../Rows.ts"
import type { FileForm, FormFile } from "./FileForm.ts"

/** Grades stand where a run has scores. */
async function* qrelRows({ chunks, file }: FormFile): Batches<QrelRead> {
  for await (const rows of jsonRunRows(file, chunks())) {
    yield rows.map(({ docid, line, qid, score }) => ({
      line,
      qid,
      query: undefined,
      docid,
      grade: grade({ file, line }, "grade", String(score)),
    }))
  }
}

/** Judgements as one JSON object, `{ qid: { docid: grade, … }, … }`, as ranx and pytrec_eval have them. */
export const ranxJson: FileForm = {
  title: "ranx's JSON",
  endings: ["json"],
  qrels: qrelRows,
}
