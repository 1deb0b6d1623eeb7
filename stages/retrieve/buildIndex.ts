import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageRun } from "../../pipeline/index.ts"
import { passageText } from "../../schemas/index.ts"
import { analyses } from "./analyses.ts"
import type { IndexConfig, indexInputs, indexOutputs } from "./contract.ts"
import { countRows } from "./countRows.ts"
import { writeIndex } from "./IndexFiles.ts"
import { IndexBuilder } from "./InvertedIndex.ts"

import { CollectionTooLarge, IndexStorageError } from "./RetrieveError.ts"

/** Streams the passages into an index: their texts are never held together. */
export const run: StageRun<IndexConfig, typeof indexInputs, typeof indexOutputs> = ({
  config,
  inputs,
  outputs,
  progress,
}) =>
  Effect.gen(function* () {
    const total = yield* countRows(inputs.passages)
    const builder = new IndexBuilder(analyses[config.analyzer ?? "english"])
    yield* Stream.runForEach(readBatches(inputs.passages, ["docid", "title", "text"]), ({ docid, title, text }) =>
      Effect.try({
        try: () => {
          for (let i = 0; i < docid.length; i++) builder.add(docid[i]!, passageText(title[i]!, text[i]!))
          progress({ done: builder.documents, total, unit: "passages" })
        },
        catch: (cause) => new CollectionTooLarge({ system: "index", passages: builder.documents, cause }),
      }),
    )
    const index = yield* Effect.sync(() => builder.finish())
    yield* Effect.try({
      try: () => writeIndex(outputs.index, index),
      catch: (cause) => new IndexStorageError({ path: outputs.index, during: "write", cause }),
    })
    return {
      rows: { index: index.lengths.length },
      facts: { terms: index.terms.size, postings: index.offsets[index.terms.size]!, tokens: index.totalLength },
    }
  })
