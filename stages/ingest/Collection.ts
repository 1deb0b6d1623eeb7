/** A collection's queries and judgements, gathered and checked; its passages are only streamed past. */

import { compareBytes, type QueryKind, type Split } from "../../schemas/index.ts"
import { EmptyCollection, MalformedRow, UnusableQrels } from "./IngestError.ts"
import type { Layout } from "./Layout.ts"
import { kindOfText } from "./QueryKind.ts"
import { identifier, malformed, type Place, squeezed } from "./read/Fields.ts"
import type { FormFile, ReadSettings } from "./read/forms/FileForm.ts"
import { formOf } from "./read/forms/registry.ts"
import { trec } from "./read/forms/trec.ts"
import { IdTable } from "./read/IdTable.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "./read/Rows.ts"
import { type TrecNotes, trecNotes } from "./read/TrecNotes.ts"
import { topics } from "./read/TrecTopics.ts"

/** Opens a file of the collection, by its path in the layout. */
export type Open = (file: string) => FormFile

/** What reading a collection depends on, beside its files. */
export interface CollectionSettings extends ReadSettings {
  readonly strict: boolean
}

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
  /** The query's text, where the judgements' file has it. */
  readonly text: string | undefined
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

/** The qids of the collection's queries by their texts, white space squeezed; of two with one text, both. */
const qidsByText = async (layout: Layout, open: Open, settings: ReadSettings) => {
  const qids = new Map<string, Set<string>>()
  for (const file of layout.queries) {
    for await (const batch of readQueries(file, open, settings, trecNotes())) {
      for (const { qid, text } of batch) {
        const known = qids.get(squeezed(text))
        if (known === undefined) qids.set(squeezed(text), new Set([qid]))
        else known.add(qid)
      }
    }
  }
  return qids
}

/**
 * The qids of judgements that name queries by their text: the qid of the query with this text or, where the collection has no file
 * of queries, the text itself, each white space replaced by `_`. So an identifier depends on nothing but the query.
 */
class TextIds {
  private readonly layout: Layout
  private readonly open: Open
  private readonly settings: ReadSettings
  private known: ReadonlyMap<string, ReadonlySet<string>> | undefined
  private readonly made = new Map<string, string>()

  constructor(layout: Layout, open: Open, settings: ReadSettings) {
    this.layout = layout
    this.open = open
    this.settings = settings
  }

  async load(): Promise<void> {
    this.known ??= await qidsByText(this.layout, this.open, this.settings)
  }

  of(place: Place, text: string): string {
    const [qid, another] = this.known?.get(text) ?? []
    if (qid !== undefined && another !== undefined) {
      const expected = `the text of one query: ${qid} and ${another} have it`
      throw malformed(place, "query", expected, text, "Judge by qid, or leave one of the queries out.")
    }
    if (qid !== undefined) return qid
    const id = identifier(place, "query", text.replaceAll(" ", "_"))
    const other = this.made.get(id) ?? text
    this.made.set(id, other)
    if (other === text) return id
    const expected = `a text whose identifier, ${id}, is its own; ${JSON.stringify(other)} has it too`
    throw malformed(place, "query", expected, text, "Add a file of queries, or a column with their qids.")
  }
}

/** Reads all judgements. A query belongs to one split: the first of test, dev and train that judges it. */
export const gatherQrels = async (
  layout: Layout,
  open: Open,
  settings: CollectionSettings,
  oddities: Oddities,
): Promise<Map<string, Judged>> => {
  const { strict } = settings
  const judged = new Map<string, Judged>()
  const textIds = new TextIds(layout, open, settings)
  for (const split of priority) {
    for (const { file } of layout.qrels.filter((entry) => entry.split === split)) {
      let rows = 0
      const elsewhere: Array<string> = []
      for await (const batch of readQrels(file, open, settings)) {
        rows += batch.length
        if (batch.some(({ qid }) => qid === undefined)) await textIds.load()
        for (const { docid, grade, line, qid: named, query: text } of batch) {
          const qid = named ?? textIds.of(placeOf(file, line), text ?? "")
          let query = judged.get(qid)
          if (query === undefined) {
            query = { split, file, grades: new Map(), text }
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
            throw new MalformedRow({ ...placeOf(file, line), field: "grade", expected, found: String(grade), fix })
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
  settings: CollectionSettings & { readonly kind?: QueryKind | undefined },
  oddities: Oddities,
  notes: TrecNotes,
): Promise<ReadonlyArray<GatheredQuery>> => {
  if (layout.queries.length === 0) return judgedQueries(judged, settings.kind)
  const kept = new Map<string, GatheredQuery>()
  const kinds = { ...(settings.kind === undefined ? {} : { given: settings.kind }) }
  let rows = 0
  for (const file of layout.queries) {
    const seen = new IdTable()
    const lines: Array<number> = []
    for await (const batch of readQueries(file, open, settings, notes)) {
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
          throw new MalformedRow({ ...placeOf(file, line), field: "text", expected, found: JSON.stringify(text), fix })
        }
        const kind = query.kind ?? kinds.given ?? query.label ?? kindOfText(text)
        kept.set(qid, { qid, text, kind, split: judgements.split })
      }
    }
  }
  const [file = ""] = layout.queries
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

/** The queries of a collection whose judgements hold their texts. */
const judgedQueries = (
  judged: ReadonlyMap<string, Judged>,
  kind: QueryKind | undefined,
): ReadonlyArray<GatheredQuery> => {
  const queries = [...judged].map(([qid, { file, split, text }]): GatheredQuery => {
    if (text !== undefined) return { qid, text, kind: kind ?? kindOfText(text), split }
    const lacks = `no text of query ${qid}: it has qids, and no file has the queries`
    throw new EmptyCollection({ file, lacks, fix: "Add the queries' file, or a column with their texts." })
  })
  return queries.sort((a, b) => compareBytes(a.qid, b.qid))
}

/** The passages of all the collection's files, in order, each docid checked to be new. `ids` collects them. */
export async function* checkedPassages(
  layout: Layout,
  open: Open,
  settings: ReadSettings,
  ids: IdTable,
  notes: TrecNotes,
): Batches<PassageRead> {
  let lines = new Uint32Array(1 << 12)
  const starts: Array<{ readonly file: string; readonly from: number }> = []
  for (const file of layout.corpus) {
    starts.push({ file, from: ids.size })
    for await (const batch of readPassages(file, open, settings, notes)) {
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

/** Where a row stands: a file without lines counts rows. */
const placeOf = (file: string, line: number): Place =>
  formOf(file).hasRows === true ? { file, line, unit: "row" } : { file, line }

const readPassages = (file: string, open: Open, settings: ReadSettings, notes: TrecNotes): Batches<PassageRead> =>
  (formOf(file).passages ?? trec.passages)(open(file), settings, notes)

const readQueries = (file: string, open: Open, settings: ReadSettings, notes: TrecNotes): Batches<QueryRead> => {
  const source = open(file)
  return formOf(file).queries?.(source, settings) ?? topics(source.lines(), settings.topics, notes, settings.fields)
}

const readQrels = (file: string, open: Open, settings: ReadSettings): Batches<QrelRead> =>
  (formOf(file).qrels ?? trec.qrels)(open(file), settings)

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
    ...placeOf(file, line),
    field,
    expected: `an identifier not used before`,
    found: `${JSON.stringify(id)}, which ${where === file ? "" : `${where}, `}${placeOf(where, earlier).unit ?? "line"} ${earlier} has`,
    fix: "Remove one of the rows, or give it another identifier.",
  })
