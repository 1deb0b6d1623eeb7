import * as Effect from "effect/Effect"
import { IndexStorageError } from "./RetrieveError.ts"
import { readImpacts } from "./sparse/ImpactFiles.ts"

/** Reads a stored index of learned weights. */
export const loadImpacts = (path: string) =>
  Effect.try({
    try: () => readImpacts(path),
    catch: (cause) => new IndexStorageError({ path, during: "read", cause }),
  })
