import { correctedTogether, correctionOver, testNames } from "../../../schemas/index.ts"
import type { DatasetModel, SystemRow } from "./ReportModel.ts"

type Significance = NonNullable<DatasetModel["significance"]>

/** Marks of baselines, in the order of the baselines. */
const marks = ["†", "‡", "§", "¶", "‖", "#"] as const

/** A name of a test or a correction as print has it. */
const printed = (name: string): string => name.replaceAll("'", "’")

export const testName = (test: string): string =>
  printed(Object.entries(testNames).find(([name]) => name === test)?.[1] ?? test)

/** By which test, with which correction over how many comparisons of a split, and at which level. */
export const howTested = (significance: Significance, split: string): string => {
  const { alpha, correction, test } = significance
  const over = correctionOver(correction, correctedTogether(significance, split))
  return `${[testName(test), ...(test === "tukey" ? [] : [printed(over)])].join(", ")}, p ≤ ${alpha}`
}

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

/** What the marks of some rows say, of those that stand there, and how it was found; where none stands, that nothing differs. */
export const marksLegend = (dataset: DatasetModel, rows: ReadonlyArray<SystemRow>): ReadonlyArray<string> => {
  const { measures, significance } = dataset
  const [first] = rows
  if (significance === undefined || first === undefined || rows.length < 2) return []
  const standing = new Set(rows.flatMap((row) => measures.flatMap((measure) => [...marksOf(dataset, row, measure)])))
  const named = significance.baselines.flatMap((baseline, position) => {
    const mark = marks[position]
    return mark !== undefined && standing.has(mark) ? [`${mark} differs from ${baseline}`] : []
  })
  const said = named.length === 0 ? `Nothing differs from ${significance.baselines.join(" or ")}` : named.join(", ")
  return [`${said} (${howTested(significance, first.split)})`]
}
