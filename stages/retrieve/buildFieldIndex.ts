import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageRun } from "../../pipeline/index.ts"
import { analyses } from "./analyses.ts"
import type { FieldIndexConfig, indexInputs, indexOutputs } from "./contract.ts"
import { countRows } from "./countRows.ts"
import { FieldsUnsuitable } from "./fields/FieldsUnsuitable.ts"
import { writeIndex } from "./IndexFiles.ts"
import { IndexBuilder } from "./InvertedIndex.ts"
import { CollectionTooLarge, IndexStorageError } from "./RetrieveError.ts"

/** Streams one field of the passages into an index. */
export const run: StageRun<FieldIndexConfig, typeof indexInputs, typeof indexOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const { analyzer = "english", field } = config
    const total = yield* countRows(inputs.passages)
    const builder = new IndexBuilder(analyses[analyzer])
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid", "title", "text"]), (passages) =>
      Effect.try({
        try: () => {
          passages.docid.forEach((docid, row) => builder.add(docid, passages[field][row] ?? ""))
          progress({ done: builder.documents, total, unit: "passages" })
        },
        catch: (cause) => new CollectionTooLarge({ system: "index", passages: builder.documents, cause }),
      }),
    )
    const index = yield* Effect.sync(() => builder.finish())
    if (index.documentsWithTerms === 0 && total > 0) {
      return yield* new FieldsUnsuitable({
        what: field,
        problem: `is empty: no passage of the collection has a ${field} with a word to search`,
        remedy: `Leave ${field} out of the fields, or leave out retrieve.bm25.fields.`,
      })
    }
    yield* Effect.try({
      try: () => writeIndex(outputs.index, index),
      catch: (cause) => new IndexStorageError({ path: outputs.index, during: "write", cause }),
    })
    return {
      rows: { index: index.lengths.length },
      facts: { terms: index.terms.size, postings: index.offsets[index.terms.size]!, tokens: index.totalLength },
    }
  })
