import { availableParallelism } from "node:os"
import { describe, expect, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Cores, Occupancy, StageNode } from "../../../pipeline/plan/index.ts"
import { makeJobs } from "../../../pipeline/run/Jobs.ts"
import { heavy } from "../../support/smallDag.ts"

const nodeThat = (occupies: Occupancy): StageNode => {
  const { node } = heavy({ node: occupies, text: occupies, used: true }, {}, occupies).text
  if (node._tag !== "StageNode") throw new Error("not a stage's")
  return { ...node, occupies }
}

const count = availableParallelism()
/** Long enough for every fiber that can go on to have done so. */
const settle = Effect.sleep(20)

describe("jobs", () => {
  it.live(
    "C21 a node that occupies cores begins with one, has those that are free, and gives them back at its end",
    () =>
      Effect.gen(function* () {
        const { inJob } = makeJobs(1, true)
        const [end, ofCore] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        let taken = 0
        const more = (cores: Cores) =>
          Effect.flatMap(cores.another, () =>
            Effect.sync(() => {
              taken++
            }),
          )
        const core = yield* Effect.fork(inJob(nodeThat("core"), () => Deferred.await(ofCore)))
        yield* settle
        const node = yield* Effect.fork(
          inJob(nodeThat("cores"), (cores) =>
            Effect.scoped(
              Effect.gen(function* () {
                if (cores === undefined) throw new Error("it is told nothing of cores")
                for (let wanted = 0; wanted < count; wanted++) yield* Effect.forkScoped(more(cores))
                yield* Deferred.await(end)
              }),
            ),
          ),
        )
        yield* settle
        const whole = yield* Effect.fork(inJob(nodeThat("machine"), () => Effect.void))
        yield* settle
        // On a machine with one core the node has not begun.
        expect(taken).toBe(Math.max(0, count - 2))
        yield* Deferred.succeed(ofCore, undefined)
        yield* Fiber.join(core)
        yield* settle
        expect(taken).toBe(count - 1)
        expect(yield* Fiber.poll(whole)).toMatchObject({ _tag: "None" })
        yield* Deferred.succeed(end, undefined)
        yield* Fiber.join(node)
        yield* Fiber.join(whole)
      }),
  )

  it.live(
    "C21 nodes that occupy cores and want all have the machine one after the other, and leave nothing when they are interrupted",
    () =>
      Effect.gen(function* () {
        const { inJob } = makeJobs(1, true)
        let [now, most] = [0, 0]
        const alone = inJob(nodeThat("cores"), (cores) =>
          Effect.gen(function* () {
            yield* cores?.all ?? Effect.void
            most = Math.max(most, ++now)
            yield* settle
            now--
          }),
        )
        yield* Effect.all(
          Array.from({ length: count + 2 }, () => alone),
          { concurrency: "unbounded" },
        )
        expect(most).toBe(1)
        const waiting = yield* Effect.fork(
          inJob(nodeThat("machine"), () =>
            Effect.gen(function* () {
              const others = yield* Effect.fork(Effect.all([alone, alone], { concurrency: "unbounded" }))
              yield* settle
              yield* Fiber.interrupt(others)
            }),
          ),
        )
        yield* Fiber.join(waiting)
        const half = yield* Effect.fork(Effect.all([alone, alone], { concurrency: "unbounded" }))
        yield* Effect.sleep(5)
        yield* Fiber.interrupt(half)
        yield* inJob(nodeThat("machine"), () => Effect.void)
      }),
  )
})
