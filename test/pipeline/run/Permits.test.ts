import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Permits } from "../../../pipeline/run/Permits.ts"

describe("permits", () => {
  it.effect("C21 go in turn to those for whom there are enough", () =>
    Effect.gen(function* () {
      const permits = new Permits(2)
      const order: Array<string> = []
      const asking = (name: string, count: number) =>
        Effect.zipRight(
          Effect.sync(() => order.push(name)),
          Effect.yieldNow(),
        ).pipe(permits.withPermits(count))
      yield* permits.take(2)
      const fibers = yield* Effect.forEach(
        [
          ["both", 2],
          ["one", 1],
          ["another", 1],
        ] as const,
        ([name, count]) => Effect.zipLeft(Effect.fork(asking(name, count)), Effect.yieldNow()),
      )
      yield* permits.release(1)
      yield* Effect.yieldNow()
      expect(order).toEqual(["one"])
      yield* permits.release(1)
      yield* Fiber.joinAll(fibers)
      expect(order).toEqual(["one", "another", "both"])
    }),
  )

  it.effect("C34 are not lost with who is interrupted, waiting or just served", () =>
    Effect.gen(function* () {
      const permits = new Permits(3)
      for (let round = 0; round < 200; round++) {
        yield* permits.take(3)
        const fibers = yield* Effect.forEach([1, 2, 3, 1], (count) =>
          Effect.fork(permits.withPermits(count)(Effect.yieldNow())),
        )
        yield* Effect.yieldNow()
        const release = permits.release(3)
        yield* round % 2 === 0 ? release : Effect.void
        for (const fiber of fibers) yield* Fiber.interruptFork(fiber)
        if (round % 3 === 0) yield* Effect.yieldNow()
        yield* round % 2 === 1 ? release : Effect.void
        yield* Effect.forEach(fibers, Fiber.await)
        yield* permits.take(3)
        yield* permits.release(3)
      }
    }),
  )

  it.effect("C180 cost of those who wait little, whatever their number", () =>
    Effect.gen(function* () {
      const permits = new Permits(2)
      let most = 0
      let working = 0
      const work = Effect.gen(function* () {
        most = Math.max(most, ++working)
        yield* Effect.yieldNow()
        working--
      })
      // Quadratic, this takes very long.
      yield* Effect.forEach(Array.from({ length: 5000 }), () => permits.withPermits(1)(work), {
        concurrency: "unbounded",
        discard: true,
      })
      expect(most).toBe(2)
    }),
  )
})
