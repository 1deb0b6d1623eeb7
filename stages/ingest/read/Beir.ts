/** Files with one JSON object a line, as BEIR has them. */

import { causeText, type FieldNames, isRecord } from "../../../schemas/index.ts"
import { kindOfLabels, kindOfRecord } from "../QueryKind.ts"
import { columnsOf, nameIt, type Role } from "./Columns.ts"
import {
  grade,
  identifier,
  malformed,
  malformedNames,
  type Place,
  queryKind,
  queryText,
  squeezed,
  text,
} from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import type { Batches, PassageRead, QrelRead, QueryRead } from "./Rows.ts"

type JsonRecord = Readonly<Record<string, unknown>>

const recordOf = (place: Place, line: string): JsonRecord => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    const why = causeText(error)
    throw malformed(place, "the line", `a JSON object (${why})`, line, "Write one complete JSON object on every line.")
  }
  if (isRecord(value)) return value
  throw malformed(place, "the line", "a JSON object", value, "Write one complete JSON object on every line.")
}

const noFields: FieldNames = {}

const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g

/** How a line of JSON spells the value that its object has under a name; the last of several, as `JSON.parse` takes it. */
const spelled = (line: string, name: string): string | undefined => {
  let [depth, inValue] = [0, false]
  let key: unknown
  let found: string | undefined
  for (const [part] of line.matchAll(token)) {
    if (part === "{" || part === "[") depth++
    else if (part === "}" || part === "]") depth--
    else if (depth !== 1) continue
    else if (part === ":") inValue = true
    else if (part === ",") inValue = false
    else if (!inValue) key = JSON.parse(part)
    else if (key === name) found = part
  }
  return found
}

/**
 * The identifier under a name. A whole number keeps its digits, also where it is too large for a double, which would round it to
 * another one's.
 */
const idOf = (place: Place, name: string, record: JsonRecord, line: string): string => {
  const value = record[name]
  if (typeof value !== "number" || Number.isSafeInteger(value)) return identifier(place, name, value)
  const digits = spelled(line, name) ?? ""
  return identifier(place, name, /^-?\d+$/.test(digits) ? digits : value)
}

/** The name of a field: the user's word where the record has it, or else BEIR's. */
const nameOf = (record: JsonRecord, said: string | undefined, usual: string): string =>
  said !== undefined && Object.hasOwn(record, said) ? said : usual

const missing = (place: Place, role: Role, name: string, expected: string, record: JsonRecord) =>
  malformedNames(place, name, expected, "fields", Object.keys(record), nameIt(role))

/** A file's lines with something on them, in batches, and where they stand. */
async function* written(lines: AsyncIterable<Lines>) {
  for await (const { file, first, texts } of lines) {
    const batch: Array<{ readonly place: Place; readonly line: string }> = []
    for (let i = 0; i < texts.length; i++) {
      const line = texts[i]!
      if (line.trim() === "") continue
      batch.push({ place: { file, line: first + i }, line })
    }
    yield batch
  }
}

/** `{"_id", "title"?, "text"}` a line, or under other names; an empty title is none. */
export async function* beirPassages(lines: AsyncIterable<Lines>, fields = noFields): Batches<PassageRead> {
  let titles = 0
  let last: { readonly place: Place; readonly record: JsonRecord } | undefined
  for await (const batch of written(lines)) {
    yield batch.map(({ place, line }) => {
      const record = recordOf(place, line)
      last = { place, record }
      const idName = nameOf(record, fields.docid, "_id")
      if (record[idName] === undefined) throw missing(place, "docid", idName, "an identifier", record)
      const docid = idOf(place, idName, record, line)
      const textName = fields.text ?? "text"
      if (record[textName] === undefined) throw missing(place, "text", textName, "a text", record)
      const titleName = fields.title ?? "title"
      const named = record[titleName]
      if (named !== undefined) titles++
      const title = named === undefined || named === null ? "" : text(place, titleName, named)
      return {
        line: place.line,
        docid,
        title: title === "" ? null : title,
        text: text(place, textName, record[textName]),
      }
    })
  }
  if (fields.title === undefined || titles > 0 || last === undefined) return
  throw missing(
    last.place,
    "title",
    fields.title,
    "a title somewhere in the file, as ingest.fields.title says",
    last.record,
  )
}

/** `{"_id", "text", "kind"?, "metadata"?}` a line, or under other names. */
export async function* beirQueries(lines: AsyncIterable<Lines>, fields = noFields): Batches<QueryRead> {
  for await (const batch of written(lines)) {
    yield batch.map(({ place, line }) => {
      const record = recordOf(place, line)
      const idName = nameOf(record, fields.qid, "_id")
      if (record[idName] === undefined) throw missing(place, "qid", idName, "an identifier", record)
      const qid = idOf(place, idName, record, line)
      const textName = nameOf(record, fields.query, "text")
      if (record[textName] === undefined) throw missing(place, "query", textName, "a query's text", record)
      const said = queryText(place, textName, record[textName])
      const kind = queryKind(place, kindOfRecord(record))
      return { line: place.line, qid, text: said, kind, label: kindOfLabels(record) }
    })
  }
}

/** Judgements as records, under the names that tables' columns have; the first record settles which. */
export async function* jsonQrels(lines: AsyncIterable<Lines>, fields = noFields): Batches<QrelRead> {
  let names: ((role: Role) => string | undefined) | undefined
  for await (const batch of written(lines)) {
    yield batch.map(({ place, line }): QrelRead => {
      const record = recordOf(place, line)
      if (names === undefined) {
        const there = Object.keys(record)
        const columns = columnsOf(place, "qrels", there, fields)
        names = (role) => there[columns[role] ?? -1]
      }
      const [qid, query, docid = "", judged] = [names("qid"), names("query"), names("docid"), names("grade")]
      const graded = judged === undefined ? 1 : record[judged]
      return {
        line: place.line,
        qid: qid === undefined ? undefined : idOf(place, qid, record, line),
        query: query === undefined ? undefined : squeezed(queryText(place, query, record[query])),
        docid: idOf(place, docid, record, line),
        grade: grade(place, judged ?? "grade", typeof graded === "number" ? String(graded) : graded),
      }
    })
  }
}
