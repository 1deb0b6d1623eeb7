import { combineSummaries } from "../../measures/index.ts"
import { type SignificanceSummary, type Weighting, weightingNames } from "../../schemas/index.ts"
import type { CollectedDataset } from "./collectDataset.ts"
import type { SystemRow, TogetherModel } from "./page/ReportModel.ts"

/** Several collections as one table. */
export const togetherModel = (
  collected: ReadonlyArray<CollectedDataset>,
  weighting: Weighting,
  significance: SignificanceSummary | undefined,
): TogetherModel => {
  const { candidates, measures, sweeps, systems } = combineSummaries(
    collected.map(({ summary }) => summary),
    weighting,
  )
  const rows = systems.map(({ measures: means, ...row }): SystemRow => ({ ...row, means }))
  const splits = [...new Set(rows.map(({ split }) => split))].map((name) => {
    const ofSplit = rows.filter(({ split }) => split === name)
    return {
      name,
      queries: ofSplit.find(({ kind }) => kind === "all")?.queries ?? 0,
      kinds: [...new Set(ofSplit.map(({ kind }) => kind))].filter((kind) => kind !== "all"),
      notes: [],
    }
  })
  return {
    dataset: {
      name: collected.map(({ model }) => model.name).join(" + "),
      measures,
      systems: [...new Set(rows.map(({ system }) => system))],
      splits,
      rows,
      candidates,
      ...(significance === undefined ? {} : { significance }),
      sweeps,
      hasProfile: false,
      hasTraining: false,
    },
    weighting: weightingNames[weighting],
  }
}
