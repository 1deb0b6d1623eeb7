/** What the columns of tables with a heading are called, and which of them a reader takes. */

import type { FieldNames } from "../../../schemas/index.ts"
import { malformedNames, type Place } from "./Fields.ts"

/** What a table holds. */
export type Content = "passages" | "queries" | "qrels"

export type Role = keyof FieldNames

/** Usual names of columns, in lower case with `_` for other marks; of several that are there the first in this order. */
const usual: Readonly<Record<Content, Readonly<Partial<Record<Role, ReadonlyArray<string>>>>>> = {
  passages: {
    docid: ["docid", "doc_id", "docno", "_id", "id", "pid", "passage_id", "document_id", "corpus_id", "product_id"],
    title: ["title"],
    text: ["text", "passage", "contents", "content", "body", "document"],
  },
  queries: {
    qid: ["qid", "query_id", "q_id", "queryid", "_id", "id", "topic_id", "topic"],
    query: ["query", "text", "query_text", "question", "title"],
  },
  qrels: {
    qid: ["qid", "query_id", "q_id", "queryid", "topic_id", "topic"],
    query: ["query", "query_text", "search_term", "keyword", "keywords", "question"],
    docid: ["docid", "doc_id", "docno", "corpus_id", "pid", "passage_id", "document_id", "product_id", "product_uid"],
    grade: ["grade", "score", "relevance", "rel", "label", "rating", "judgment", "judgement"],
  },
}

/** What a table needs; of several in one place, one. */
const needed: Readonly<Record<Content, ReadonlyArray<readonly [Role, ...Array<Role>]>>> = {
  passages: [["docid"], ["text"]],
  queries: [["qid"], ["query"]],
  qrels: [["qid", "query"], ["docid"]],
}

const roleNames: Readonly<Record<Role, string>> = {
  docid: "docid",
  title: "title",
  text: "text",
  qid: "qid",
  query: "text of the query",
  grade: "grade",
}

/** Positions of the columns that a reader takes; `kind` is a query's. */
export type Columns = Readonly<Partial<Record<Role | "kind", number>>>

const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[-.\s]+/g, "_")

/** A cell of a table with a heading: without the quotes that it stands in, doubled ones inside single. */
export const unquoted = (cell: string): string =>
  cell.startsWith('"') && /^"(?:[^"]|"")*"$/.test(cell) ? cell.slice(1, -1).replaceAll('""', '"') : cell

/** Which of the names are of the columns that are taken: the user's word first, then the usual names. */
export const columnsFound = (content: Content, names: ReadonlyArray<string>, fields: FieldNames): Columns => {
  const known = names.map(plain)
  const found: { -readonly [R in Role | "kind"]?: number } = {}
  const take = (role: Role, candidates: ReadonlyArray<string>): void => {
    const said = fields[role] === undefined ? -1 : names.indexOf(fields[role])
    const at = [said, ...candidates.map((name) => known.indexOf(name))].find((place) => place >= 0)
    if (at !== undefined) found[role] = at
  }
  const { docid, title, text, qid, query, grade } = usual[content]
  if (docid !== undefined) take("docid", docid)
  if (title !== undefined) take("title", title)
  if (text !== undefined) take("text", text)
  if (qid !== undefined) take("qid", qid)
  if (query !== undefined) take("query", query)
  if (grade !== undefined) take("grade", grade)
  const kind = known.indexOf("kind")
  if (content === "queries" && kind >= 0) found.kind = kind
  return found
}

/** Whether a table's first row names its columns rather than being a row. */
export const isHeading = (content: Content, cells: ReadonlyArray<string>, fields: FieldNames): boolean => {
  const found = columnsFound(content, cells.map(unquoted), fields)
  const roles = Object.keys(found).length
  return content === "qrels"
    ? (found.qid !== undefined || found.query !== undefined) && roles > 1
    : needed[content].every((choice) => choice.some((role) => found[role] !== undefined))
}

/** What to do about a field that has another name in a file. */
export const nameIt = (role: Role): string => `Say which: --set ingest.fields.${role}=NAME.`

/** Roles of one content alone, so that a name that the user gives has to be there. Others may be named for another file. */
const strict = ["title", "text", "grade"] as const

/**
 * The columns that a reader takes of a table with a heading.
 *
 * @throws MalformedRow where one is missing, with the names that are there
 */
export const columnsOf = (
  place: Place,
  content: Content,
  names: ReadonlyArray<string>,
  fields: FieldNames,
): Columns => {
  const found = columnsFound(content, names, fields)
  const missing = (role: Role, expected: string) =>
    malformedNames(place, "the heading", expected, "columns", names, nameIt(role))
  for (const role of strict) {
    const said = fields[role]
    if (said === undefined || usual[content][role] === undefined || names.includes(said)) continue
    throw missing(role, `a column ${said}, which ingest.fields.${role} names`)
  }
  for (const choice of needed[content]) {
    if (choice.some((role) => found[role] !== undefined)) continue
    const roles = choice.map((role) => roleNames[role]).join(" or the ")
    const known = choice.flatMap((role) => usual[content][role] ?? [])
    throw missing(choice[0], `a column with the ${roles} (${known.join(", ")})`)
  }
  return found
}
