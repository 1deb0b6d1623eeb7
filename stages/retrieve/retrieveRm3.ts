import type { StageRun } from "../../pipeline/index.ts"
import type { expandInputs, RetrieveRm3Config, runOutputs } from "./contract.ts"
import { expandedRun } from "./feedback/expandedRun.ts"
import { rm3 } from "./feedback/rm3.ts"

export const run: StageRun<RetrieveRm3Config, typeof expandInputs, typeof runOutputs> = (context) =>
  expandedRun(context, rm3(context.config.rm3))
