import { areaY, pointerX, ruleX, ruleY, tip } from "@observablehq/plot"
import { fileNameOf } from "./fileName.ts"
import { h } from "./Markup.ts"
import { below, beside } from "./marks.ts"
import { changeText, countText, queriesText, valueText } from "./numbers.ts"
import { byChange, countChanges, type PairedQuery, pairedQueries } from "./PairedQuery.ts"
import { lookAt } from "./Palette.ts"
import { chosenAbove, type Page, type Part, plotPart } from "./Part.ts"
import { ticksIn } from "./plots.ts"

interface Placed extends PairedQuery {
  /** Position from the largest loss. */
  readonly place: number
}

const isPlaced = (value: unknown): value is Placed => typeof value === "object" && value !== null && "place" in value

/** The difference of two systems on each query, sorted, each system's gains in its colour; a point opens its query. */
export const differencePlot = (page: Page): Part =>
  plotPart("differences", [...chosenAbove, "query"], 1, async (shown) => {
    const { dataset, firstSystem, measure, placeOf, secondSystem, split, view } = shown
    if (view.first === view.second) return { plots: [] }
    const [queries, values] = await Promise.all([
      page.blocks.queries(view.dataset, view.split),
      page.blocks.values(view.dataset, view.split, view.measure),
    ])
    const pairs = byChange(pairedQueries(shown, queries, values))
    const placed = pairs.map((pair, place): Placed => ({ ...pair, place }))
    const { losses, mean, ties, wins } = countChanges(pairs)
    const steps = [...placed.map(({ change, place }) => ({ place, change })), { place: placed.length, change: 0 }]
    const chosen = placed.filter(({ query }) => queries.qids[query] === view.query)
    const title = ({ change, first, query, second }: PairedQuery): string =>
      [
        queries.texts[query] ?? "",
        `${firstSystem} ${valueText(measure, first)}`,
        `${secondSystem} ${valueText(measure, second)}`,
        changeText(change),
      ].join("\n")
    return {
      plots: [
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
            file: fileNameOf(shown, measure, firstSystem, secondSystem),
            title: `${measure} of ${firstSystem} and ${secondSystem} on each query of ${dataset.name}, ${split.name}`,
            columns: [
              { name: "Query" },
              { name: "Id" },
              { name: firstSystem, text: (value) => valueText(measure, value) },
              { name: secondSystem, text: (value) => valueText(measure, value) },
              { name: "Change", text: changeText },
            ],
            rows: [...placed]
              .reverse()
              .map(({ change, first, query, second }) => [
                queries.texts[query] ?? "",
                queries.qids[query] ?? "",
                first,
                second,
                change,
              ]),
          },
          options: ({ colours, isLive, width }) => {
            const area = (of: (change: number) => number, system: string) =>
              areaY(steps, {
                x: "place",
                y1: 0,
                y2: ({ change }: { readonly change: number }) => of(change),
                curve: "step-after",
                fill: lookAt(colours, placeOf(system)).colour,
              })
            const middle = ({ place }: Placed) => place + 0.5
            return {
              width,
              height: 290,
              marginLeft: 48,
              marginRight: 12,
              marginTop: 30,
              marginBottom: 44,
              x: { domain: [0, Math.max(1, placed.length)] },
              y: { nice: true },
              marks: [
                ...beside(colours, {
                  label: `${measure}, change`,
                  ticks: 5,
                  tickFormat: (value: number) => changeText(value, 1),
                }),
                below(colours, { label: "queries", ticks: ticksIn(width), tickFormat: countText }),
                area((change) => Math.min(0, change), firstSystem),
                area((change) => Math.max(0, change), secondSystem),
                ruleY([0], { stroke: colours.ink }),
                ...(isLive
                  ? [
                      ruleX(chosen, { x: middle, stroke: colours.ink, strokeDasharray: "3,3" }),
                      ruleX(
                        placed,
                        pointerX({
                          x: middle,
                          y1: 0,
                          y2: "change",
                          stroke: colours.ink,
                          strokeWidth: 2,
                          maxRadius: Number.POSITIVE_INFINITY,
                        }),
                      ),
                      tip(
                        placed,
                        pointerX({
                          x: middle,
                          y: "change",
                          title,
                          lineWidth: 28,
                          maxRadius: Number.POSITIVE_INFINITY,
                        }),
                      ),
                    ]
                  : []),
              ],
            }
          },
          choose: (at) => {
            const qid = isPlaced(at) ? queries.qids[at.query] : undefined
            if (qid !== undefined) page.show({ query: qid })
          },
        },
      ],
    }
  })
