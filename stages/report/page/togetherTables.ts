import { h, type Markup } from "./Markup.ts"
import type { TogetherModel } from "./ReportModel.ts"
import { resultTable } from "./resultTable.ts"
import { kindsOf, type Shown } from "./View.ts"

/** The tables of all collections together: of the test split where there is one, for all queries and for each kind. */
export const togetherTables = ({ dataset, weighting }: TogetherModel): ReadonlyArray<Markup> => {
  const split = dataset.splits.find(({ name }) => name === "test") ?? dataset.splits.at(-1)
  if (split === undefined) return []
  return ["all", ...kindsOf(split)].flatMap((kind) => {
    const view = { dataset: 0, split: 0, kind, measure: 0, first: 0, second: 0, query: undefined }
    const [firstSystem = "", measure = ""] = [dataset.systems[0], dataset.measures[0]]
    const shown: Shown = { view, dataset, split, measure, firstSystem, secondSystem: firstSystem }
    return [
      h("h3", {}, kind === "all" ? `All queries, ${weighting}` : `${kind[0]?.toUpperCase()}${kind.slice(1)} queries`),
      ...resultTable(shown, "fixed"),
    ]
  })
}
