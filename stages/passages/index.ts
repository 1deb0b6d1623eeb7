/** Long documents: split into passages, and scores of passages folded to scores of documents. */
import * as Effect from "effect/Effect"
import { stage } from "../../pipeline/index.ts"
import type { Answer, StoredStage } from "../../schemas/index.ts"
import {
  FoldConfig,
  foldCandidatesInputs,
  foldCandidatesOutputs,
  foldInputs,
  foldOutputs,
  SplitConfig,
  splitInputs,
  splitOutputs,
} from "./contract.ts"

export type { PassagesError } from "./PassagesError.ts"

/** The passages of documents, and the judgements of their documents as theirs. */
export const splitDocuments = stage({
  name: "passages.split",
  config: SplitConfig,
  inputs: splitInputs,
  outputs: splitOutputs,
  code: "stages/passages/split.ts",
  load: () => import("./split.ts"),
  native: ["duckdb"],
})

/** A run over passages as one over documents. */
export const foldRun = stage({
  name: "passages.fold",
  config: FoldConfig,
  inputs: foldInputs,
  outputs: foldOutputs,
  code: "stages/passages/foldRun.ts",
  load: () => import("./foldRun.ts"),
  native: ["duckdb"],
})

/** Candidates that are passages as the documents that they are of. */
export const foldCandidates = stage({
  name: "passages.candidates",
  config: FoldConfig,
  inputs: foldCandidatesInputs,
  outputs: foldCandidatesOutputs,
  code: "stages/passages/foldCandidates.ts",
  load: () => import("./foldCandidates.ts"),
  native: ["duckdb"],
})

/** Folds an answer to a typed query as an earlier run folded its runs. */
export const foldAnswer = (stored: StoredStage, answer: Answer) =>
  Effect.flatMap(
    Effect.promise(() => import("./foldAnswer.ts")),
    (loaded) => loaded.foldAnswer(stored, answer),
  )
