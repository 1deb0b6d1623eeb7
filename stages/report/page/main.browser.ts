import { makeBlocks, readModel } from "./blocks.ts"
import { comparisonPlot } from "./comparisonPlot.ts"
import { controls } from "./controls.ts"
import { depthPlots } from "./depthPlots.ts"
import { differencePlot } from "./differencePlot.ts"
import { byId, closest, contentOf, fill } from "./dom.ts"
import { kindsPlot } from "./kindsPlot.ts"
import type { Page, Part } from "./Part.ts"
import { headline } from "./pageBody.ts"
import { provenanceList } from "./provenanceList.ts"
import { queryBrowser } from "./queryBrowser.ts"
import { type Order, resultTable } from "./resultTable.ts"
import { throughputTable } from "./throughputTable.ts"
import { trainingPlots } from "./trainingPlots.ts"
import { initialView, shownOf, type View } from "./View.ts"

const model = readModel()
let view: View = initialView(model)
let order: Order = "wired"

/** Tells a part's error where the part would be: the others go on. */
const tell = (error: unknown): void => {
  const said = error instanceof Error ? error.message : String(error)
  byId("deck").after(
    Object.assign(document.createElement("p"), { className: "problem", textContent: `This page is broken: ${said}` }),
  )
}

const results = (): Part => ({
  draw: (shown) => {
    const { title, deck } = headline(shown)
    fill(byId("headline"), title)
    fill(byId("deck"), deck.join(" "))
    fill(contentOf("results"), resultTable(shown, order))
  },
})

const navigation = document.querySelector(".controls")

const draw = (parts: ReadonlyArray<Part>): void => {
  const shown = shownOf(model, view)
  for (const part of parts) {
    try {
      Promise.resolve(part.draw(shown)).catch(tell)
    } catch (error) {
      tell(error)
    }
  }
}

const page: Page = {
  model,
  blocks: makeBlocks(),
  show: (change) => {
    const isOther = change.dataset !== undefined && change.dataset !== view.dataset
    view = isOther ? initialView(model, change.dataset) : { ...view, ...change }
    if (change.split !== undefined || change.kind !== undefined) view = { ...view, query: undefined }
    const onlyQuery = Object.keys(change).join() === "query"
    if (navigation !== null && !onlyQuery) {
      const focused =
        document.activeElement instanceof HTMLElement ? document.activeElement.dataset["field"] : undefined
      fill(navigation, controls(model, shownOf(model, view)))
      if (focused !== undefined) navigation.querySelector<HTMLElement>(`[data-field=${focused}]`)?.focus()
    }
    draw(onlyQuery ? [differences, queries] : all)
  },
}

const differences = differencePlot(page)
const queries = queryBrowser(page)
const plots = [comparisonPlot(page), kindsPlot(), depthPlots(page), differences, trainingPlots(page)]
const all: ReadonlyArray<Part> = [results(), ...plots, queries, throughputTable(page), provenanceList(page)]

/** What choosing in one of the lists of `controls` changes. */
const changes: Readonly<Record<string, (value: string) => Partial<View>>> = {
  dataset: (value) => ({ dataset: Number(value) }),
  split: (value) => ({ split: Number(value), kind: "all" }),
  kind: (kind) => ({ kind }),
  measure: (value) => ({ measure: Number(value) }),
  first: (value) => ({ first: Number(value) }),
  second: (value) => ({ second: Number(value) }),
}

navigation?.addEventListener("input", (event) => {
  const field = closest(event, "select")
  const change = changes[field?.dataset["field"] ?? ""]
  if (field instanceof HTMLSelectElement && change !== undefined) page.show(change(field.value))
})

contentOf("results").addEventListener("click", (event) => {
  const by = closest(event, "[data-order]")?.dataset["order"]
  if (by === undefined) return
  order = by === "wired" ? "wired" : Number(by)
  draw([results()])
  contentOf("results").querySelector<HTMLElement>(`[data-order="${by}"]`)?.focus()
})

let width = innerWidth
addEventListener("resize", () => {
  if (innerWidth === width) return
  width = innerWidth
  draw(plots)
})

draw(all)
document.documentElement.classList.add("ready")
