import { areaY, axisX, axisY, gridY, pointerX, ruleX, ruleY, tip } from "@observablehq/plot"
import { contentOf, showSection } from "./dom.ts"
import { h } from "./Markup.ts"
import { changeText, countText, queriesText, valueText } from "./numbers.ts"
import { byChange, countChanges, type PairedQuery, pairedQueries } from "./PairedQuery.ts"
import type { Page, Part } from "./Part.ts"
import { clearPlots, drawPlot, ticksIn, widthIn } from "./plots.ts"

interface Placed extends PairedQuery {
  /** Position from the largest loss. */
  readonly place: number
}

const isPlaced = (value: unknown): value is Placed => typeof value === "object" && value !== null && "place" in value

/** The difference of two systems on each query, sorted; a point opens its query. */
export const differencePlot = (page: Page): Part => ({
  draw: async (shown) => {
    const { view, measure, firstSystem, secondSystem } = shown
    const isPair = view.first !== view.second
    showSection("differences", isPair)
    if (!isPair) return
    const [queries, values] = await Promise.all([
      page.blocks.queries(view.dataset, view.split),
      page.blocks.values(view.dataset, view.split, view.measure),
    ])
    const host = contentOf("differences")
    clearPlots(host)
    const pairs = byChange(pairedQueries(shown, queries, values))
    const placed = pairs.map((pair, place): Placed => ({ ...pair, place }))
    const { wins, ties, losses, mean } = countChanges(pairs)
    const steps = [...placed.map(({ place, change }) => ({ place, change })), { place: placed.length, change: 0 }]
    const chosen = placed.filter(({ query }) => query === view.query)
    const title = ({ query, first, second, change }: PairedQuery): string =>
      [
        queries.texts[query] ?? "",
        `${firstSystem} ${valueText(measure, first)}`,
        `${secondSystem} ${valueText(measure, second)}`,
        changeText(change),
      ].join("\n")
    const { figure, pointed } = drawPlot(
      host,
      {
        width: widthIn(host),
        height: 280,
        marginLeft: 46,
        marginRight: 12,
        marginBottom: 26,
        x: { label: null, domain: [0, Math.max(1, placed.length)] },
        y: { label: null, nice: true },
        marks: [
          gridY({ stroke: "var(--rule)", strokeOpacity: 1, ticks: 5 }),
          axisY({ label: null, tickSize: 0, ticks: 5, tickFormat: (value: number) => changeText(value, 1) }),
          axisX({ label: null, tickSize: 0, ticks: ticksIn(widthIn(host)) }),
          areaY(steps, {
            x: "place",
            y1: 0,
            y2: ({ change }: { readonly change: number }) => Math.min(0, change),
            curve: "step-after",
            fill: "var(--muted)",
          }),
          areaY(steps, {
            x: "place",
            y1: 0,
            y2: ({ change }: { readonly change: number }) => Math.max(0, change),
            curve: "step-after",
            fill: "var(--accent)",
          }),
          ruleY([0], { stroke: "var(--ink)" }),
          ruleX(chosen, { x: ({ place }: Placed) => place + 0.5, stroke: "var(--ink)", strokeDasharray: "3,3" }),
          ruleX(
            placed,
            pointerX({
              x: ({ place }: Placed) => place + 0.5,
              y1: 0,
              y2: "change",
              stroke: "var(--ink)",
              strokeWidth: 2,
              maxRadius: Number.POSITIVE_INFINITY,
            }),
          ),
          tip(
            placed,
            pointerX({
              x: ({ place }: Placed) => place + 0.5,
              y: "change",
              title,
              lineWidth: 28,
              maxRadius: Number.POSITIVE_INFINITY,
            }),
          ),
        ],
      },
      {
        description: `${measure} of ${secondSystem} minus ${firstSystem} on each of ${queriesText(pairs.length)}, sorted: ${wins} gains, ${ties} ties, ${losses} losses`,
        caption: [
          h("strong", {}, `${measure}: ${secondSystem} − ${firstSystem}`),
          ` on each of ${queriesText(pairs.length)}: `,
          h("span", { class: "gain" }, `${countText(wins)} gain`),
          `, ${countText(ties)} stay, `,
          h("span", { class: "loss" }, `${countText(losses)} lose`),
          `; ${changeText(mean)} in the mean. Choose a point to read its query.`,
        ],
        data: {
          columns: ["Query", firstSystem, secondSystem, "Change"],
          rows: [...placed]
            .reverse()
            .map(({ query, first, second, change }) => [
              queries.texts[query] ?? "",
              valueText(measure, first),
              valueText(measure, second),
              changeText(change),
            ]),
        },
      },
    )
    figure.classList.add("pointed")
    figure.querySelector("svg")?.addEventListener("click", () => {
      const at = pointed()
      if (isPlaced(at)) page.show({ query: at.query })
    })
  },
})
