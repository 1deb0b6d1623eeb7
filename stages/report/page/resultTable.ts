import { isShown, sweepNotes, wasChosen } from "../../../schemas/index.ts"
import { fileNameOf } from "./fileName.ts"
import { type Content, h, type Markup } from "./Markup.ts"
import { percentText, queriesText, valueText } from "./numbers.ts"
import { lookAt, onPage } from "./Palette.ts"
import type { SystemRow } from "./ReportModel.ts"
import { marksLegend, marksOf } from "./significance.ts"
import type { TableData } from "./TableData.ts"
import { candidatesOf, rowsOf, type Shown } from "./View.ts"

/** Whether the reader can sort the table and goes from its rows to how they came about. */
export type Use = "live" | "fixed"

/** A number and, in columns that have them, a bar below it as long as its share of one. */
const figure = (
  measure: string,
  value: number | undefined,
  barred: ReadonlySet<string>,
  mark: Content = undefined,
): Content => [
  h("span", { class: "figure" }, valueText(measure, value), mark),
  value !== undefined &&
    barred.has(measure) &&
    h("span", { class: "bar", style: `--share:${(100 * value).toFixed(2)}%`, "aria-hidden": "true" }),
]

/** The measures of which every figure of the table is a share. */
const sharesAmong = (
  measures: ReadonlyArray<string>,
  figures: ReadonlyArray<Readonly<Record<string, number>>>,
): ReadonlySet<string> =>
  new Set(
    measures.filter((measure) =>
      figures.every((row) => {
        const value = row[measure] ?? 0
        return value >= 0 && value <= 1
      }),
    ),
  )

const marked = (marks: string): Content => marks !== "" && h("span", { class: "mark" }, marks)

/** A system's name, marked where it was chosen among the points of a sweep. */
const nameOf = ({ dataset }: Shown, system: string): string =>
  wasChosen(dataset.sweeps, system) ? `${system} *` : system

const systemCell = (row: SystemRow, shown: Shown, use: Use): Markup =>
  h(
    "th",
    { scope: "row" },
    h("span", {
      class: "swatch",
      style: `--of:${lookAt(onPage, shown.placeOf(row.system)).colour}`,
      "aria-hidden": "true",
    }),
    use === "fixed"
      ? nameOf(shown, row.system)
      : h(
          "a",
          {
            href: `#made=${encodeURIComponent(row.system)}`,
            "data-made": row.system,
            title: "How this row came about",
          },
          nameOf(shown, row.system),
        ),
    row.missing > 0 && h("small", {}, `${queriesText(row.missing)} without result`),
  )

/** The rows that are to be seen, in the order that is chosen. */
const sortedRows = (shown: Shown): ReadonlyArray<SystemRow> => {
  const { dataset, view } = shown
  const rows = rowsOf(shown, view.kind).filter(({ split, system }) => isShown(dataset.sweeps, split, system))
  const by = view.sort === undefined ? undefined : dataset.measures[view.sort]
  return by === undefined ? rows : [...rows].sort((a, b) => (b.means[by] ?? 0) - (a.means[by] ?? 0))
}

/** The highest figure of each measure; none where all rows have the same, as nobody is best then. */
const highest = (rows: ReadonlyArray<SystemRow>, measures: ReadonlyArray<string>): ReadonlyMap<string, number> =>
  new Map(
    measures.flatMap((measure) => {
      const values = rows.flatMap(({ means }) => means[measure] ?? [])
      const most = Math.max(...values)
      return values.some((value) => value < most) ? [[measure, most] as const] : []
    }),
  )

const whichOf = ({ view }: Shown): string => (view.kind === "all" ? "" : ` that are ${view.kind} queries`)

/** What has to be known of the table's figures: marks that stand in it, and how its collection was measured. */
const notesOf = (shown: Shown, rows: ReadonlyArray<SystemRow>): ReadonlyArray<string> => [
  ...marksLegend(shown.dataset, rows),
  ...[...sweepNotes(shown.dataset.sweeps, shown.split.name, shown.dataset.significance), ...shown.split.notes].map(
    (note) => `${note.charAt(0).toUpperCase()}${note.slice(1)}`,
  ),
]

/** The table as it is saved. */
export const resultData = (shown: Shown): TableData => {
  const { dataset, split, view } = shown
  const { measures } = dataset
  const rows = sortedRows(shown)
  const best = highest(rows, measures)
  const candidates = candidatesOf(shown, view.kind)
  const notes = notesOf(shown, rows)
  return {
    file: fileNameOf(shown),
    title: `Means over ${queriesText(rows[0]?.queries ?? 0)} of ${dataset.name}, ${split.name}${whichOf(shown)}`,
    columns: [
      { name: "System" },
      ...measures.map((measure) => ({ name: measure, text: (value: number) => valueText(measure, value) })),
      { name: "Unjudged@10", text: (value) => percentText(value, 0) },
    ],
    rows: rows.map((row) => [
      nameOf(shown, row.system),
      ...measures.map((measure) => {
        const value = row.means[measure] ?? Number.NaN
        return { value, marks: marksOf(dataset, row, measure), isBest: value === best.get(measure) }
      }),
      row.unjudged,
    ]),
    ...(candidates === undefined
      ? {}
      : {
          footer: [
            [
              `best order of ${candidates.depth} candidates`,
              ...measures.map((measure) => candidates.oracle[measure] ?? null),
              null,
            ],
          ],
        }),
    notes,
  }
}

/** The table of the means of one split and one slice of its queries, and what has to be known of it. */
export const resultTable = (shown: Shown, use: Use = "live"): ReadonlyArray<Markup> => {
  const { dataset, split, view } = shown
  const { measures } = dataset
  const rows = sortedRows(shown)
  const heading = (text: string, attributes: Readonly<Record<string, string | number>>): Content =>
    use === "fixed" ? text : h("button", { type: "button", ...attributes }, text)
  const best = highest(rows, measures)
  const candidates = candidatesOf(shown, view.kind)
  const barred = sharesAmong(measures, [
    ...rows.map(({ means }) => means),
    ...(candidates === undefined ? [] : [candidates.oracle]),
  ])
  const table = h(
    "table",
    { class: "results" },
    h("caption", { class: "hidden" }, `Means of ${dataset.name}, ${split.name}${whichOf(shown)}`),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, heading("System", { "data-sort": "wired" })),
        measures.map((measure, position) =>
          h(
            "th",
            { scope: "col", class: "number", "aria-sort": view.sort === position ? "descending" : "none" },
            heading(measure, { "data-sort": position, title: `Sort by ${measure}` }),
          ),
        ),
        h("th", { scope: "col", class: "number" }, "Unjudged"),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          systemCell(row, shown, use),
          measures.map((measure) => {
            const value = row.means[measure]
            return h(
              "td",
              { class: value !== undefined && value === best.get(measure) ? "number best" : "number" },
              figure(measure, value, barred, marked(marksOf(dataset, row, measure))),
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
          measures.map((measure) => h("td", { class: "number" }, figure(measure, candidates.oracle[measure], barred))),
          h("td", {}),
        ),
      ),
  )
  const notes = [
    `Means over ${queriesText(rows[0]?.queries ?? 0)} of ${dataset.name} · ${split.name}${whichOf(shown)}`,
    ...(best.size > 0 ? ["The highest of each column is bold"] : []),
    ...(barred.size > 0 ? ["Bars reach from 0 to 1"] : []),
    "Unjudged: the share of the first ten results that nobody judged",
    ...notesOf(shown, rows),
  ]
  return [
    h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of results" }, table),
    h(
      "p",
      { class: "note" },
      notes
        .map((note) => `${note}. `)
        .join("")
        .trim(),
    ),
  ]
}
