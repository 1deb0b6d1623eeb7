import { statSync } from "node:fs"
import * as Effect from "effect/Effect"
import { gradeRange, gradesNote } from "../../measures/index.ts"
import { DuckDb, type StageResult, type StageRun, tableWriter } from "../../pipeline/index.ts"
import { compareBytes, Kinds, passageText, Split } from "../../schemas/index.ts"
import { attempt, some } from "./attempt.ts"
import {
  checkedPassages,
  checkJudgedPassages,
  type GatheredQuery,
  gatherQrels,
  gatherQueries,
  type Judged,
  type Oddities,
  type Open,
} from "./Collection.ts"
import type { IngestConfig } from "./Config.ts"
import { missingPassage } from "./judgedPassages.ts"
import { layoutFiles } from "./Layout.ts"
import { squeezed } from "./read/Fields.ts"
import { fileChunks } from "./read/files.ts"
import { formOf } from "./read/forms/registry.ts"
import { IdTable } from "./read/IdTable.ts"
import { linesOf } from "./read/Lines.ts"
import { parquetTable } from "./read/Parquet.ts"
import type { PassageRead } from "./read/Rows.ts"
import { type TrecNotes, trecNotes } from "./read/TrecNotes.ts"

type In = {
  readonly files: typeof Kinds.SourceFiles
}

type Out = {
  readonly passages: typeof Kinds.Passages
  readonly queries: typeof Kinds.Queries
  readonly qrels: typeof Kinds.Qrels
}

/** Reads a collection from the files of its layout into the three tables. Passages stream; queries and judgements are held. */
export const run: StageRun<IngestConfig, In, Out> = ({ config, inputs, outputs, progress, warn }) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { layout, strict } = config
      const folder = inputs.files.path
      let bytesRead = 0
      const connection = layoutFiles(layout).some((file) => formOf(file).hasRows === true)
        ? yield* (yield* DuckDb).connect
        : undefined
      const open: Open = (file) => {
        const chunks = () =>
          fileChunks(`${folder}/${file}`, file, (bytes) => {
            bytesRead += bytes
          })
        return {
          file,
          chunks,
          lines: () => linesOf(file, chunks()),
          parquet: async () => {
            if (connection === undefined) throw new Error(`${file} is not in the layout`)
            return parquetTable(connection, `${folder}/${file}`, file)
          },
        }
      }
      const oddities: Oddities = {
        repeatedQrels: 0,
        qrelsOfTwoSplits: 0,
        qrelsOfUnknownQid: 0,
        qrelsOfUnknownDocid: 0,
        unjudgedQueries: 0,
        renamedQueries: 0,
      }
      const notes = trecNotes()
      const judged = yield* attempt(folder, () => gatherQrels(layout, open, config, oddities))
      const queries = yield* attempt(folder, () => gatherQueries(layout, open, judged, config, oddities, notes))

      const ids = new IdTable()
      const asked = new Map(queries.map(({ qid, text }) => [qid, squeezed(text)]))
      let own = 0
      bytesRead = 0
      const corpusBytes = layout.corpus.reduce((sum, file) => sum + statSync(`${folder}/${file}`).size, 0)
      const passageWriter = yield* tableWriter(Kinds.Passages, outputs.passages)
      const batches = yield* Effect.acquireRelease(
        Effect.sync(() => checkedPassages(layout, open, config, ids, notes)),
        (iterator) => Effect.promise(async () => iterator.return(undefined)),
      )
      for (;;) {
        const next = yield* attempt(folder, () => batches.next())
        if (next.done === true) break
        const rows = next.value
        for (const row of rows) if (isOwn(asked.get(row.docid), row)) own++
        yield* passageWriter.writeColumns({
          docid: rows.map(({ docid }) => docid),
          title: rows.map(({ title }) => title),
          text: rows.map(({ text }) => text),
        })
        const percent = Math.floor((100 * bytesRead) / Math.max(1, corpusBytes))
        progress({ done: ids.size, unit: "passages", detail: `${percent} % of the file` })
      }
      const passageRows = yield* passageWriter.finish
      yield* attempt(folder, async () => checkJudgedPassages(judged, ids, strict, oddities))
      const missing = yield* attempt(folder, async () => missingPassage(judged, ids))

      const queryWriter = yield* tableWriter(Kinds.Queries, outputs.queries)
      yield* queryWriter.writeRows(queries)
      const queryRows = yield* queryWriter.finish
      const qrelWriter = yield* tableWriter(Kinds.Qrels, outputs.qrels)
      for (const { qid } of queries) {
        const grades = [...(judged.get(qid)?.grades ?? [])].sort(([a], [b]) => compareBytes(a, b))
        yield* qrelWriter.writeRows(grades.map(([docid, grade]) => ({ qid, docid, grade })))
      }
      const qrelRows = yield* qrelWriter.finish

      const splitGrades = gradesOf(queries, judged)
      const told = [
        ...passedOver(layout),
        ...warnings(oddities, missing),
        ...trecWarnings(notes, config.tags),
        ...splitGrades.flatMap(({ split, range }) => {
          const note = gradesNote(range)
          return note === undefined ? [] : [`${split}: ${note}`]
        }),
        ...some(
          config.leaveOutOwn ? 0 : own,
          "queries are passages of the collection, with the same id and text, and will find themselves: --set retrieve.leaveOutOwn=true leaves such a passage out, as BEIR does",
        ),
      ]
      for (const message of told) warn(message)
      const count = (name: "kind" | "split") => {
        const counts: Record<string, number> = {}
        for (const query of queries) counts[query[name]] = (counts[query[name]] ?? 0) + 1
        return counts
      }
      const result: StageResult<Out> = {
        rows: { passages: passageRows, queries: queryRows, qrels: qrelRows },
        facts: {
          ...oddities,
          ...trecFacts(notes),
          queriesThatArePassages: own,
          splits: count("split"),
          kinds: count("kind"),
          grades: Object.fromEntries(
            splitGrades.map(({ split, range: { lowest, highest } }) => [split, [lowest, highest]]),
          ),
        },
      }
      return result
    }),
  )

/** Whether a passage is a query's own: under its id, with its text or, behind the title, with the rest of it. */
const isOwn = (query: string | undefined, { text, title }: PassageRead): boolean =>
  query !== undefined && (squeezed(text) === query || squeezed(passageText(title, text)) === query)

/** The range of grades of each split that has queries. */
const gradesOf = (queries: ReadonlyArray<GatheredQuery>, judged: ReadonlyMap<string, Judged>) =>
  Split.literals.flatMap((split) => {
    const ofSplit = queries.filter((query) => query.split === split)
    const range = gradeRange(ofSplit.flatMap(({ qid }) => [...(judged.get(qid)?.grades.values() ?? [])]))
    return range === undefined ? [] : [{ split, range }]
  })

const passedOver = ({ passedOver: files = [] }: IngestConfig["layout"]): ReadonlyArray<string> =>
  files.map(({ file, instead }) => `${file} is not read: ${instead}`)

const warnings = (oddities: Oddities, missing: ReturnType<typeof missingPassage>): ReadonlyArray<string> => [
  ...some(
    oddities.qrelsOfUnknownDocid,
    `judgements are of passages that the collection lacks: kept, they count as not found (${missing?.example ?? ""}${
      oddities.qrelsOfUnknownDocid > 1 ? " and others" : ""
    }).${missing?.hint ?? ""}`,
  ),
  ...some(oddities.qrelsOfUnknownQid, "judgements are of queries that no file has: left out"),
  ...some(
    oddities.qrelsOfTwoSplits,
    "judgements are of queries that another split has: left out (test before dev before train)",
  ),
  ...some(oddities.repeatedQrels, "judgements repeat another"),
  ...some(oddities.renamedQueries, "topics have numbers that the judgements write without leading zeros: taken so"),
]

const trecFacts = ({ leftOut, wholeDocuments, wholeTopics }: TrecNotes) => ({
  ...(leftOut.size === 0
    ? {}
    : { leftOutTags: Object.fromEntries([...leftOut].sort(([a], [b]) => compareBytes(a, b))) }),
  ...(wholeDocuments === 0 ? {} : { wholeDocuments }),
  ...(wholeTopics === 0 ? {} : { wholeTopics }),
})

const otherFields = (notes: TrecNotes): string =>
  [...notes.otherFields]
    .map(([name, count]) => `<${name}> in ${count}`)
    .slice(0, 12)
    .join(", ")

const trecWarnings = (notes: TrecNotes, tags: ReadonlyArray<string>): ReadonlyArray<string> => {
  const leftOut = [...notes.leftOut].sort(([a, m], [b, n]) => n - m || compareBytes(a, b))
  const shown = leftOut.slice(0, 12).map(([tag, count]) => `${tag === "" ? "no tag" : `<${tag}>`} in ${count}`)
  const more = leftOut.length > 12 ? `, and ${leftOut.length - 12} more` : ""
  return [
    ...(leftOut.length === 0
      ? []
      : [`text of documents that is not in the tags of ingest.tags is left out: ${shown.join(", ")}${more}`]),
    ...some(notes.wholeDocuments, `documents have none of the tags ${tags.join(", ")}: taken whole`),
    ...(notes.otherFields.size === 0
      ? []
      : [`topics have fields that are left out, as ingest.topics does not name them: ${otherFields(notes)}`]),
    ...some(notes.wholeTopics, "topics have no title, description or narrative: their whole text is the query"),
  ]
}
