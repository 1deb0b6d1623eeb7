import { contentOf, fill, showSection } from "./dom.ts"
import { h } from "./Markup.ts"
import { countText, percentText, secondsText } from "./numbers.ts"
import type { Page, Part } from "./Part.ts"
import type { MadeBy } from "./ReportModel.ts"

const numberOf = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined)
const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

/** What the records of the rerank stage say of its speed. */
const speedOf = ({ node, facts, seconds }: MadeBy) => {
  const pairs = numberOf(facts["pairs"])
  if (pairs === undefined) return []
  // What a run that was killed had scored is not counted in the seconds of the one that went on.
  const scored = pairs * (1 - (numberOf(facts["shareBefore"]) ?? 0))
  return [{ node, pairs, speed: seconds > 0 ? scored / seconds : undefined, seconds, facts }]
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
            speeds.map(({ node, pairs, speed, seconds, facts }) => {
              const [tokens, padded] = [numberOf(facts["tokens"]), numberOf(facts["paddedTokens"])]
              const waste =
                tokens === undefined || padded === undefined || padded === 0 ? undefined : 1 - tokens / padded
              const where = [textOf(facts["deviceName"]) || textOf(facts["device"]), textOf(facts["precision"])]
              return h(
                "tr",
                {},
                h("th", { scope: "row" }, node),
                h("td", { class: "number" }, countText(pairs)),
                h("td", { class: "number" }, secondsText(seconds)),
                h("td", { class: "number" }, speed === undefined ? "–" : countText(Math.round(speed))),
                h("td", { class: "number" }, waste === undefined ? "–" : percentText(waste)),
                h("td", {}, where.filter((text) => text !== "").join(", ")),
              )
            }),
          ),
        ),
      ),
    )
  },
})
