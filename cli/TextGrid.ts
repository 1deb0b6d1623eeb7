/** A table of texts, made once and printed in several formats. */
export interface TextGrid {
  /** Printed above the table; in LaTeX its caption. */
  readonly title: string
  readonly columns: ReadonlyArray<{ readonly name: string; readonly align: "left" | "right" }>
  readonly rows: ReadonlyArray<ReadonlyArray<string>>
  /** Printed below it, a line each. */
  readonly notes: ReadonlyArray<string>
}

/** For a terminal, for a page of Markdown, or for a paper (with the package booktabs). */
export const gridFormats = ["table", "markdown", "latex"] as const
export type GridFormat = (typeof gridFormats)[number]

const latexNames: Readonly<Record<string, string>> = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  _: "\\_",
  "%": "\\%",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "$<$",
  ">": "$>$",
  "≤": "$\\leq$",
  "±": "$\\pm$",
  "†": "$^\\dagger$",
  "‡": "$^\\ddagger$",
  "·": "$\\cdot$",
  "−": "$-$",
  Δ: "$\\Delta$",
  "…": "\\dots{}",
  "→": "$\\to$",
}

const latexText = (text: string): string =>
  text.replace(/[\\{}$&#_%~^<>≤±†‡·−Δ…→]/gu, (mark) => latexNames[mark] ?? mark)

const latex = ({ title, columns, rows, notes }: TextGrid): string => {
  const line = (cells: ReadonlyArray<string>): string =>
    `${cells.map((cell) => latexText(cell.trim())).join(" & ")} \\\\`
  return [
    "\\begin{table}",
    `\\caption{${latexText([title, ...notes].join(". "))}.}`,
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

const plain = ({ title, columns, rows, notes }: TextGrid): string => {
  const widths = columns.map(({ name }, column) => Math.max(name.length, ...rows.map((row) => row[column]!.length)))
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell, column) =>
        columns[column]!.align === "left" ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join("  ")
      .trimEnd()
  const rule = widths.map((width) => "─".repeat(width)).join("  ")
  return [title, line(columns.map(({ name }) => name)), rule, ...rows.map(line), ...notes].join("\n")
}

/** Prints a table. */
export const renderGrid = (grid: TextGrid, format: GridFormat): string => {
  switch (format) {
    case "table":
      return plain(grid)
    case "markdown":
      return markdown(grid)
    case "latex":
      return latex(grid)
  }
}
