import * as Effect from "effect/Effect"
import type { Session } from "./Session.ts"
import type { StoreError } from "./StoreError.ts"

/** Waits for a lock and has it as long as an effect lasts. */
export const withLock = <A, E, R>(
  session: Session,
  name: string,
  body: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | StoreError, R> =>
  Effect.acquireUseRelease(
    Effect.gen(function* () {
      while ((yield* session.tryLock(name)) !== undefined) yield* Effect.sleep("50 millis")
    }),
    () => body,
    () => session.unlock(name),
  )
