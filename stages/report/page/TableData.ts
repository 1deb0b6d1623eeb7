import { latexText } from "../../../schemas/index.ts"

/** A number with what stands beside it, or a text; `null` where there is none. */
export type Cell = string | number | null | Figure

export interface Figure {
  readonly value: number
  /** Marks of significance. */
  readonly marks: string
  readonly isBest: boolean
}

export interface TableColumn {
  readonly name: string
  /** How its numbers are written for people; none for a column of texts. */
  readonly text?: (value: number) => string
}

/** A table as plain data: what is seen of it and what is saved come from here. */
export interface TableData {
  /** What a file of it is called, without ending. */
  readonly file: string
  /** What it shows, as a caption. */
  readonly title: string
  readonly columns: ReadonlyArray<TableColumn>
  readonly rows: ReadonlyArray<ReadonlyArray<Cell>>
  /** Rows at its end that are set off: what is possible, not what was reached. */
  readonly footer?: ReadonlyArray<ReadonlyArray<Cell>>
  readonly notes?: ReadonlyArray<string>
}

const isFigure = (cell: Cell): cell is Figure => typeof cell === "object" && cell !== null

/** A cell for people, without its marks. */
export const cellText = (cell: Cell, { text }: TableColumn): string => {
  const value = isFigure(cell) ? cell.value : cell
  if (value === null || (typeof value === "number" && Number.isNaN(value))) return "–"
  return typeof value === "string" ? value : text === undefined ? String(value) : text(value)
}

const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const csvCell = (cell: Cell): string => {
  const value = isFigure(cell) ? cell.value : cell
  return value === null || (typeof value === "number" && Number.isNaN(value)) ? "" : csvField(String(value))
}

/** The table as RFC 4180 has it: numbers with every digit, nothing rounded or marked. */
export const toCsv = ({ columns, footer = [], rows }: TableData): string =>
  [columns.map(({ name }) => csvField(name)), ...[...rows, ...footer].map((row) => row.map(csvCell))]
    .map((line) => `${line.join(",")}\r\n`)
    .join("")

// An empty line would end the paragraph, and with it the row.
const onOneLine = (text: string): string => latexText(text.replaceAll(/\s+/gu, " "))

const latexMarks: Readonly<Record<string, string>> = {
  "†": "\\dagger",
  "‡": "\\ddagger",
  "§": "\\S",
  "¶": "\\P",
  "‖": "\\|",
  "#": "\\#",
}

const latexCell = (cell: Cell, column: TableColumn): string => {
  const text = onOneLine(cellText(cell, column))
  if (!isFigure(cell)) return text
  const marks = [...cell.marks].map((mark) => latexMarks[mark] ?? "").join("")
  return `${cell.isBest ? `\\textbf{${text}}` : text}${marks === "" ? "" : `$^{${marks}}$`}`
}

/** The table for a paper: booktabs' rules, numbers as on the page, marks raised, the best bold, notes in the caption. */
export const toLatex = ({ columns, file, footer = [], notes = [], rows, title }: TableData): string => {
  const line = (cells: ReadonlyArray<string>): string => `${cells.join(" & ")} \\\\`
  const body = (lines: TableData["rows"]): ReadonlyArray<string> =>
    lines.map((row) => line(row.map((cell, column) => latexCell(cell, columns[column] ?? { name: "" }))))
  return [
    "% \\usepackage{booktabs}",
    "\\begin{table}",
    "\\centering",
    `\\caption{${[title, ...notes].map((text) => `${onOneLine(text.replace(/\.$/, ""))}.`).join(" ")}}`,
    `\\label{tab:${file}}`,
    `\\begin{tabular}{${columns.map(({ text }) => (text === undefined ? "l" : "r")).join("")}}`,
    "\\toprule",
    line(columns.map(({ name }) => onOneLine(name))),
    "\\midrule",
    ...body(rows),
    ...(footer.length === 0 ? [] : ["\\midrule", ...body(footer)]),
    "\\bottomrule",
    "\\end{tabular}",
    "\\end{table}",
    "",
  ].join("\n")
}
