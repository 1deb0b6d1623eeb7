import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  DuckDb,
  duckDbPromise,
  readBatches,
  type StageContext,
  tableCopy,
  tableSource,
  tableWriter,
} from "../../pipeline/index.ts"
import { documentSql, Kinds, passageId } from "../../schemas/index.ts"
import type { SplitConfig, splitInputs, splitOutputs } from "./contract.ts"
import { PassageIdsCollide } from "./PassagesError.ts"
import { windowsOf } from "./windows.ts"

/** Splits documents into passages, each with its document's title, and gives them their document's judgements. */
export const run = (context: StageContext<SplitConfig, typeof splitInputs, typeof splitOutputs>) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { config, inputs, outputs, progress } = context
      const { separator, stride, window } = config
      const writer = yield* tableWriter(Kinds.Passages, outputs.passages)
      let documents = 0
      let longest = 0
      yield* Stream.runForEach(readBatches(inputs.documents, ["docid", "title", "text"]), ({ docid, text, title }) => {
        const rows = { docid: Array<string>(), title: Array<string | null>(), text: Array<string>() }
        docid.forEach((document, row) => {
          const whole = text[row] ?? ""
          const windows = windowsOf(whole, window, stride)
          longest = Math.max(longest, windows.length)
          windows.forEach(({ begin, end }, number) => {
            rows.docid.push(passageId(document, separator, number))
            rows.title.push(title[row] ?? null)
            rows.text.push(whole.slice(begin, end))
          })
        })
        documents += docid.length
        progress({ done: documents, unit: "documents" })
        return writer.writeColumns(rows)
      })
      const passages = yield* writer.finish

      const connection = yield* (yield* DuckDb).connect
      const query = (sql: string) =>
        duckDbPromise(connection, sql, async () => (await connection.runAndReadAll(sql)).getRowsJson())
      const made = tableSource({ path: outputs.passages })
      const [collision] = yield* query(
        `SELECT docid FROM ${made} SEMI JOIN ${tableSource(inputs.documents)} d USING (docid) ORDER BY docid LIMIT 1`,
      )
      if (collision !== undefined) {
        const [docid = ""] = collision.map(String)
        const document = docid.slice(0, docid.lastIndexOf(separator))
        return yield* new PassageIdsCollide({ docid, document })
      }
      const sql = tableCopy(
        `SELECT q.qid, p.docid, q.grade FROM ${tableSource(inputs.qrels)} q
        JOIN (SELECT docid, ${documentSql("docid", separator)} AS document FROM ${made}) p ON p.document = q.docid
        ORDER BY q.qid, p.docid`,
        outputs.qrels,
      )
      yield* duckDbPromise(connection, sql, () => connection.run(sql))
      const [judged] = yield* query(`SELECT count(*)::INTEGER FROM ${tableSource({ path: outputs.qrels })}`)
      return {
        rows: { passages, qrels: Number(judged?.[0]) },
        facts: { documents, passages, mostPassagesOfADocument: longest },
      }
    }),
  )
