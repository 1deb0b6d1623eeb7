import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
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

/** Fuses answers to a typed query as an earlier run fused its runs. */
export const fuseAnswers = (stored: StoredStage, answers: ReadonlyArray<Answer>) =>
  Effect.flatMap(
    Effect.promise(() => import("./fuseAnswers.ts")),
    (loaded) => loaded.fuseAnswers(stored, answers),
  )
