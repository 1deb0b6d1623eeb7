import * as Effect from "effect/Effect"

const every = 64

/**
 * For a loop over a store's many small files, which are read one after the other without a pause: now and then it lets in what
 * waits for the event loop, such as a signal that interrupts it.
 *
 * @param position of the loop, from 0
 */
export const letEventsIn = (position: number): Effect.Effect<void> =>
  position % every !== every - 1
    ? Effect.void
    : Effect.async((resume) => {
        const waiting = setImmediate(() => resume(Effect.void))
        return Effect.sync(() => clearImmediate(waiting))
      })
