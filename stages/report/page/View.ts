import type { CandidatesRow, DatasetModel, ReportModel, SplitModel, SystemRow } from "./ReportModel.ts"

/** What of the model is shown: positions in its lists. */
export interface View {
  readonly dataset: number
  readonly split: number
  /** `all`, or a kind of query. */
  readonly kind: string
  readonly measure: number
  /** The two systems that are held against each other. */
  readonly first: number
  readonly second: number
  /** The query that is read, by its position in the split. */
  readonly query: number | undefined
}

/** A view with what its positions mean. */
export interface Shown {
  readonly view: View
  readonly dataset: DatasetModel
  readonly split: SplitModel
  readonly measure: string
  readonly firstSystem: string
  readonly secondSystem: string
}

/** @param view positions that exist in the model. */
export const shownOf = (model: ReportModel, view: View): Shown => {
  const dataset = model.datasets[view.dataset]!
  return {
    view,
    dataset,
    split: dataset.splits[view.split]!,
    measure: dataset.measures[view.measure]!,
    firstSystem: dataset.systems[view.first]!,
    secondSystem: dataset.systems[view.second]!,
  }
}

export const rowsOf = ({ dataset, split }: Shown, kind: string): ReadonlyArray<SystemRow> =>
  dataset.rows.filter((row) => row.split === split.name && row.kind === kind)

export const candidatesOf = ({ dataset, split }: Shown, kind: string): CandidatesRow | undefined =>
  dataset.candidates.find((row) => row.split === split.name && row.kind === kind)

/** The kinds that can be told apart: none where all queries are of one kind. */
export const kindsOf = (split: SplitModel): ReadonlyArray<string> => (split.kinds.length > 1 ? split.kinds : [])

/** The row with the highest mean; of equals the first. */
export const bestOf = (rows: ReadonlyArray<SystemRow>, measure: string): SystemRow | undefined => {
  let best: SystemRow | undefined
  for (const row of rows) {
    if (best === undefined || (row.means[measure] ?? 0) > (best.means[measure] ?? 0)) best = row
  }
  return best
}

/** The view of a collection that the page opens with: its test split, the usual baseline against the best of the others. */
export const initialView = (model: ReportModel, dataset = 0): View => {
  const { splits, systems, measures, rows } = model.datasets[dataset]!
  const test = splits.findIndex(({ name }) => name === "test")
  const split = test < 0 ? splits.length - 1 : test
  const first = Math.max(0, systems.indexOf("bm25"))
  const others = rows.filter(
    (row) => row.split === splits[split]?.name && row.kind === "all" && row.system !== systems[first],
  )
  const best = bestOf(others, measures[0] ?? "")
  const second = best === undefined ? first : systems.indexOf(best.system)
  return { dataset, split, kind: "all", measure: 0, first, second, query: undefined }
}

/** Marks of baselines, in the order of the baselines. */
const marks = ["†", "‡", "§", "¶", "‖", "#"] as const

/** The marks of a row's figure: one for each baseline that it differs from. */
export const marksOf = ({ significance }: DatasetModel, row: SystemRow, measure: string): string =>
  significance === undefined
    ? ""
    : significance.rows
        .filter(
          (each) =>
            each.system === row.system &&
            each.split === row.split &&
            each.kind === row.kind &&
            each.measure === measure &&
            each.adjusted <= significance.alpha,
        )
        .map(({ baseline }) => marks[significance.baselines.indexOf(baseline)] ?? "")
        .join("")

const testNames: Readonly<Record<string, string>> = {
  t: "paired t test",
  wilcoxon: "Wilcoxon’s signed-rank test",
  randomization: "Fisher’s randomisation test",
  tukey: "randomised Tukey HSD",
}
export const testName = (test: string): string => testNames[test] ?? test

const correctionNames: Readonly<Record<string, string>> = {
  holm: "Holm’s correction",
  bonferroni: "Bonferroni’s correction",
  "benjamini-hochberg": "Benjamini and Hochberg’s correction",
  none: "no correction",
}

/** What the marks say, and how it was found. */
export const marksLegend = ({ significance }: DatasetModel): string => {
  if (significance === undefined) return ""
  const { test, correction, alpha, baselines } = significance
  const named = baselines.map((baseline, position) => `${marks[position] ?? ""} differs from ${baseline}`)
  const how = test === "tukey" ? testName(test) : `${testName(test)}, ${correctionNames[correction] ?? correction}`
  return `${named.join(", ")} (${how}, p ≤ ${alpha}).`
}
