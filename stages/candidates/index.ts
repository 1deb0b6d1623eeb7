import * as Schema from "effect/Schema"
import { stage } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"

export type { CandidatesError } from "./CandidatesError.ts"

/** What the stage reads of the configuration. */
export const CandidatesConfig = Schema.Struct({ depth: Schema.Int.pipe(Schema.positive()) })
export type CandidatesConfig = typeof CandidatesConfig.Type

export const candidatesInputs = { run: Kinds.Run, qrels: Kinds.Qrels }

export const candidatesOutputs = { candidates: Kinds.Candidates }

/** What a reranker reads and a trainer samples from: the first results of a run, with their grades. */
export const candidates = stage({
  name: "candidates",
  config: CandidatesConfig,
  inputs: candidatesInputs,
  outputs: candidatesOutputs,
  code: "stages/candidates/candidates.ts",
  load: () => import("./candidates.ts"),
  native: ["duckdb"],
})
