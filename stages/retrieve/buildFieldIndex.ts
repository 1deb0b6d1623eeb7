import * as Effect from "effect/Effect"
import type { StageRun } from "../../pipeline/index.ts"
import type { FieldIndexConfig, indexInputs, indexOutputs } from "./contract.ts"
import { FieldsUnsuitable } from "./fields/FieldsUnsuitable.ts"
import { indexTexts, storeIndex } from "./indexTexts.ts"

/** Streams one field of the passages into an index. */
export const run: StageRun<FieldIndexConfig, typeof indexInputs, typeof indexOutputs> = ({
  config: { analyzer, field },
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const textOf = (title: string | null, text: string): string => (field === "title" ? (title ?? "") : text)
    const index = yield* indexTexts(inputs.passages, textOf, { analyzer, progress })
    if (index.documentsWithTerms === 0 && index.lengths.length > 0) {
      return yield* new FieldsUnsuitable({
        what: field,
        problem: `is empty: no passage of the collection has a ${field} with a word to search`,
        remedy: `Leave ${field} out of the fields, or leave out retrieve.bm25.fields.`,
      })
    }
    return yield* storeIndex(index, outputs.index)
  })
