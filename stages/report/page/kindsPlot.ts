import { axisX, dot, gridX, link, pointer, tip } from "@observablehq/plot"
import { contentOf, showSection } from "./dom.ts"
import { h } from "./Markup.ts"
import { queriesText, valueText } from "./numbers.ts"
import type { Part } from "./Part.ts"
import { clearPlots, drawPlot, ticksIn, widthIn } from "./plots.ts"
import type { SystemRow } from "./ReportModel.ts"
import { kindsOf, rowsOf } from "./View.ts"

/** A mean's 95 % interval reaches so many standard errors to each side. */
const interval = 1.96

const rowHeight = 30

/** For each system where it stands with each kind of query: two dots and the span between them. */
export const kindsPlot = (): Part => ({
  draw: (shown) => {
    const kinds = kindsOf(shown.split)
    showSection("kinds", kinds.length > 1)
    if (kinds.length < 2) return
    const host = contentOf("kinds")
    clearPlots(host)
    const { measure, dataset } = shown
    const rows = kinds.flatMap((kind) => rowsOf(shown, kind))
    const meanOf = (row: SystemRow): number => row.means[measure] ?? Number.NaN
    const errorOf = (row: SystemRow): number => interval * (row.errors[measure] ?? 0)
    const isFirstKind = (row: SystemRow): boolean => row.kind === kinds[0]
    const width = Math.min(widthIn(host), 860)
    const ticks = ticksIn(width - 140)
    const longest = Math.max(...dataset.systems.map((system) => system.length))
    const nudge = (row: SystemRow): number => (isFirstKind(row) ? -3.5 : 3.5)
    const dots = kinds.map((kind) => {
      const ofKind = rows.filter((row) => row.kind === kind)
      const colour = kind === kinds[0] ? "var(--accent)" : "var(--ink)"
      const dy = ofKind[0] === undefined ? 0 : nudge(ofKind[0])
      return [
        link(ofKind, {
          x1: (row: SystemRow) => meanOf(row) - errorOf(row),
          x2: (row: SystemRow) => meanOf(row) + errorOf(row),
          y1: "system",
          y2: "system",
          stroke: colour,
          strokeOpacity: 0.45,
          dy,
        }),
        dot(ofKind, {
          x: meanOf,
          y: "system",
          r: 4.5,
          fill: kind === kinds[0] ? colour : "var(--paper)",
          stroke: colour,
          strokeWidth: 1.8,
          dy,
        }),
      ]
    })
    drawPlot(
      host,
      {
        width,
        height: dataset.systems.length * rowHeight + 56,
        marginLeft: Math.min(220, 16 + longest * 7.4),
        marginRight: 24,
        x: { label: null, nice: true },
        y: { domain: dataset.systems, label: null, tickSize: 0 },
        marks: [
          gridX({ stroke: "var(--rule)", strokeOpacity: 1, ticks }),
          axisX({ anchor: "bottom", label: null, tickSize: 0, ticks }),
          ...dots.flat(),
          tip(
            rows,
            pointer({
              x: meanOf,
              y: "system",
              title: (row: SystemRow) =>
                `${row.system}, ${row.kind}\n${measure} ${valueText(measure, meanOf(row))} ± ${valueText(measure, errorOf(row))}\n${queriesText(row.queries)}`,
            }),
          ),
        ],
      },
      {
        description: `${measure} of each system for ${kinds.join(" and ")} queries`,
        caption: [
          h("strong", {}, measure),
          " for ",
          h("span", { class: "key filled" }, `${kinds[0] ?? ""} queries`),
          " and ",
          h("span", { class: "key hollow" }, `${kinds[1] ?? ""} queries`),
          ", with the mean’s 95 % interval",
        ],
        data: {
          columns: ["System", "Queries", `${measure}`, "± 95 %"],
          rows: rows.map((row) => [
            row.system,
            `${row.kind} (${row.queries})`,
            valueText(measure, meanOf(row)),
            valueText(measure, errorOf(row)),
          ]),
        },
      },
    )
  },
})
