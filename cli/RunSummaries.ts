import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { WiredExperiment } from "../experiment.ts"
import type { Artifact, RunReport } from "../pipeline/index.ts"
import { EvaluationSummary, type Kinds, SignificanceSummary, type Weighting } from "../schemas/index.ts"
import { combinedTable, datasetSummary } from "./CombinedTable.ts"
import { bringOutput } from "./LastRun.ts"
import type { DatasetSummary } from "./ResultTable.ts"

/** A file of an output of the run, decoded; none where the node is no part of the run. */
const readOutput = <A>(artifact: Artifact, report: RunReport, file: string, schema: Schema.Schema<A, string>) =>
  Effect.gen(function* () {
    const node = report.nodes.find(({ name }) => name === artifact.node.name)
    const output = node?.outputs[artifact.output]
    if (node === undefined || output === undefined) return undefined
    yield* bringOutput(node, output.hash)
    return yield* Schema.decodeUnknown(schema)(readFileSync(join(output.path, file), "utf8"))
  })

const readSignificance = (artifact: Artifact<Kinds.Significance>, report: RunReport) =>
  readOutput(artifact, report, "significance.json", Schema.parseJson(SignificanceSummary))

/** What the result table shows: collection by collection, and all of them together where there are several. */
export const readSummaries = ({ datasets, combined }: WiredExperiment, weighting: Weighting, report: RunReport) =>
  Effect.gen(function* () {
    const tables: Array<DatasetSummary> = []
    for (const { name, summary, significance } of datasets) {
      const read = yield* readOutput(summary, report, "summary.json", Schema.parseJson(EvaluationSummary))
      if (read !== undefined) tables.push(datasetSummary(name, read, yield* readSignificance(significance, report)))
    }
    if (combined === undefined || tables.length < datasets.length) return tables
    return [...tables, combinedTable(tables, weighting, yield* readSignificance(combined.significance, report))]
  })
