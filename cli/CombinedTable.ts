import { combineSummaries } from "../measures/index.ts"
import { type EvaluationSummary, type SignificanceSummary, type Weighting, weightingNames } from "../schemas/index.ts"
import type { DatasetSummary } from "./ResultTable.ts"

/** The table of a collection. */
export const datasetSummary = (
  dataset: string,
  summary: EvaluationSummary,
  significance: SignificanceSummary | undefined,
): DatasetSummary => ({ dataset, summary, ...(significance === undefined ? {} : { significance }) })

/** The table of several collections together, which says in its title how they are weighted. */
export const combinedTable = (
  tables: ReadonlyArray<DatasetSummary>,
  weighting: Weighting,
  significance: SignificanceSummary | undefined,
): DatasetSummary => {
  const whole = combineSummaries(
    tables.map(({ summary }) => summary),
    weighting,
  )
  const title = `${tables.map(({ dataset }) => dataset).join(" + ")} (${weightingNames[weighting]})`
  return datasetSummary(title, whole, significance)
}
