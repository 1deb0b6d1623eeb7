import { causeText } from "../../../schemas/index.ts"
import { makeBlocks, readModel } from "./blocks.ts"
import { comparisonPlot } from "./comparisonPlot.ts"
import { controls } from "./controls.ts"
import { costPlot } from "./costPlot.ts"
import { depthPlots } from "./depthPlots.ts"
import { differencePlot } from "./differencePlot.ts"
import { byId, closest, contentOf, fill } from "./dom.ts"
import { headline } from "./headline.ts"
import { kindsPlot } from "./kindsPlot.ts"
import { lookAt, onPage } from "./Palette.ts"
import { chosenAbove, type Page, type Part } from "./Part.ts"
import { provenanceList } from "./provenanceList.ts"
import { queryBrowser } from "./queryBrowser.ts"
import { resultData, resultTable } from "./resultTable.ts"
import { saveButtons } from "./save.ts"
import { tableKinds } from "./tables.ts"
import { throughputTable } from "./throughputTable.ts"
import { togetherShown } from "./togetherTables.ts"
import { trainingPlots } from "./trainingPlots.ts"
import { addressOf, changed, isOrder, isOutcome, shownOf, type View, viewAt } from "./View.ts"

const model = readModel()
let view: View = viewAt(model, location.hash)

/** Tells a part's error where the part would be: the others go on. */
const tell = (error: unknown): void => {
  const said = causeText(error)
  byId("deck").after(
    Object.assign(document.createElement("p"), { className: "problem", textContent: `This page is broken: ${said}` }),
  )
}

const navigation = document.querySelector(".controls")

const results: Part = {
  of: [...chosenAbove, "sort"],
  isPlot: false,
  draw: (shown) => {
    const { deck, title } = headline(shown)
    fill(byId("headline"), title)
    fill(byId("deck"), deck.join(" "))
    const host = contentOf("results")
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["sort"] : undefined
    fill(host, resultTable(shown))
    host.append(
      saveButtons(
        "the table of results",
        tableKinds(() => resultData(shown)),
      ),
    )
    if (focused !== undefined) host.querySelector<HTMLElement>(`[data-sort="${focused}"]`)?.focus()
  },
}

/** The choices that hold for the whole page, and the colours of the pair that is compared. */
const choices: Part = {
  of: chosenAbove,
  isPlot: false,
  draw: (shown) => {
    const { style } = document.documentElement
    style.setProperty("--first", lookAt(onPage, shown.placeOf(shown.firstSystem)).colour)
    style.setProperty("--second", lookAt(onPage, shown.placeOf(shown.secondSystem)).colour)
    if (navigation === null) return
    const focused = navigation.contains(document.activeElement)
      ? document.activeElement?.getAttribute("data-field")
      : undefined
    fill(navigation, controls(model, shown))
    if (focused) navigation.querySelector<HTMLElement>(`[data-field=${focused}]`)?.focus()
  },
}

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

/** Shows a view: what is drawn of anything that differs is drawn again. */
const showView = (next: View): void => {
  const before = view
  view = next
  draw(parts.filter(({ of }) => of.some((field) => before[field] !== view[field])))
}

const page: Page = {
  model,
  blocks: makeBlocks(),
  show: (change) => {
    showView(changed(model, view, change))
    const address = addressOf(model, view)
    // An empty fragment would be the top of the page.
    history.replaceState(null, "", address === "" ? location.pathname + location.search : `#${address}`)
  },
}

const parts: ReadonlyArray<Part> = [
  choices,
  results,
  comparisonPlot(page),
  kindsPlot(),
  depthPlots(page),
  costPlot(page),
  differencePlot(page),
  trainingPlots(page),
  queryBrowser(page),
  throughputTable(page),
  provenanceList(page),
]

/** What choosing in a control changes, by the field that it names. */
const changes: Readonly<Record<string, (value: string) => Partial<View>>> = {
  dataset: (value) => ({ dataset: Number(value) }),
  split: (value) => ({ split: Number(value), kind: "all" }),
  kind: (kind) => ({ kind }),
  measure: (value) => ({ measure: Number(value) }),
  first: (value) => ({ first: Number(value) }),
  second: (value) => ({ second: Number(value) }),
  depth: (depth) => ({ depth }),
  cost: (value) => ({ cost: value === "pairs" ? "pairs" : "time" }),
  training: (training) => ({ training }),
  find: (find) => ({ find }),
  list: (value) => (isOrder(value) ? { list: value } : {}),
  change: (value) => (isOutcome(value) ? { change: value } : {}),
}

document.addEventListener("input", ({ target }) => {
  if (!(target instanceof HTMLSelectElement || target instanceof HTMLInputElement)) return
  const field = target.dataset["field"] ?? ""
  if (field === "whole" && target instanceof HTMLInputElement) page.show({ whole: target.checked })
  else page.show(changes[field]?.(target.value) ?? {})
})

document.addEventListener("click", (event) => {
  const sort = closest(event, "[data-sort]")?.dataset["sort"]
  if (sort !== undefined) page.show({ sort: sort === "wired" ? undefined : Number(sort) })
  const made = closest(event, "[data-made]")?.dataset["made"]
  const section = closest(event, "[data-goto]")?.dataset["goto"]
  if (made === undefined && section === undefined) return
  // The address is the view's: following a link must not take its place.
  event.preventDefault()
  if (made !== undefined) {
    page.show({ made: undefined })
    page.show({ made })
  } else if (section !== undefined) byId(section).scrollIntoView()
})

addEventListener("hashchange", () => showView(viewAt(model, location.hash)))

let width = innerWidth
addEventListener("resize", () => {
  if (innerWidth === width) return
  width = innerWidth
  draw(parts.filter(({ isPlot }) => isPlot))
})

if (model.together !== undefined) {
  const shown = togetherShown(model.together)
  for (const [position, each] of [...contentOf("together").querySelectorAll(".together")].entries()) {
    const of = shown[position]
    if (of === undefined) continue
    each.append(
      saveButtons(
        `the table of ${of.view.kind} queries of all collections`,
        tableKinds(() => resultData(of)),
      ),
    )
  }
}
draw(parts)
document.documentElement.classList.add("ready")
