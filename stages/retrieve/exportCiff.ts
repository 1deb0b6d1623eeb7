import * as Effect from "effect/Effect"
import { writeCiff } from "./ciff/writeCiff.ts"
import { readIndex } from "./IndexFiles.ts"
import { IndexStorageError } from "./RetrieveError.ts"

/** Writes a stored index as a CIFF file, where none of its name is. */
export const exportCiff = (folder: string, to: string) =>
  Effect.gen(function* () {
    const index = yield* Effect.try({
      try: () => readIndex(folder),
      catch: (cause) => new IndexStorageError({ path: folder, during: "read", cause }),
    })
    yield* Effect.try({
      try: () => writeCiff(to, index),
      catch: (cause) => new IndexStorageError({ path: to, during: "write", cause }),
    })
    return { documents: index.lengths.length, terms: index.terms.size }
  })
