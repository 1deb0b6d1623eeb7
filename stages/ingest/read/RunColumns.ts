/** Rankings in columns: TREC's six, MS MARCO's and Tevatron's three, ColBERT's four, or those that a first line names. */

import { ColumnOrder } from "./ColumnOrder.ts"
import { cells, identifier, malformed, type Place, score } from "./Fields.ts"
import type { Lines } from "./Lines.ts"
import type { RunBatches, RunForm, RunRead } from "./Rows.ts"
import { namedColumns, type RunColumn } from "./runColumnNames.ts"

/** Where a row's fields stand; `others` where more may follow. */
interface Columns {
  readonly count: number
  readonly more: boolean
  readonly shown: string
  readonly at: { readonly [Column in RunColumn]?: number }
}

const three: Columns = { count: 3, more: false, shown: "qid, docid, rank or score", at: { qid: 0, docid: 1, score: 2 } }
const four: Columns = {
  count: 4,
  more: false,
  shown: "qid, docid, rank, score",
  at: { qid: 0, docid: 1, rank: 2, score: 3 },
}
const untagged: Columns = {
  count: 5,
  more: false,
  shown: "qid, Q0, docid, rank, score",
  at: { qid: 0, docid: 2, rank: 3, score: 4 },
}
const trec: Columns = {
  count: 6,
  more: true,
  shown: "qid, Q0, docid, rank, score, tag",
  at: { qid: 0, docid: 2, rank: 3, score: 4 },
}

const forms = "qid Q0 docid rank score tag (TREC), qid docid rank, qid docid score, or qid docid rank score"

/** How to say what a file's columns are. */
const sayWhich = (names: ReadonlyArray<string>): string =>
  `Say which, by a first line that names the columns (${names.join(", or ")}), or write TREC's six columns.`

/** The columns of a file whose first row this is. */
const columnsOf = (place: Place, row: ReadonlyArray<string>): Columns => {
  if (row.length > 2 && !row.some(isNumber)) {
    const fix = "If they are the columns' names, call them qid, docid, and score or rank; else remove the line."
    throw malformed(place, "the line", "a row of a run, or names of its columns that are known", row.join(" "), fix)
  }
  if (row.length === 4 && !(isNumber(row[2]) && isNumber(row[3]))) {
    const which = sayWhich(["qid docid rank score", "qid docid score tag", "qid Q0 docid score"])
    throw malformed(place, "the line", "numbers in the third and the fourth of four columns", row.join(" "), which)
  }
  if (row.length === 3) return three
  if (row.length === 4) return four
  if (row.length === 5 && row[1]!.toUpperCase() === "Q0") return untagged
  if (row.length >= 6) return trec
  const fix =
    row.length === 1 && row[0]!.includes(",")
      ? "Columns are separated by tabs or spaces, not by commas."
      : "Write the run in one of these forms, or as ranx's JSON or Parquet."
  throw malformed(place, "the line", `the columns of a run: ${forms}`, row.join(" "), fix)
}

const isNumber = (text: string | undefined): boolean => text !== undefined && /^[+-]?(?:\d|\.\d)/.test(text)

/** Whether a line that begins with `#` is a comment: it is, unless it has all the fields of a row. */
const isComment = (row: ReadonlyArray<string>, columns: Columns | undefined): boolean => {
  if (!row[0]!.startsWith("#")) return false
  if (/^#+$/.test(row[0]!)) return true
  if (columns === undefined) return !isNumber(row[row.length >= 5 ? 4 : row.length - 1])
  const fits = columns.more ? row.length >= columns.count : row.length === columns.count
  return !fits || !isNumber(row[columns.at.score ?? columns.at.rank ?? 0])
}

/** What the third column of `qid docid x` is, once all of it was seen. */
const formOfThree = (file: string, third: ColumnOrder): RunForm => {
  if (!third.isWhole) {
    const rises = third.rises
      ? [
          "the scores rise from row to row in every query: the highest counts as the best; distances would have to be negated",
        ]
      : []
    return { scores: "score", checkRanks: false, said: ["read as qid docid score", ...rises] }
  }
  if (third.counts) {
    const said = "read as qid docid rank: the third column counts from 0 or 1 in every query"
    return { scores: "minus rank", checkRanks: false, said: [said] }
  }
  if (third.falls && !third.countsDown) {
    const said = "read as qid docid score: the third column falls, and does not count from 0 or 1 in every query"
    return { scores: "score", checkRanks: false, said: [said] }
  }
  const { found, line } = third.oddity
  throw malformed(
    { file, line },
    "the third column",
    "ranks that count from 0 or 1 in every query, row by row, or scores, which fall from row to row where all are whole numbers",
    found,
    sayWhich(["qid docid rank", "qid docid score"]),
  )
}

/** What `qid docid x y` is, once all of both columns was seen. */
const formOfFour = (file: string, third: ColumnOrder, fourth: ColumnOrder): RunForm => {
  if (third.isWhole && third.counts && fourth.falls) {
    return { scores: "score", checkRanks: false, said: ["read as qid docid rank score"] }
  }
  if (fourth.isWhole && fourth.counts && third.falls) {
    return { scores: "rank", checkRanks: false, said: ["read as qid docid score rank"] }
  }
  const odd = third.isWhole && third.counts ? fourth.rise : third.oddity
  throw malformed(
    { file, line: odd.line },
    "the third and the fourth column",
    "ranks that count from 0 or 1 in every query, row by row, and scores that fall with them",
    odd.found,
    sayWhich(["qid docid rank score", "qid docid score tag"]),
  )
}

/** A rank as TREC's fourth column has it, if it is one; nothing depends on it but a warning. */
const rankIn = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : null

/**
 * A ranking in columns, separated by tabs or spaces, and at the end what its columns are. Six columns are TREC's; what
 * follows the sixth belongs to the tag. Where it is not clear from the whole file which column is the score, it is refused.
 */
export async function* runRows(lines: AsyncIterable<Lines>): RunBatches {
  let columns: Columns | undefined
  let heading: { readonly line: number; readonly text: string } | undefined
  let name = ""
  const comments = { count: 0, first: 0 }
  const [third, fourth] = [new ColumnOrder(), new ColumnOrder()]
  for await (const { file, first, texts } of lines) {
    name = file
    const rows: Array<RunRead> = []
    for (let i = 0; i < texts.length; i++) {
      if (texts[i]!.trim() === "") continue
      const place = { file, line: first + i }
      if (texts[i]!.includes("\r")) {
        const fix = "End lines with LF (for example: tr '\\r' '\\n')."
        throw malformed(place, "the line", "no carriage return within it", texts[i]!, fix)
      }
      const row = cells(texts[i]!)
      if (isComment(row, columns)) {
        if (comments.count++ === 0) comments.first = place.line
        continue
      }
      if (columns === undefined) {
        const at = namedColumns(place, row)
        if (at !== undefined) {
          columns = { count: row.length, more: at.last, shown: row.join(", "), at: at.columns }
          heading = { line: place.line, text: texts[i]! }
          continue
        }
        columns = columnsOf(place, row)
      }
      if (texts[i] === heading?.text) continue
      if (columns.more ? row.length < columns.count : row.length !== columns.count) {
        const expected = `${columns.count} columns: ${columns.shown}`
        throw malformed(place, "the line", expected, `${row.length}`, "Mend the row, or remove it.")
      }
      const { at } = columns
      const qid = identifier(place, "qid", row[at.qid ?? 0])
      const docid = identifier(place, "docid", row[at.docid ?? 0])
      if (columns === three) {
        const value = score(place, "the third column", row[2]!)
        third.see(qid, value, place.line)
        rows.push({ line: place.line, qid, docid, score: value, rank: value })
      } else if (columns === four) {
        const [rank, value] = [score(place, "the third column", row[2]!), score(place, "the fourth column", row[3]!)]
        third.see(qid, rank, place.line)
        fourth.see(qid, value, place.line)
        rows.push({ line: place.line, qid, docid, score: value, rank })
      } else if (at.score === undefined) {
        const rank = score(place, "rank", row[at.rank ?? 0]!)
        rows.push({ line: place.line, qid, docid, score: -rank, rank: null })
      } else {
        const value = score(place, "score", row[at.score]!)
        rows.push({
          line: place.line,
          qid,
          docid,
          score: value,
          rank: at.rank === undefined ? null : rankIn(row[at.rank]),
        })
      }
    }
    yield rows
  }
  const form =
    columns === three
      ? formOfThree(name, third)
      : columns === four
        ? formOfFour(name, third, fourth)
        : { scores: "score" as const, checkRanks: true, said: [] }
  const said = [
    ...(heading === undefined
      ? []
      : [`line ${heading.line} names the columns: read as ${cells(heading.text).join(" ")}`]),
    ...(columns === untagged ? ["read as qid Q0 docid rank score: TREC's columns without a tag"] : []),
    ...(comments.count === 0
      ? []
      : [
          comments.count === 1
            ? `line ${comments.first} begins with # and is no result: left out as a comment`
            : `${comments.count} lines begin with # and are no results (the first is line ${comments.first}): left out as comments`,
        ]),
  ]
  return { ...form, said: [...form.said, ...said] }
}
