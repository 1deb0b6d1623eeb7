import * as Effect from "effect/Effect"
import { readIndex } from "./IndexFiles.ts"
import { IndexStorageError } from "./RetrieveError.ts"

/** Reads a stored index. */
export const loadIndex = ({ path }: { readonly path: string }, options: { readonly shared: boolean }) =>
  Effect.try({
    try: () => readIndex(path, options),
    catch: (cause) => new IndexStorageError({ path, during: "read", cause }),
  })
