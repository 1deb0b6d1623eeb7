import { join } from "node:path"
import type { Plan, RunReport } from "../pipeline/index.ts"
import { Kinds } from "../schemas/index.ts"

/**
 * The pages that a run was asked to make, as whoever reads them opens them.
 *
 * @param directory the store's folder, as the paths are to begin
 */
export const pagePaths = (directory: string, plan: Plan, report: RunReport): ReadonlyArray<string> => {
  const asked = new Set(Object.values(plan.targets).flat())
  return report.nodes
    .filter(({ name, outputs }) => asked.has(name) && outputs["page"]?.kind === Kinds.Report.name)
    .map(({ name }) => join(directory, "latest", name, "index.html"))
}
