import { dot, lineY, link, pointer, tip } from "@observablehq/plot"
import { efficient, logTicks } from "./costAxis.ts"
import { costsOf, type SystemCost } from "./costs.ts"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { below, beside, namesAround } from "./marks.ts"
import { costText, countText, valueText } from "./numbers.ts"
import { lookAt } from "./Palette.ts"
import { chosenAbove, type Page, type Part, plotPart } from "./Part.ts"
import type { PlotSpec } from "./PlotSpec.ts"
import type { SystemRow } from "./ReportModel.ts"
import { rowsOf, type Shown } from "./View.ts"

interface Point extends SystemCost {
  readonly row: SystemRow
  readonly value: number
  readonly cost: number
}

const radius = 5

const plotOf = (shown: Shown, points: ReadonlyArray<Point>, missing: ReadonlyArray<string>): PlotSpec => {
  const { dataset, firstSystem, measure, placeOf, secondSystem, split, view } = shown
  const isTime = view.cost === "time"
  const what = isTime ? "milliseconds a query" : "pairs a second"
  const frontier = efficient(points, !isTime)
  return {
    description: `${measure} of each system against ${what}: ${points.map(({ cost, system, value }) => `${system} ${valueText(measure, value)} at ${costText(cost)}`).join(", ")}`,
    caption: [
      h("strong", {}, `${measure} against ${what}`),
      isTime
        ? ", all stages that ranked for it together, each over its queries: loading and writing are in it, and what ran beside it. "
        : ", of the model that scored them, as it ran here. ",
      "The line joins systems that no other is both better and cheaper than",
      points.some(({ row }) => row.intervals[measure] !== undefined) && "; upright lines are the mean’s 95 % interval",
      ".",
      missing.length > 0 && ` Not on record: what ${missing.join(", ")} took.`,
    ],
    widest: 860,
    data: {
      file: fileNameOf(shown, measure, "cost"),
      title: `${measure} and cost on ${dataset.name}, ${split.name}`,
      columns: [
        { name: "System" },
        { name: measure, text: (value) => valueText(measure, value) },
        { name: "ms a query", text: costText },
        { name: "Pairs a second", text: (value) => countText(Math.round(value)) },
        { name: "Stages" },
        { name: "On" },
      ],
      rows: points.map(({ device, milliseconds, pairsPerSecond, parts, system, value }) => [
        system,
        value,
        milliseconds ?? null,
        pairsPerSecond ?? null,
        parts.map((part) => `${part.node} ${costText(part.milliseconds)} ms`).join(", "),
        device,
      ]),
    },
    options: (canvas) => {
      const { colours, isLive, width } = canvas
      const look = ({ system }: Point) => lookAt(colours, placeOf(system))
      const colour = (point: Point) => look(point).colour
      const costs = points.map(({ cost }) => cost)
      const [least, greatest] = [Math.min(...costs) / 1.6, Math.max(...costs) * 1.6]
      return {
        width,
        height: Math.max(360, 260 + 12 * points.length),
        marginLeft: 44,
        marginRight: 12,
        marginTop: 30,
        marginBottom: 44,
        x: { type: "log", domain: [least, greatest] },
        y: { nice: true },
        marks: [
          ...beside(colours, { label: measure, ticks: 5 }),
          below(colours, {
            label: what,
            ticks: logTicks(least, greatest),
            tickFormat: costText,
          }),
          lineY(frontier, { x: "cost", y: "value", stroke: colours.muted, strokeOpacity: 0.6, curve: "linear" }),
          link(
            points.filter(({ row }) => row.intervals[measure] !== undefined),
            {
              x1: "cost",
              x2: "cost",
              y1: ({ row }: Point) => row.intervals[measure]?.[0],
              y2: ({ row }: Point) => row.intervals[measure]?.[1],
              stroke: colour,
              strokeOpacity: 0.35,
            },
          ),
          dot(points, { x: "cost", y: "value", r: radius, fill: colour, stroke: colours.paper, strokeWidth: 1 }),
          namesAround(
            points.map((point) => ({
              name: point.system,
              x: point.cost,
              y: point.value,
              look: look(point),
              isStrong: point.system === firstSystem || point.system === secondSystem,
            })),
            frontier.map(({ cost, value }) => ({ x: cost, y: value })),
            radius,
            canvas,
          ),
          ...(isLive
            ? [
                tip(
                  points,
                  pointer({
                    x: "cost",
                    y: "value",
                    title: ({ cost, parts, system, value }: Point) =>
                      [
                        system,
                        `${measure} ${valueText(measure, value)}`,
                        `${costText(cost)} ${what}`,
                        ...(isTime ? parts.map((part) => `  ${part.node} ${costText(part.milliseconds)} ms`) : []),
                      ].join("\n"),
                  }),
                ),
              ]
            : []),
        ],
      }
    },
  }
}

/** How good each system is for what it takes, as the runs measured it. */
export const costPlot = (page: Page): Part =>
  plotPart("cost", [...chosenAbove, "cost"], 1, async (shown) => {
    const { dataset, measure, view } = shown
    const costs = costsOf(await page.blocks.provenance(), view.dataset, dataset.systems)
    const rows = rowsOf(shown, view.kind)
    const points = costs.flatMap((each): ReadonlyArray<Point> => {
      const row = rows.find(({ system }) => system === each.system)
      const cost = view.cost === "time" ? each.milliseconds : each.pairsPerSecond
      const value = row?.means[measure]
      return row === undefined || cost === undefined || value === undefined ? [] : [{ ...each, row, value, cost }]
    })
    const missing = costs.flatMap(({ milliseconds, system }) => (milliseconds === undefined ? [system] : []))
    const scored = costs.some(({ pairsPerSecond }) => pairsPerSecond !== undefined)
    const options = [
      { value: "time", text: "time a query" },
      { value: "pairs", text: "pairs a second" },
    ]
    return {
      ...(scored ? { choice: { field: "cost", label: "What a system costs", chosen: view.cost, options } } : {}),
      plots: points.length === 0 ? [] : [plotOf(shown, points, missing)],
    }
  })
