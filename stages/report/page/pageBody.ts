import { controls } from "./controls.ts"
import { headline } from "./headline.ts"
import { type Content, h, type Markup } from "./Markup.ts"
import type { ReportModel } from "./ReportModel.ts"
import { resultTable } from "./resultTable.ts"
import { togetherTables } from "./togetherTables.ts"
import { initialView, shownOf } from "./View.ts"

export const pageTitle = (model: ReportModel): string => {
  const names = model.datasets.map(({ name }) => name)
  return `${names.join(", ")} · rankdag report`
}

/** A part of the page. It is hidden until the page's code has something to put into it, unless it has it from the start. */
const section = (id: string, title: string, lead: string, ...content: ReadonlyArray<Content>): Markup =>
  h(
    "section",
    { id, "aria-labelledby": `${id}-title`, hidden: content.length === 0 },
    h("h2", { id: `${id}-title` }, title),
    h("p", { class: "lead" }, lead),
    h("div", { class: "content" }, ...content),
  )

/** The page's body, with what can be seen before its code runs. */
export const pageBody = (model: ReportModel): ReadonlyArray<Markup> => {
  const shown = shownOf(model, initialView(model))
  const { title, deck } = headline(shown)
  return [
    h("a", { class: "skip", href: "#results", "data-goto": "results" }, "Skip to the results"),
    h(
      "header",
      { class: "masthead" },
      h("p", { class: "kicker" }, "rankdag report"),
      h("h1", { id: "headline" }, title),
      h("p", { id: "deck", class: "deck" }, deck.join(" ")),
    ),
    h("nav", { class: "controls", "aria-label": "What is shown" }, controls(model, shown)),
    h(
      "main",
      {},
      section("results", "Results", "How well each system ranks, averaged over the queries.", ...resultTable(shown)),
      model.together !== undefined &&
        section(
          "together",
          "All collections together",
          `${model.datasets.map(({ name }) => name).join(", ")}: one table, in which ${model.together.weighting}.`,
          ...togetherTables(model.together),
        ),
      section(
        "comparisons",
        "What is more than chance",
        "The mean difference from a baseline, its interval, and which differences stand after correction for all comparisons.",
      ),
      section(
        "kinds",
        "Two kinds of searcher",
        "Who asks a question wants one answer on top; who browses wants a good list.",
      ),
      section(
        "depth",
        "Further down the list",
        "How good the list is for a reader who goes down to a given rank; depth is on a logarithmic scale, values on one scale side by side.",
      ),
      section("cost", "What it takes", "How good each system is for the time that it takes, as the runs measured it."),
      section(
        "differences",
        "Query by query",
        "Averages hide who gains and who loses. Each query, from the largest loss to the largest gain.",
      ),
      section("queries", "The queries themselves", "What both systems found, side by side."),
      section("training", "Training", "How the models learned."),
      section("throughput", "Reranking speed", "What scoring the candidates took."),
      section(
        "provenance",
        "How the numbers came about",
        "Each row of the table is a run in the store, made by code, settings and inputs that are on record.",
      ),
    ),
    h("footer", {}, h("p", {}, "Made by rankdag. This page is complete in itself: it asks no network for anything.")),
  ]
}
