import * as Effect from "effect/Effect"
import type { StoredArtifact } from "../../pipeline/index.ts"
import type { Kinds } from "../../schemas/index.ts"
import { readIndex } from "./IndexFiles.ts"
import { IndexStorageError } from "./RetrieveError.ts"

/** Reads a stored index. */
export const loadIndex = (index: StoredArtifact<Kinds.Bm25Index>, options: { readonly shared: boolean }) =>
  Effect.try({
    try: () => readIndex(index.path, options),
    catch: (cause) => new IndexStorageError({ path: index.path, during: "read", cause }),
  })
