import { type Content, h } from "./Markup.ts"
import { type FileKind, save } from "./save.ts"
import { cellText, type TableData, toCsv, toLatex } from "./TableData.ts"

/** Rows of a table that are written out on the page; a longer one says how many are left, and its file has all. */
const writtenRows = 200

/** A table as it stands on the page. */
export const plainTable = ({ columns, rows, title }: TableData): Content => [
  h(
    "div",
    { class: "scroll" },
    h(
      "table",
      {},
      h("caption", { class: "hidden" }, title),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(({ name, text }) => h("th", { scope: "col", class: text === undefined ? "" : "number" }, name)),
        ),
      ),
      h(
        "tbody",
        {},
        rows.slice(0, writtenRows).map((row) =>
          h(
            "tr",
            {},
            row.map((cell, position) => {
              const column = columns[position] ?? { name: "" }
              const text = cellText(cell, column)
              return position === 0
                ? h("th", { scope: "row" }, text)
                : h("td", { class: column.text === undefined ? "" : "number" }, text)
            }),
          ),
        ),
      ),
    ),
    rows.length > writtenRows && h("p", {}, `and ${rows.length - writtenRows} more, which a file of the table has`),
  ),
]

/** What a plot shows in numbers, for those who cannot see it or want them. */
export const numbersOf = (data: TableData): Content =>
  h("details", { class: "data" }, h("summary", {}, "The numbers"), plainTable(data))

/** The kinds of file that a table is saved as. */
export const tableKinds = (data: () => TableData): ReadonlyArray<FileKind> => [
  { label: "CSV", save: () => save(`${data().file}.csv`, "text/csv;charset=utf-8", toCsv(data())) },
  { label: "LaTeX", save: () => save(`${data().file}.tex`, "application/x-tex;charset=utf-8", toLatex(data())) },
]
