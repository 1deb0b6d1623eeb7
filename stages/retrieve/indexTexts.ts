import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { countRows, type Progress, readBatches, type StoredArtifact } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import { analyses } from "./analyses.ts"
import type { IndexConfig } from "./contract.ts"
import { writeIndex } from "./IndexFiles.ts"
import { IndexBuilder, type InvertedIndex } from "./InvertedIndex.ts"
import { CollectionTooLarge, IndexStorageError } from "./RetrieveError.ts"

/** Streams a text of each passage into an index: they are never held together. */
export const indexTexts = (
  passages: StoredArtifact<typeof Kinds.Passages>,
  textOf: (title: string | null, text: string) => string,
  {
    analyzer = "english",
    progress,
  }: { readonly analyzer?: IndexConfig["analyzer"] | undefined; readonly progress: (progress: Progress) => void },
) =>
  Effect.gen(function* () {
    const total = yield* countRows(passages)
    const builder = new IndexBuilder(analyses[analyzer])
    yield* Stream.runForEach(readBatches(passages, ["docid", "title", "text"]), ({ docid, title, text }) =>
      Effect.try({
        try: () => {
          for (let i = 0; i < docid.length; i++) builder.add(docid[i]!, textOf(title[i]!, text[i]!))
          progress({ done: builder.documents, total, unit: "passages" })
        },
        catch: (cause) => new CollectionTooLarge({ system: "index", passages: builder.documents, cause }),
      }),
    )
    return yield* Effect.sync(() => builder.finish())
  })

/** Stores an index, and says what is in it. */
export const storeIndex = (index: InvertedIndex, path: string) =>
  Effect.as(
    Effect.try({
      try: () => writeIndex(path, index),
      catch: (cause) => new IndexStorageError({ path, during: "write", cause }),
    }),
    {
      rows: { index: index.lengths.length },
      facts: { terms: index.terms.size, postings: index.offsets[index.terms.size]!, tokens: index.totalLength },
    },
  )
