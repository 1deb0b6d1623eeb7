import { type Content, h, type Markup } from "./Markup.ts"
import { percentText, queriesText, valueText } from "./numbers.ts"
import type { SystemRow } from "./ReportModel.ts"
import { bestOf, candidatesOf, marksLegend, marksOf, rowsOf, type Shown } from "./View.ts"

/**
 * How the table's rows are ordered: as they were wired, or by a measure, highest first. `fixed`: as they were wired, and the
 * reader cannot change it.
 */
export type Order = "wired" | "fixed" | number

const isShare = (value: number | undefined): value is number => value !== undefined && value >= 0 && value <= 1

/** A number, with a bar below it as long as its share of one. */
const figure = (measure: string, value: number | undefined, mark: Content = undefined): Content => [
  h("span", { class: "figure" }, valueText(measure, value), mark),
  isShare(value) && h("span", { class: "bar", style: `--share:${(100 * value).toFixed(2)}%`, "aria-hidden": "true" }),
]

const sentence = (note: string): string => `${note.charAt(0).toUpperCase()}${note.slice(1)}.`

const marked = (marks: string): Content => marks !== "" && h("span", { class: "mark" }, marks)

const systemCell = (row: SystemRow): Markup =>
  h(
    "th",
    { scope: "row" },
    h("a", { href: `#made-${row.system}`, title: "How this row came about" }, row.system),
    row.missing > 0 && h("small", {}, `${queriesText(row.missing)} without result`),
  )

/** The table of the means of one split and one slice of its queries, and what has to be known of it. */
export const resultTable = (shown: Shown, order: Order): ReadonlyArray<Markup> => {
  const { dataset, split, view } = shown
  const { measures } = dataset
  const rows = rowsOf(shown, view.kind)
  const by = typeof order === "number" ? measures[order] : undefined
  const heading = (text: string, attributes: Readonly<Record<string, string | number>>): Content =>
    order === "fixed" ? text : h("button", { type: "button", ...attributes }, text)
  const sorted = by === undefined ? rows : [...rows].sort((a, b) => (b.means[by] ?? 0) - (a.means[by] ?? 0))
  const best = new Map(measures.map((measure) => [measure, bestOf(rows, measure)?.means[measure]]))
  const candidates = candidatesOf(shown, view.kind)
  const which = view.kind === "all" ? "" : ` that are ${view.kind} queries`
  const table = h(
    "table",
    { class: "results" },
    h("caption", { class: "hidden" }, `Means of ${dataset.name}, ${split.name}${which}`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, heading("System", { "data-order": "wired" })),
        measures.map((measure, position) =>
          h(
            "th",
            { scope: "col", class: "number", "aria-sort": order === position ? "descending" : "none" },
            heading(measure, { "data-order": position, title: `Sort by ${measure}` }),
          ),
        ),
        h("th", { scope: "col", class: "number" }, "Unjudged"),
      ),
    ),
    h(
      "tbody",
      {},
      sorted.map((row) =>
        h(
          "tr",
          {},
          systemCell(row),
          measures.map((measure) => {
            const value = row.means[measure]
            const isBest = rows.length > 1 && value === best.get(measure)
            return h(
              "td",
              { class: isBest ? "number best" : "number" },
              figure(measure, value, marked(marksOf(dataset, row, measure))),
            )
          }),
          h("td", { class: "number quiet" }, percentText(row.unjudged, 0)),
        ),
      ),
    ),
    candidates !== undefined &&
      h(
        "tfoot",
        {},
        h(
          "tr",
          {},
          h(
            "th",
            { scope: "row" },
            "best possible order",
            h(
              "small",
              {},
              `of ${candidates.depth} candidates a query, which hold ${valueText("R", candidates.recall)} of what is relevant`,
            ),
          ),
          measures.map((measure) => h("td", { class: "number" }, figure(measure, candidates.oracle[measure]))),
          h("td", {}),
        ),
      ),
  )
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of results" }, table),
    h(
      "p",
      { class: "note" },
      `Means over ${queriesText(rows[0]?.queries ?? 0)} of ${dataset.name} · ${split.name}${which}. The best of each column is bold; bars reach from 0 to 1. Unjudged: the share of the first ten results that nobody judged. ${marksLegend(dataset)} ${split.notes.map(sentence).join(" ")}`.trimEnd(),
    ),
  ]
}
