import { h, type Markup } from "./Markup.ts"
import { countText } from "./numbers.ts"
import type { ReportModel } from "./ReportModel.ts"
import { kindsOf, type Shown } from "./View.ts"

/** A list to choose from, by position or by name; `field` is the view's. */
const chooser = (
  field: string,
  label: string,
  chosen: string | number,
  choices: ReadonlyArray<{ readonly value: string | number; readonly text: string }>,
): Markup =>
  h(
    "label",
    {},
    h("span", {}, label),
    h(
      "select",
      { "data-field": field },
      choices.map(({ value, text }) => h("option", { value, selected: value === chosen }, text)),
    ),
  )

const named = (names: ReadonlyArray<string>) => names.map((text, value) => ({ value, text }))

/** Chooses what of the model is shown; what there is only one of is not asked. */
export const controls = (model: ReportModel, { view, dataset, split }: Shown): ReadonlyArray<Markup> => {
  const kinds = kindsOf(split)
  const fields: Array<Markup> = []
  if (model.datasets.length > 1)
    fields.push(chooser("dataset", "Collection", view.dataset, named(model.datasets.map(({ name }) => name))))
  if (dataset.splits.length > 1) {
    const texts = dataset.splits.map(({ name, queries }) => `${name} (${countText(queries)})`)
    fields.push(chooser("split", "Split", view.split, named(texts)))
  }
  if (kinds.length > 0) {
    const choices = ["all", ...kinds].map((value) => ({ value, text: value }))
    fields.push(chooser("kind", "Queries", view.kind, choices))
  }
  fields.push(chooser("measure", "Measure", view.measure, named(dataset.measures)))
  if (dataset.systems.length > 1) {
    fields.push(chooser("first", "Compare", view.first, named(dataset.systems)))
    fields.push(chooser("second", "with", view.second, named(dataset.systems)))
  }
  return fields
}
