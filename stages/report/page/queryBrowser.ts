import { closest, contentOf, fill, showSection, toElement } from "./dom.ts"
import { h } from "./Markup.ts"
import { changeText, queriesText, valueText } from "./numbers.ts"
import { byChange, type PairedQuery, pairedQueries } from "./PairedQuery.ts"
import type { Page, Part } from "./Part.ts"
import { placePassages, queryView } from "./queryView.ts"
import type { QueryList } from "./ReportModel.ts"
import type { Shown } from "./View.ts"
import { virtualList } from "./VirtualList.ts"

const rowHeight = 54

const orders = {
  gain: "largest gain first",
  loss: "largest loss first",
  worst: "worst with the second first",
  qid: "by query id",
} as const
type Order = keyof typeof orders

const outcomes = { all: "any change", gain: "gains", loss: "losses", tie: "ties" } as const
type Outcome = keyof typeof outcomes

const isOrder = (value: string): value is Order => Object.hasOwn(orders, value)
const isOutcome = (value: string): value is Outcome => Object.hasOwn(outcomes, value)

const sorted = (pairs: ReadonlyArray<PairedQuery>, order: Order): ReadonlyArray<PairedQuery> => {
  switch (order) {
    case "gain":
      return [...byChange(pairs)].reverse()
    case "loss":
      return byChange(pairs)
    case "worst":
      return [...pairs].sort((a, b) => a.second - b.second || a.query - b.query)
    case "qid":
      return pairs
  }
}

const hasOutcome = ({ change }: PairedQuery, outcome: Outcome): boolean =>
  outcome === "all" || (outcome === "gain" ? change > 0 : outcome === "loss" ? change < 0 : change === 0)

/** A list of queries to search and sort, and beside it the chosen query's results. */
export const queryBrowser = (page: Page): Part => {
  const host = contentOf("queries")
  const search = toElement(
    h("input", { type: "search", placeholder: "Find in queries and ids", "aria-label": "Find in queries and ids" }),
  )
  const orderChoice = toElement(
    h(
      "select",
      { "aria-label": "Order" },
      Object.entries(orders).map(([value, text]) => h("option", { value }, text)),
    ),
  )
  const outcomeChoice = toElement(
    h(
      "select",
      { "aria-label": "Change" },
      Object.entries(outcomes).map(([value, text]) => h("option", { value }, text)),
    ),
  )
  const wholeTexts = toElement(h("input", { type: "checkbox", id: "whole-texts" }))
  const count = toElement(h("p", { class: "count", role: "status" }))
  const reader = toElement(h("article", { class: "reader", "aria-label": "The chosen query" }))
  let shown: Shown | undefined
  let queries: QueryList = { qids: [], texts: [], kinds: [] }
  let pairs: ReadonlyArray<PairedQuery> = []
  let listed: ReadonlyArray<PairedQuery> = []
  let asked = ""
  /** The query that is read. */
  let read: number | undefined

  const list = virtualList({
    label: "Queries",
    rowHeight,
    row: (position) => {
      const pair = listed[position]!
      const measure = shown?.measure ?? ""
      return [
        h("span", { class: "text", dir: "auto" }, queries.texts[pair.query] ?? ""),
        h(
          "span",
          { class: "values" },
          `${valueText(measure, pair.first)} → ${valueText(measure, pair.second)}`,
          h(
            "span",
            { class: pair.change > 0 ? "gain" : pair.change < 0 ? "loss" : "tie" },
            ` ${changeText(pair.change)}`,
          ),
        ),
      ]
    },
    onChoose: (position) => {
      const pair = listed[position]
      if (pair !== undefined) page.show({ query: pair.query })
    },
  })
  const valueOf = (element: HTMLElement): string =>
    element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element.value : ""

  const relist = (): void => {
    const order = valueOf(orderChoice)
    const outcome = valueOf(outcomeChoice)
    const sought = valueOf(search).trim().toLowerCase()
    listed = sorted(pairs, isOrder(order) ? order : "gain").filter(
      (pair) =>
        hasOutcome(pair, isOutcome(outcome) ? outcome : "all") &&
        (sought === "" ||
          (queries.texts[pair.query] ?? "").toLowerCase().includes(sought) ||
          (queries.qids[pair.query] ?? "").toLowerCase() === sought),
    )
    const chosen = listed.findIndex(({ query }) => query === read)
    list.setRows(listed.length, chosen < 0 ? undefined : chosen)
    fill(count, queriesText(listed.length))
  }

  const readQuery = async (given: Shown, query: number): Promise<void> => {
    const { view, dataset } = given
    const at = `${view.dataset} ${view.split} ${query} ${view.first} ${view.second}`
    asked = at
    const [passages, matrices] = await Promise.all([
      page.blocks.passages(view.dataset, view.split, query),
      Promise.all(dataset.measures.map((_, measure) => page.blocks.values(view.dataset, view.split, measure))),
    ])
    // Another query was chosen while this one was unpacked.
    if (asked !== at) return
    const n = queries.qids.length
    const values = dataset.measures.map((measure, position) => ({
      measure,
      first: matrices[position]![view.first * n + query]!,
      second: matrices[position]![view.second * n + query]!,
    }))
    const placed = placePassages(passages, given)
    fill(reader, queryView(given, queries, query, values, placed, page.model))
  }

  for (const control of [search, orderChoice, outcomeChoice]) control.addEventListener("input", relist)
  wholeTexts.addEventListener("input", () => {
    reader.classList.toggle("whole", wholeTexts instanceof HTMLInputElement && wholeTexts.checked)
  })
  reader.addEventListener("click", (event) => {
    // Selecting words of a text is no wish to see more of it.
    if (getSelection()?.isCollapsed !== false) closest(event, ".passage")?.classList.toggle("open")
  })
  reader.addEventListener("mouseover", (event) => {
    const docid = closest(event, ".passage")?.dataset["docid"]
    for (const each of reader.querySelectorAll<HTMLElement>(".passage"))
      each.classList.toggle("same", docid !== undefined && each.dataset["docid"] === docid)
  })
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const isTyping = closest(event, "input, select, textarea") !== undefined
    if (event.key === "/" && !isTyping) {
      event.preventDefault()
      search.focus()
    } else if (event.key === "Escape" && isTyping) list.element.focus()
    else if ((event.key === "j" || event.key === "k") && !isTyping && list.length() > 0) {
      const next = (list.chosen() ?? -1) + (event.key === "j" ? 1 : -1)
      const pair = listed[Math.min(list.length() - 1, Math.max(0, next))]
      if (pair !== undefined) page.show({ query: pair.query })
    }
  })
  fill(
    host,
    h(
      "p",
      { class: "hint" },
      h("kbd", {}, "j"),
      " and ",
      h("kbd", {}, "k"),
      " go from query to query, ",
      h("kbd", {}, "/"),
      " finds.",
    ),
  )
  const panel = toElement(h("div", { class: "browser" }))
  const side = toElement(h("div", { class: "side" }))
  const filters = toElement(h("div", { class: "filters" }))
  const wholeLabel = toElement(h("label", { class: "check" }))
  wholeLabel.append(wholeTexts, "whole texts")
  filters.append(search, orderChoice, outcomeChoice, wholeLabel)
  side.append(filters, count, list.element)
  panel.append(side, reader)
  host.append(panel)

  let drawnFor = ""
  return {
    draw: async (given) => {
      const { view } = given
      showSection("queries", true)
      const [found, values] = await Promise.all([
        page.blocks.queries(view.dataset, view.split),
        page.blocks.values(view.dataset, view.split, view.measure),
      ])
      const listFor = [view.dataset, view.split, view.kind, view.measure, view.first, view.second].join(" ")
      shown = given
      if (listFor !== drawnFor) {
        drawnFor = listFor
        queries = found
        pairs = pairedQueries(given, found, values)
        read = view.query
        relist()
      }
      // The first of the list is read until another is chosen.
      read = view.query ?? listed[0]?.query
      const chosen = listed.findIndex(({ query }) => query === read)
      list.choose(chosen < 0 ? undefined : chosen)
      if (read === undefined) fill(reader, h("p", { class: "empty" }, "No query is like that."))
      else await readQuery(given, read)
    },
  }
}
