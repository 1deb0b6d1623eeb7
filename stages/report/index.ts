import { many, stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { ReportConfig } from "./ReportConfig.ts"

export { ReportConfig } from "./ReportConfig.ts"
export type { ReportError } from "./ReportError.ts"

export const reportInputs = {
  passages: many(Kinds.Passages),
  queries: many(Kinds.Queries),
  qrels: many(Kinds.Qrels),
  runs: many(Kinds.Run),
  scores: many(Kinds.Scores),
  summaries: many(Kinds.Summary),
  profiles: many(Kinds.DepthProfile),
  comparisons: many(Kinds.Comparisons),
  significance: many(Kinds.Significance),
  logs: many(Kinds.TrainingLog),
}

export const reportOutputs = { page: Kinds.Report }

/**
 * Makes one page of everything: `index.html`, which opens from disk and asks no network for anything. It tells how its numbers
 * came about, times included, which is why the records of that are among its inputs. (`seeded`: zlib does not promise the same
 * bytes on every kind of processor.)
 */
export const report = stage({
  name: "report",
  config: ReportConfig,
  inputs: reportInputs,
  outputs: reportOutputs,
  code: "stages/report/makeReport.ts",
  load: () => import("./makeReport.ts"),
  native: ["duckdb"],
  determinism: "seeded",
  provenance: true,
})
