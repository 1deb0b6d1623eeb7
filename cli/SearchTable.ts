import { displayWidth, fitted } from "./DisplayWidth.ts"
import { formatSeconds } from "./Quantity.ts"
import { joined, type Pieces, paint, plainLine, trimmed } from "./QueryTable.ts"

/** A passage that was found for a typed query. */
export interface FoundPassage {
  readonly rank: number
  readonly docid: string
  readonly score: number
  /** `null`: not judged for this query. */
  readonly grade: number | null
  readonly title: string | null
  readonly text: string
}

/** A typed query with what systems found. */
export interface SearchDocument {
  readonly dataset: string
  readonly query: string
  /** The query of the collection that has this text, whose judgements are shown. */
  readonly qid: string | null
  readonly answers: ReadonlyArray<{
    readonly system: string
    readonly seconds: number
    readonly results: ReadonlyArray<FoundPassage>
  }>
  /** Systems of the table that cannot be asked, and why. */
  readonly unanswered: ReadonlyArray<{ readonly system: string; readonly why: string }>
}

const gap = "   "

/** A column narrower than this shows too little of a text. */
const leastColumn = 44

const longestDocid = 20

/** A typed query for a terminal: as many systems side by side as there is room for, the others below. */
export const renderSearch = (
  found: SearchDocument,
  { width, colour }: { readonly width: number; readonly colour: boolean },
): Pieces => {
  const painted = paint(colour)
  const { answers, qid, query } = found
  const beside = Math.max(1, Math.min(answers.length, Math.floor((width + gap.length) / (leastColumn + gap.length))))
  const column = Math.max(24, Math.floor((width - gap.length * (beside - 1)) / beside))
  const all = answers.flatMap(({ results }) => results)
  const docidWidth = Math.min(longestDocid, Math.max(0, ...all.map(({ docid }) => displayWidth(plainLine(docid)))))
  const scoreWidth = Math.max(6, ...all.map(({ score }) => score.toFixed(4).length))

  const cell = (result: FoundPassage | undefined): Pieces => {
    if (result === undefined) return [" ".repeat(column)]
    const { docid, grade, rank, score, text, title } = result
    const graded = qid === null ? "" : (grade === null ? "–" : String(grade)).padStart(3)
    const said = plainLine(title === null || title === "" ? text : `${title}. ${text}`)
    const used = 4 + graded.length + 1 + scoreWidth + 2
    return [
      `${String(rank).padStart(3)} `,
      ...painted(grade !== null && grade > 0 ? "1;32" : "2", graded),
      ` ${score.toFixed(4).padStart(scoreWidth)}  `,
      fitted(`${fitted(plainLine(docid), docidWidth)}  ${said}`, column - used),
    ]
  }
  const block = (from: number): ReadonlyArray<Pieces> => {
    const shown = answers.slice(from, from + beside)
    const depth = Math.max(1, ...shown.map(({ results }) => results.length))
    const heads = shown.map(({ seconds, system }) =>
      painted("1", fitted(`${system} · ${formatSeconds(seconds)}`, column)),
    )
    return [
      [],
      joined(heads, gap),
      ...Array.from({ length: depth }, (_, row) =>
        joined(
          shown.map(({ results }) =>
            row === 0 && results.length === 0 ? [fitted("  nothing found", column)] : cell(results[row]),
          ),
          gap,
        ),
      ),
    ]
  }
  const blocks = Array.from({ length: Math.ceil(answers.length / beside) }, (_, at) => block(at * beside)).flat()
  const lines: ReadonlyArray<Pieces> = [
    [...painted("1", plainLine(query)), qid === null ? "" : ` · judged as ${plainLine(qid)}`],
    ...blocks,
    ...(found.unanswered.length === 0 ? [] : [[]]),
    ...found.unanswered.map(({ system, why }) => [`${system} cannot be asked: ${why}`]),
  ]
  return joined(lines.map(trimmed), "\n")
}
