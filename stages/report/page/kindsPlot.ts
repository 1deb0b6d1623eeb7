import { dot, link, pointer, tip } from "@observablehq/plot"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { marginFor, rowNames, underRows } from "./marks.ts"
import { countText, queriesText, valueText } from "./numbers.ts"
import { lookAt } from "./Palette.ts"
import { chosenAbove, type Part, plotPart } from "./Part.ts"
import { ticksIn } from "./plots.ts"
import type { SystemRow } from "./ReportModel.ts"
import { kindsOf, rowsOf } from "./View.ts"

const rowHeight = 32
const nudge = 4

/** For each system where it stands with each kind of query: two dots and their intervals. */
export const kindsPlot = (): Part =>
  plotPart("kinds", chosenAbove, 1, (shown) => {
    const kinds = kindsOf(shown.split)
    if (kinds.length < 2) return { plots: [] }
    const { dataset, measure, placeOf, secondSystem, split } = shown
    const rows = kinds.flatMap((kind) => rowsOf(shown, kind))
    const systems = dataset.systems.filter((system) => rows.some((row) => row.system === system))
    const meanOf = (row: SystemRow): number => row.means[measure] ?? Number.NaN
    const hasInterval = (row: SystemRow): boolean => row.intervals[measure] !== undefined
    const [one = "", other = ""] = kinds
    return {
      plots: [
        {
          description: `${measure} of each system for ${kinds.join(" and ")} queries`,
          caption: [
            h("strong", {}, measure),
            " for ",
            h("span", { class: "key filled" }, `${one} queries`),
            " and ",
            h("span", { class: "key hollow" }, `${other} queries`),
            rows.some(hasInterval) && ", with the mean’s 95 % interval (Student’s, of its logit)",
            ".",
          ],
          widest: 860,
          data: {
            file: fileNameOf({ ...shown, view: { ...shown.view, kind: "all" } }, measure, "kinds"),
            title: `${measure} on ${dataset.name}, ${split.name}, by kind of query`,
            columns: [
              { name: "System" },
              { name: "Kind" },
              { name: "Queries", text: countText },
              { name: measure, text: (value) => valueText(measure, value) },
              { name: "95 % from", text: (value) => valueText(measure, value) },
              { name: "to", text: (value) => valueText(measure, value) },
            ],
            rows: rows.map((row) => [
              ...[row.system, row.kind, row.queries, meanOf(row)],
              ...(row.intervals[measure] ?? [null, null]),
            ]),
          },
          options: (canvas) => {
            const { colours, isLive, width } = canvas
            const look = (system: string) => lookAt(colours, placeOf(system))
            const colour = ({ system }: SystemRow) => look(system).colour
            return {
              width,
              height: systems.length * rowHeight + 52,
              marginLeft: marginFor(systems, canvas),
              marginRight: 24,
              marginTop: 8,
              marginBottom: 44,
              x: { nice: true },
              y: { domain: systems, axis: null },
              marks: [
                ...underRows(colours, { label: measure, ticks: ticksIn(width - 140) }),
                rowNames(
                  systems.map((system) => ({ system, look: look(system), isStrong: system === secondSystem })),
                  canvas,
                ),
                ...kinds.flatMap((kind) => {
                  const ofKind = rows.filter((row) => row.kind === kind)
                  const dy = kind === one ? -nudge : nudge
                  return [
                    link(ofKind.filter(hasInterval), {
                      x1: (row: SystemRow) => row.intervals[measure]?.[0],
                      x2: (row: SystemRow) => row.intervals[measure]?.[1],
                      y1: "system",
                      y2: "system",
                      stroke: colour,
                      strokeOpacity: 0.5,
                      strokeWidth: 1.5,
                      dy,
                    }),
                    dot(ofKind, {
                      x: meanOf,
                      y: "system",
                      r: 4.2,
                      symbol: kind === one ? "circle" : "diamond",
                      fill: kind === one ? colour : colours.paper,
                      stroke: colour,
                      strokeWidth: 1.8,
                      dy,
                    }),
                  ]
                }),
                ...(isLive
                  ? [
                      tip(
                        rows,
                        pointer({
                          x: meanOf,
                          y: "system",
                          title: (row: SystemRow) => {
                            const interval = row.intervals[measure]
                            const [lower, upper] = (interval ?? []).map((bound) => valueText(measure, bound))
                            return [
                              `${row.system}, ${row.kind}`,
                              `${measure} ${valueText(measure, meanOf(row))}${interval === undefined ? "" : `, 95 % ${lower} to ${upper}`}`,
                              queriesText(row.queries),
                            ].join("\n")
                          },
                        }),
                      ),
                    ]
                  : []),
              ],
            }
          },
        },
      ],
    }
  })
