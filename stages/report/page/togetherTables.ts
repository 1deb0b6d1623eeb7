import { h, type Markup } from "./Markup.ts"
import type { TogetherModel } from "./ReportModel.ts"
import { resultTable } from "./resultTable.ts"
import { initialView, kindsOf, type Shown, shownOf } from "./View.ts"

/** What the tables of all collections together show: the test split where there is one, all queries and each kind. */
export const togetherShown = ({ dataset }: TogetherModel): ReadonlyArray<Shown> => {
  const model = { depth: 0, moves: 0, datasets: [dataset] }
  const split = dataset.splits.find(({ name }) => name === "test") ?? dataset.splits.at(-1)
  if (split === undefined) return []
  const view = initialView(model)
  return ["all", ...kindsOf(split)].map((kind) => shownOf(model, { ...view, kind }))
}

/** The tables of all collections together. */
export const togetherTables = (model: TogetherModel): ReadonlyArray<Markup> =>
  togetherShown(model).map((shown) => {
    const { kind } = shown.view
    return h(
      "div",
      { class: "together" },
      h(
        "h3",
        {},
        kind === "all" ? `All queries, ${model.weighting}` : `${kind[0]?.toUpperCase() ?? ""}${kind.slice(1)} queries`,
      ),
      ...resultTable(shown, "fixed"),
    )
  })
