/** A collection's queries and judgements, gathered and checked; its passages are only streamed past. */

import { compareBytes, type QueryKind, type Split } from "../../schemas/index.ts"
import { EmptyCollection, MalformedRow, UnusableQrels } from "./IngestError.ts"
import type { Layout } from "./Layout.ts"
import { kindOfText } from "./QueryKind.ts"
import { beirPassages, beirQueries } from "./read/Beir.ts"
import { IdTable } from "./read/IdTable.ts"
import type { Lines } from "./read/Lines.ts"
import type { Batches, PassageRead, QueryRead } from "./read/Rows.ts"
import { trecPassages } from "./read/TrecDocuments.ts"
import type { TrecNotes } from "./read/TrecNotes.ts"
import { oneText, topics } from "./read/TrecTopics.ts"
import { qrels, tsvPassages } from "./read/Tsv.ts"

/** Opens one of the collection's files, by its path in the layout. */
export type Open = (file: string) => AsyncIterable<Lines>

export interface GatheredQuery {
  readonly qid: string
  readonly text: string
  readonly kind: QueryKind
  readonly split: Split
}

/** Judgements of one query. */
export interface Judged {
  readonly split: Split
  readonly file: string
  readonly grades: Map<string, number>
}

/** What was counted rather than refused. */
export interface Oddities {
  /** judgements that repeat another word for word */
  repeatedQrels: number
  /** judgements of queries that an earlier split has: test before dev before train */
  qrelsOfTwoSplits: number
  /** judgements of queries that no file has */
  qrelsOfUnknownQid: number
  /** judgements of passages that the collection lacks; they are kept, and count as relevant but not found */
  qrelsOfUnknownDocid: number
  /** queries that no split judges, left out */
  unjudgedQueries: number
  /** topics whose number the judgements write without its leading zeros */
  renamedQueries: number
}

const priority: ReadonlyArray<Split> = ["test", "dev", "train"]

/** Reads all judgements. A query belongs to one split: the first of test, dev and train that judges it. */
export const gatherQrels = async (
  layout: Layout,
  open: Open,
  strict: boolean,
  oddities: Oddities,
): Promise<Map<string, Judged>> => {
  const judged = new Map<string, Judged>()
  for (const split of priority) {
    for (const { file } of layout.qrels.filter((entry) => entry.split === split)) {
      let rows = 0
      const elsewhere: Array<string> = []
      for await (const batch of qrels(open(file))) {
        rows += batch.length
        for (const { docid, grade, line, qid } of batch) {
          let query = judged.get(qid)
          if (query === undefined) {
            query = { split, file, grades: new Map() }
            judged.set(qid, query)
          }
          if (query.split !== split) {
            oddities.qrelsOfTwoSplits++
            elsewhere.push(qid)
            continue
          }
          const before = query.grades.get(docid)
          if (before === undefined) query.grades.set(docid, grade)
          else if (before === grade) oddities.repeatedQrels++
          else {
            const expected = `${before}, as an earlier row for ${qid} and ${docid} has it`
            const fix = "Keep one judgement of each query and passage."
            throw new MalformedRow({ file, line, field: "grade", expected, found: String(grade), fix })
          }
        }
      }
      if (rows === 0) throw new EmptyCollection({ file, lacks: "no judgements", fix: "Fetch the file again." })
      if (strict && elsewhere.length > 0) {
        const fix = "Judge each query in one split, or leave strict off: then test comes before dev before train."
        throw unusable(file, "qid of two splits", elsewhere, fix)
      }
    }
  }
  return judged
}

/** Reads all queries and keeps those that are judged, sorted by qid. */
export const gatherQueries = async (
  layout: Layout,
  open: Open,
  judged: ReadonlyMap<string, Judged>,
  settings: { readonly kind?: QueryKind | undefined; readonly strict: boolean; readonly topics: string },
  oddities: Oddities,
  notes: TrecNotes,
): Promise<ReadonlyArray<GatheredQuery>> => {
  const kept = new Map<string, GatheredQuery>()
  const kinds = { ...(settings.kind === undefined ? {} : { given: settings.kind }) }
  let rows = 0
  for (const file of layout.queries) {
    const seen = new IdTable()
    const lines: Array<number> = []
    for await (const batch of readQueries(file, open(file), settings.topics, notes)) {
      rows += batch.length
      for (const query of batch) {
        const { line, otherQid, text } = query
        const renamed = otherQid !== undefined && judged.has(otherQid) && !judged.has(query.qid)
        const qid = renamed ? otherQid : query.qid
        if (renamed) oddities.renamedQueries++
        const earlier = seen.add(qid)
        if (earlier >= 0) throw duplicate(file, line, "qid", qid, lines[earlier]!)
        lines.push(line)
        const judgements = judged.get(qid)
        if (judgements === undefined) {
          oddities.unjudgedQueries++
          continue
        }
        const other = kept.get(qid)
        if (other !== undefined && other.text !== text) {
          const expected = `the text that another file has for ${qid}: ${JSON.stringify(other.text)}`
          const fix = "Give the queries of different files different qids."
          throw new MalformedRow({ file, line, field: "text", expected, found: JSON.stringify(text), fix })
        }
        const kind = query.kind ?? kinds.given ?? query.label ?? kindOfText(text)
        kept.set(qid, { qid, text, kind, split: judgements.split })
      }
    }
  }
  const [file] = layout.queries
  if (rows === 0) throw new EmptyCollection({ file, lacks: "no queries", fix: "Fetch the file again." })
  const splits = new Set([...kept.values()].map(({ split }) => split))
  for (const { file: qrelFile, split } of layout.qrels) {
    if (splits.has(split)) continue
    const lacks = `no query of the ${split} split: none of the qids judged here is in ${layout.queries.join(", ")}`
    throw new EmptyCollection({
      file: qrelFile,
      lacks,
      fix: "Add the queries' file, or name other judgements with ingest.splits.",
    })
  }
  const unknown = [...judged].filter(([qid]) => !kept.has(qid))
  oddities.qrelsOfUnknownQid = unknown.reduce((sum, [, { grades }]) => sum + grades.size, 0)
  const [first] = unknown
  if (settings.strict && first !== undefined) {
    const fix = "Add the queries, remove the rows, or leave strict off: then they are left out and counted."
    throw unusable(
      first[1].file,
      "unknown qid",
      unknown.flatMap(([qid, { grades }]) => [...grades.keys()].map(() => qid)),
      fix,
    )
  }
  return [...kept.values()].sort((a, b) => compareBytes(a.qid, b.qid))
}

/** The passages of all the collection's files, in order, each docid checked to be new. `ids` collects them. */
export async function* checkedPassages(
  layout: Layout,
  open: Open,
  ids: IdTable,
  tags: ReadonlyArray<string>,
  notes: TrecNotes,
): Batches<PassageRead> {
  let lines = new Uint32Array(1 << 12)
  const starts: Array<{ readonly file: string; readonly from: number }> = []
  for (const file of layout.corpus) {
    starts.push({ file, from: ids.size })
    for await (const batch of readPassages(file, open(file), tags, notes)) {
      for (const { docid, line } of batch) {
        const earlier = ids.add(docid)
        if (earlier >= 0) {
          const where = starts.findLast(({ from }) => from <= earlier)?.file ?? file
          throw duplicate(file, line, "docid", docid, lines[earlier]!, where)
        }
        if (ids.size > lines.length) {
          const grown = new Uint32Array(lines.length * 2)
          grown.set(lines)
          lines = grown
        }
        lines[ids.size - 1] = line
      }
      yield batch
    }
  }
  const [file] = layout.corpus
  if (ids.size === 0) throw new EmptyCollection({ file, lacks: "no passages", fix: "Fetch the file again." })
}

/** Counts the judgements of passages that the collection lacks. */
export const checkJudgedPassages = (
  judged: ReadonlyMap<string, Judged>,
  ids: IdTable,
  strict: boolean,
  oddities: Oddities,
): void => {
  const unknown: Array<string> = []
  let file: string | undefined
  for (const { file: from, grades } of judged.values()) {
    for (const docid of grades.keys()) {
      if (ids.indexOf(docid) >= 0) continue
      oddities.qrelsOfUnknownDocid++
      file ??= from
      if (unknown.length < 5) unknown.push(docid)
    }
  }
  if (!strict || file === undefined) return
  const fix = "Complete the collection, remove the rows, or leave strict off: then they are counted as not found."
  throw new UnusableQrels({
    file,
    problem: "unknown docid",
    count: oddities.qrelsOfUnknownDocid,
    examples: unknown,
    fix,
  })
}

const plainName = (file: string): string => file.replace(/\.(?:gz|\d*z)$/i, "")

const readPassages = (
  file: string,
  lines: AsyncIterable<Lines>,
  tags: ReadonlyArray<string>,
  notes: TrecNotes,
): Batches<PassageRead> => {
  if (plainName(file).endsWith(".jsonl")) return beirPassages(lines)
  return plainName(file).endsWith(".tsv") ? tsvPassages(lines) : trecPassages(lines, tags, notes)
}

const readQueries = (
  file: string,
  lines: AsyncIterable<Lines>,
  fields: string,
  notes: TrecNotes,
): Batches<QueryRead> =>
  plainName(file).endsWith(".jsonl") ? oneText(beirQueries(lines), file, fields) : topics(lines, fields, notes)

const unusable = (
  file: string,
  problem: UnusableQrels["problem"],
  ids: ReadonlyArray<string>,
  fix: string,
): UnusableQrels =>
  new UnusableQrels({ file, problem, count: ids.length, examples: [...new Set(ids)].slice(0, 5), fix })

const duplicate = (
  file: string,
  line: number,
  field: string,
  id: string,
  earlier: number,
  where = file,
): MalformedRow =>
  new MalformedRow({
    file,
    line,
    field,
    expected: `an identifier not used before`,
    found: `${JSON.stringify(id)}, which ${where === file ? "" : `${where}, `}line ${earlier} has`,
    fix: "Remove one of the rows, or give it another identifier.",
  })
