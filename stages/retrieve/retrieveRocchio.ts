import type { StageRun } from "../../pipeline/index.ts"
import type { expandInputs, RetrieveRocchioConfig, runOutputs } from "./contract.ts"
import { expandedRun } from "./feedback/expandedRun.ts"
import { rocchio } from "./feedback/rocchio.ts"

export const run: StageRun<RetrieveRocchioConfig, typeof expandInputs, typeof runOutputs> = (context) =>
  expandedRun(context, rocchio(context.config.rocchio))
