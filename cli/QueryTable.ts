import { displayWidth, fitted, paddedBefore } from "./DisplayWidth.ts"
import { Control } from "./Terminal.ts"

/** A passage with its place in a ranking. */
export interface RankedPassage {
  readonly rank: number
  readonly docid: string
  /** `null`: nobody judged it. */
  readonly grade: number | null
  readonly title: string | null
  readonly text: string
}

/** One system's answer to a query. */
export interface SystemAnswer {
  readonly system: string
  /** The first results, by rank. */
  readonly results: ReadonlyArray<RankedPassage>
  /** Ranks of all results by docid, however deep. */
  readonly ranks: ReadonlyMap<string, number>
  /** Values by measure. */
  readonly values: ReadonlyMap<string, number>
}

/** A query with what systems answer. */
export interface AnsweredQuery {
  readonly qid: string
  readonly text: string
  readonly kind: string
  readonly split: string
  readonly measures: ReadonlyArray<string>
  readonly answers: ReadonlyArray<SystemAnswer>
}

/** How the answers are printed. */
export interface QueryTableOptions {
  /** Characters of a line. */
  readonly width: number
  readonly colour: boolean
}

const gap = "   "

/** Longer docids are cut, so that something is left for the text. */
const longestDocid = 20

// What has no width, or one that terminals do not agree on.
const shapeless = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}]+/gu

/** A text as one line of characters with a width. */
export const plainLine = (text: string): string => text.replace(shapeless, " ").replaceAll(/\s+/g, " ").trim()

/** How a passage moved from the first system's list to another's. */
const moveText = (rank: number, before: number | undefined): string => {
  if (before === undefined) return "new"
  if (before === rank) return "="
  return before > rank ? `▲${before - rank}` : `▼${rank - before}`
}

/** Pieces of a line: texts, and the colours around some of them. */
export type Pieces = ReadonlyArray<string | Control>

/** Colours a text where there is colour. */
export const paint =
  (isOn: boolean) =>
  (code: string, text: string): Pieces =>
    isOn ? [new Control(`\u001b[${code}m`), text, new Control("\u001b[0m")] : [text]

/** Lists one after the other, with a separator between them. */
export const joined = (lists: ReadonlyArray<Pieces>, separator: string): Pieces =>
  lists.flatMap((pieces, at) => (at === 0 ? pieces : [separator, ...pieces]))

/** A line without the spaces at its end. */
export const trimmed = (line: Pieces): Pieces => {
  const last = line.at(-1)
  return typeof last === "string" ? [...line.slice(0, -1), last.trimEnd()] : line
}

/** One query for a terminal: the measures of each system, and the rankings side by side, moves told against the first. */
export const renderQueryTable = (query: AnsweredQuery, { width, colour }: QueryTableOptions): Pieces => {
  const { answers, measures } = query
  const painted = paint(colour)
  const [first] = answers
  const column = Math.max(24, Math.floor((width - gap.length * (answers.length - 1)) / Math.max(1, answers.length)))
  const depth = Math.max(0, ...answers.map(({ results }) => results.length))

  const docids = answers.flatMap(({ results }) => results.map(({ docid }) => displayWidth(plainLine(docid))))
  const docidWidth = Math.min(longestDocid, Math.max(0, ...docids))
  const labels = Math.max(...measures.map((measure) => measure.length), 0)
  const figures = answers.map(({ system }) => Math.max(8, displayWidth(system)))
  const measureLine = (measure: string): Pieces => {
    const base = first?.values.get(measure)
    const cells = answers.map(({ values }, at): Pieces => {
      const value = values.get(measure)
      const cell = (value === undefined ? "–" : value.toFixed(4)).padStart(figures[at]!)
      if (at === 0 || value === undefined || base === undefined) return [cell]
      const change = value - base
      const told = `${change > 0 ? "+" : change < 0 ? "−" : "±"}${Math.abs(change).toFixed(4)}`
      return [`${cell} `, ...painted(change > 0 ? "32" : change < 0 ? "31" : "2", told)]
    })
    return [`${measure.padEnd(labels)}  `, ...joined(cells, "  ")]
  }
  const systemLine = answers.map(
    ({ system }, at) => paddedBefore(system, figures[at]!) + (at === 0 ? "" : " ".repeat(8)),
  )

  const cell = ({ results }: SystemAnswer, at: number, row: number): Pieces => {
    const result = results[row]
    if (result === undefined) return [" ".repeat(column)]
    const { rank, docid, grade, title, text } = result
    const move = at === 0 ? "" : moveText(rank, first?.ranks.get(docid)).padStart(5)
    const graded = grade === null ? "–" : String(grade)
    const used = 3 + 1 + Math.max(2, graded.length) + move.length + 2
    const said = plainLine(title === null || title === "" ? text : `${title}. ${text}`)
    return [
      `${String(rank).padStart(3)} `,
      ...painted(grade !== null && grade > 0 ? "1;32" : "2", graded.padStart(2)),
      ...painted(move.includes("▲") || move.includes("new") ? "32" : move.includes("▼") ? "31" : "2", move),
      `  ${fitted(`${fitted(plainLine(docid), docidWidth)}  ${said}`, column - used)}`,
    ]
  }
  const systems = answers.map(({ system }) => painted("1", fitted(system, column)))
  const lines: ReadonlyArray<Pieces> = [
    painted("1", plainLine(query.text)),
    [`${plainLine(query.qid)} · ${query.kind} query of the ${query.split} split`],
    [],
    [`${" ".repeat(labels)}  ${systemLine.join("  ").trimEnd()}`],
    ...measures.map(measureLine),
    [],
    joined(systems, gap),
    ...(depth === 0
      ? [["no results"]]
      : Array.from({ length: depth }, (_, row) =>
          joined(
            answers.map((answer, at) => cell(answer, at, row)),
            gap,
          ),
        )),
  ]
  return joined(lines.map(trimmed), "\n")
}
