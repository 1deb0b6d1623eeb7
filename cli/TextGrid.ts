import { latexText } from "../schemas/index.ts"
import { displayWidth, paddedAfter, paddedBefore } from "./DisplayWidth.ts"

/** A table of texts, made once and printed in several formats. */
export interface TextGrid {
  /** Printed above the table; in LaTeX its caption. */
  readonly title: string
  readonly columns: ReadonlyArray<{ readonly name: string; readonly align: "left" | "right" }>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  /** Printed below it, a line each. */
  readonly notes: ReadonlyArray<string>
}

/** A text in lines of at most so many columns, broken at spaces but in `p ≤ 0.05`; a longer word has a line of its own. */
export const wrapped = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  for (const word of text.split(/(?<! [≤<]) (?![≤<] )/)) {
    const last = lines.at(-1)
    if (last !== undefined && displayWidth(last) + 1 + displayWidth(word) <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** For a terminal, for a page of Markdown, or for a paper (with the package booktabs). */
export const gridFormats = ["table", "markdown", "latex"] as const
export type GridFormat = (typeof gridFormats)[number]

/** Marks of significance stand raised, whether beside a figure or before what they mean. */
const withRaisedMarks = (text: string): string => latexText(text).replaceAll(/\$(?=\\d?dagger\$)/g, "$^")

/** A number's hyphen as the minus that print has; one within a name or a range stays. */
const withMinus = (cell: string): string => cell.replaceAll(/(?<![^\s[(])-(?=\d)/g, "−")

const latex = ({ title, columns, rows, notes }: TextGrid): string => {
  const line = (cells: ReadonlyArray<string>): string =>
    `${cells.map((cell) => withRaisedMarks(withMinus(cell.trim()))).join(" & ")} \\\\`
  return [
    "\\begin{table}",
    `\\caption{${withRaisedMarks([title, ...notes].join(". "))}.}`,
    `\\begin{tabular}{${columns.map(({ align }) => (align === "left" ? "l" : "r")).join("")}}`,
    "\\toprule",
    line(columns.map(({ name }) => name)),
    "\\midrule",
    ...rows.map(line),
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
  ].join("\n")
}

const markdown = ({ title, columns, rows, notes }: TextGrid): string => {
  const line = (cells: ReadonlyArray<string>): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`
  return [
    `**${title}**`,
    "",
    line(columns.map(({ name }) => name)),
    `|${columns.map(({ align }) => (align === "left" ? " --- " : " ---: ")).join("|")}|`,
    ...rows.map(line),
    ...notes.flatMap((note) => ["", note]),
  ].join("\n")
}

const folded = "  "

/** Columns by the lines that a row takes: as many in each as the width has room for. */
const linesOf = (widths: ReadonlyArray<number>, width: number): ReadonlyArray<ReadonlyArray<number>> => {
  let last: Array<number> = []
  const lines = [last]
  let used = 0
  for (const [column, own] of widths.entries()) {
    if (last.length > 0 && used + 2 + own > width) {
      last = [column]
      lines.push(last)
      used = folded.length + own
    } else {
      used += last.length > 0 ? 2 + own : own
      last.push(column)
    }
  }
  return lines
}

/** @param width a row that is longer is folded: its last columns stand below its first, in the heading as in each row. */
const plain = ({ title, columns, rows, notes }: TextGrid, width: number): string => {
  const widths = columns.map(({ name }, column) =>
    Math.max(displayWidth(name), ...rows.map((row) => displayWidth(row[column]!))),
  )
  const lines = linesOf(widths, width)
  const cellOf = (row: ReadonlyArray<string>, column: number): string =>
    columns[column]!.align === "left"
      ? paddedAfter(row[column]!, widths[column]!)
      : paddedBefore(row[column]!, widths[column]!)
  const folds = (row: ReadonlyArray<string>): ReadonlyArray<string> =>
    lines.map((of, at) => `${at === 0 ? "" : folded}${of.map((column) => cellOf(row, column)).join("  ")}`.trimEnd())
  const rule = lines[0]!.map((column) => "─".repeat(widths[column]!)).join("  ")
  const fitting = notes.flatMap((note) => (width === Number.POSITIVE_INFINITY ? [note] : wrapped(note, width)))
  return [title, ...folds(columns.map(({ name }) => name)), rule, ...rows.flatMap(folds), ...fitting].join("\n")
}

/**
 * Prints a table.
 *
 * @param width characters of a terminal's line, into which a `table` is folded; left out, it is as wide as it is.
 */
export const renderGrid = (grid: TextGrid, format: GridFormat, width = Number.POSITIVE_INFINITY): string => {
  switch (format) {
    case "table":
      return plain(grid, width)
    case "markdown":
      return markdown(grid)
    case "latex":
      return latex(grid)
  }
}
