import * as Effect from "effect/Effect"
import { type IngestError, isIngestError } from "./IngestError.ts"
import { unreadable } from "./unreadable.ts"

/** A reader's promise, its errors told by their type. */
export const attempt = <A>(folder: string, read: () => Promise<A>): Effect.Effect<A, IngestError> =>
  Effect.tryPromise({ try: read, catch: (error) => (isIngestError(error) ? error : unreadable(folder, error)) })

/** A warning that begins with a count, where there is anything to count. */
export const some = (count: number, what: string): ReadonlyArray<string> => (count === 0 ? [] : [`${count} ${what}`])
