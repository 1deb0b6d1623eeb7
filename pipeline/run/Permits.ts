import * as Effect from "effect/Effect"

interface Waiting {
  readonly count: number
  isGranted: boolean
  readonly go: () => void
}

/**
 * Permits, which go to whoever has waited longest of those for whom there are enough. Effect's semaphore (3.22) wakes all who wait
 * whenever one comes back, and each that wakes in vain waits within its former wait: of thousands that is quadratic, in time and memory.
 */
export class Permits {
  #free: number
  readonly #waiting = new Set<Waiting>()

  constructor(count: number) {
    this.#free = count
  }

  /** Waits until there are so many, and takes them. */
  take(count: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      let waiting: Waiting | undefined
      return Effect.onInterrupt(
        Effect.async<void>((resume) => {
          waiting = { count, isGranted: false, go: () => resume(Effect.void) }
          this.#waiting.add(waiting)
          this.#grant()
        }),
        () =>
          Effect.sync(() => {
            if (waiting === undefined) return
            if (waiting.isGranted) this.#giveBack(count)
            else this.#waiting.delete(waiting)
          }),
      )
    })
  }

  release(count: number): Effect.Effect<void> {
    return Effect.sync(() => this.#giveBack(count))
  }

  /** Has so many as long as an effect lasts. */
  withPermits(count: number) {
    return <A, E, R>(use: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.zipRight(restore(this.take(count)), Effect.ensuring(restore(use), this.release(count))),
      )
  }

  #giveBack(count: number): void {
    this.#free += count
    this.#grant()
  }

  #grant(): void {
    for (const waiting of this.#waiting) {
      if (this.#free === 0) return
      if (waiting.count > this.#free) continue
      this.#waiting.delete(waiting)
      this.#free -= waiting.count
      waiting.isGranted = true
      waiting.go()
    }
  }
}
