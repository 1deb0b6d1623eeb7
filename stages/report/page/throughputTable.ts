import { contentOf, fill, showSection } from "./dom.ts"
import { h } from "./Markup.ts"
import { countText, secondsText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import type { MadeBy } from "./ReportModel.ts"

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** What the records of the rerank stage say of its speed. */
const speedOf = ({ node, facts, seconds }: MadeBy) => {
  const pairs = numberOf(facts["pairs"])
  return pairs === undefined ? [] : [{ node, pairs, seconds, facts }]
}

/** Pairs a second, and on what, of each reranker. */
export const throughputTable = (page: Page): Part => ({
  draw: async () => {
    const { records } = await page.blocks.provenance()
    const speeds = records.filter(({ stage }) => stage === "rerank").flatMap(speedOf)
    showSection("throughput", speeds.length > 0)
    if (speeds.length === 0) return
    fill(
      contentOf("throughput"),
      h(
        "div",
        { class: "scroll" },
        h(
          "table",
          {},
          h("caption", { class: "hidden" }, "Reranking speed"),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["Reranker", "Pairs", "Time", "Pairs a second", "Padding", "Where"].map((name, position) =>
                h("th", { scope: "col", class: position > 0 && position < 5 ? "number" : "" }, name),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            speeds.map(({ node, pairs, seconds, facts }) => {
              const padding = numberOf(facts["padding"])
              return h(
                "tr",
                {},
                h("th", { scope: "row" }, node),
                h("td", { class: "number" }, countText(pairs)),
                h("td", { class: "number" }, secondsText(seconds)),
                h("td", { class: "number" }, seconds > 0 ? countText(Math.round(pairs / seconds)) : "–"),
                h("td", { class: "number" }, padding === undefined ? "–" : `${(100 * padding).toFixed(1)} %`),
                h(
                  "td",
                  {},
                  [textOf(facts["device"]), textOf(facts["precision"])].filter((text) => text !== "").join(", "),
                ),
              )
            }),
          ),
        ),
      ),
    )
  },
})
