import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import { passageText } from "../../schemas/index.ts"
import type { IndexConfig, indexInputs, indexOutputs } from "./contract.ts"
import { indexTexts, storeIndex } from "./indexTexts.ts"

/** Streams the passages, title and text as one, into an index. */
export const run: StageRun<IndexConfig, typeof indexInputs, typeof indexOutputs> = ({
  config: { analyzer },
  inputs,
  outputs,
  progress,
}) =>
  Effect.flatMap(indexTexts(inputs.passages, passageText, { analyzer, progress }), (index) =>
    storeIndex(index, outputs.index),
  )
