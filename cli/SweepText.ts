import type { WiredDataset } from "../experiment.ts"
import type { NodePreview } from "../pipeline/index.ts"
import { pointsText } from "../schemas/index.ts"
import type { Experiment } from "../settings.ts"

/** What is swept on a collection before anything runs: points and values. */
const datasetLines = ({ sweeps }: WiredDataset): ReadonlyArray<string> =>
  sweeps.map(({ points, system }) => {
    const names = Object.keys(points[0].values)
    const grids = names.map((name) => {
      const values = [...new Set(points.map(({ values }) => values[name]))].sort((a, b) =>
        typeof a === "number" && typeof b === "number" ? a - b : 0,
      )
      return `${name} ${values.map(String).join(", ")}`
    })
    return `${system}: ${pointsText(points.length)}, ${grids.join(" × ")}`
  })

/** The settings of the first stage whose results are reranked, where they are swept: what stands where nothing is given. */
const baseLine = (settings: Experiment): ReadonlyArray<string> => {
  const { from } = settings.candidates
  const own = new Map<string, unknown>(Object.entries(settings.retrieve)).get(from)
  const prefix = `retrieve.${from}.`
  const swept = (settings.grids ?? []).filter(({ setting }) => setting.startsWith(prefix))
  if (swept.length === 0 || typeof own !== "object" || own === null) return []
  const values = new Map<string, unknown>(Object.entries(own))
  const told = swept.map(({ setting }) => {
    const name = setting.slice(prefix.length)
    return `${name} ${String(values.get(name))}`
  })
  return [`Candidates come from ${from} with the usual ${told.join(", ")}; "candidates.from" names another.`]
}

/** What a sweep is and asks for, to be told before it runs; nothing where nothing is swept. */
export const sweepText = (
  settings: Experiment,
  datasets: ReadonlyArray<WiredDataset>,
  idle: ReadonlyArray<string>,
  previews: ReadonlyArray<NodePreview>,
): string => {
  if (settings.grids === undefined) return ""
  const trainings = previews.filter(({ stage }) => stage === "train")
  const toRun = trainings.filter(({ status }) => status === "run" || status === "undetermined").length
  const trained = `${trainings.length} ${trainings.length === 1 ? "training" : "trainings"}, ${toRun} of them to run.`
  return [
    ...datasets.flatMap((dataset) => {
      const lines = datasetLines(dataset)
      return datasets.length > 1 && lines.length > 0 ? [`${dataset.name}`, ...lines.map((line) => `  ${line}`)] : lines
    }),
    ...baseLine(settings),
    ...idle.map((setting) => `! ${setting}: nothing of this experiment reads it, so that its grid changes nothing.`),
    ...(trainings.length === 0 ? [] : [trained]),
  ]
    .map((line) => `${line}\n`)
    .join("")
}
