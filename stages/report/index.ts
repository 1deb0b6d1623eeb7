import { stage } from "../../pipeline/index.ts"
import { ReportConfig, reportInputs, reportOutputs } from "./contract.ts"

export { ReportConfig } from "./contract.ts"
export type { ReportError } from "./ReportError.ts"

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
