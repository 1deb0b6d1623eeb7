import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"

/**
 * Runs an effect as a promise. It rejects with the failure itself: one of the tagged errors, with `_tag`, its fields and a message.
 *
 * @param signal aborting it interrupts the effect, which releases what it holds
 */
export const promise = async <A, E>(effect: Effect.Effect<A, E>, signal?: AbortSignal): Promise<A> => {
  const exit = await Effect.runPromiseExit(effect, signal === undefined ? {} : { signal })
  if (Exit.isSuccess(exit)) return exit.value
  throw Cause.squash(exit.cause)
}
