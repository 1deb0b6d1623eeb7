import { stage } from "../../pipeline/index.ts"
import { FuseConfig, fuseInputs, fuseOutputs } from "./contract.ts"

export { FuseConfig } from "./contract.ts"
export type { FuseError } from "./FuseError.ts"

/** Makes one run of several. */
export const fuse = stage({
  name: "fuse",
  config: FuseConfig,
  inputs: fuseInputs,
  outputs: fuseOutputs,
  code: "stages/fuse/fuseRuns.ts",
  load: () => import("./fuseRuns.ts"),
  native: ["duckdb"],
})
