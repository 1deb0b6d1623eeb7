import { closest, contentOf, fill, showSection, toElement } from "./dom.ts"
import { listed as listedIn } from "./listing.ts"
import { h } from "./Markup.ts"
import { changeText, queriesText, valueText } from "./numbers.ts"
import { type PairedQuery, pairedQueries } from "./PairedQuery.ts"
import { chosenAbove, type Page, type Part } from "./Part.ts"
import { measuresData, placePassages, queryView } from "./queryView.ts"
import type { QueryList } from "./ReportModel.ts"
import { saveButtons } from "./save.ts"
import { tableKinds } from "./tables.ts"
import { listOrders, outcomes, type Shown } from "./View.ts"
import { virtualList } from "./VirtualList.ts"

const rowHeight = 54

/** A list of queries to search and sort, and beside it the chosen query's results. */
export const queryBrowser = (page: Page): Part => {
  const host = contentOf("queries")
  const search = toElement(
    h("input", {
      type: "search",
      placeholder: "Find in queries and ids",
      "aria-label": "Find in queries and ids",
      "data-field": "find",
    }),
  )
  const orderChoice = toElement(
    h(
      "select",
      { "aria-label": "Order", "data-field": "list" },
      Object.entries(listOrders).map(([value, text]) => h("option", { value }, text)),
    ),
  )
  const outcomeChoice = toElement(
    h(
      "select",
      { "aria-label": "Change", "data-field": "change" },
      Object.entries(outcomes).map(([value, text]) => h("option", { value }, text)),
    ),
  )
  const wholeTexts = toElement(h("input", { type: "checkbox", id: "whole-texts", "data-field": "whole" }))
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
      choose(listed[position])
    },
  })
  const choose = (pair: PairedQuery | undefined): void => {
    const qid = pair === undefined ? undefined : queries.qids[pair.query]
    if (qid !== undefined) page.show({ query: qid })
  }
  /** Shows a control as the view has it; while somebody types it has what they typed. */
  const set = (element: HTMLElement, value: string): void => {
    if (
      (element instanceof HTMLInputElement || element instanceof HTMLSelectElement) &&
      element.value !== value &&
      document.activeElement !== element
    )
      element.value = value
  }

  const relist = (given: Shown): void => {
    listed = listedIn(pairs, queries, given.view)
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
    reader.querySelector("header")?.append(
      saveButtons(
        "the measures of this query",
        tableKinds(() => measuresData(given, queries, query, values)),
      ),
    )
  }

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
      choose(listed[Math.min(list.length() - 1, Math.max(0, next))])
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
    of: [...chosenAbove, "find", "change", "list", "whole", "query"],
    isPlot: false,
    draw: async (given) => {
      const { view } = given
      showSection("queries", true)
      const [found, values] = await Promise.all([
        page.blocks.queries(view.dataset, view.split),
        page.blocks.values(view.dataset, view.split, view.measure),
      ])
      const pairsFor = chosenAbove.map((field) => view[field]).join(" ")
      const listFor = [pairsFor, view.change, view.list, view.find].join(" ")
      set(search, view.find)
      set(orderChoice, view.list)
      set(outcomeChoice, view.change)
      if (wholeTexts instanceof HTMLInputElement) wholeTexts.checked = view.whole
      reader.classList.toggle("whole", view.whole)
      shown = given
      const asked = view.query === undefined ? -1 : found.qids.indexOf(view.query)
      if (listFor !== drawnFor) {
        if (!drawnFor.startsWith(`${pairsFor} `)) {
          queries = found
          pairs = pairedQueries(given, found, values)
        }
        drawnFor = listFor
        read = asked < 0 ? undefined : asked
        relist(given)
      }
      // The first of the list is read until another is chosen.
      read = asked < 0 ? listed[0]?.query : asked
      const chosen = listed.findIndex(({ query }) => query === read)
      list.choose(chosen < 0 ? undefined : chosen)
      if (read === undefined) fill(reader, h("p", { class: "empty" }, "No query is like that."))
      else await readQuery(given, read)
    },
  }
}
