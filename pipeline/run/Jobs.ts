import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import type { Cores, StageNode } from "../plan/index.ts"
import { Permits } from "./Permits.ts"

/** How many nodes are at work at once: by jobs, and by the cores that a node occupies by itself. */
export interface Jobs {
  /**
   * Takes what a node occupies as long as an effect lasts. One that occupies cores waits for them before it takes a job; one that
   * occupies `cores` is told how it comes to more.
   */
  readonly inJob: <A, E, R>(
    node: StageNode,
    effect: (cores: Cores | undefined) => Effect.Effect<A, E, R>,
  ) => Effect.Effect<A, E, R>
}

/** @param coresBeside whether a node that is content with one core takes no job. */
export const makeJobs = (jobs: number, coresBeside: boolean): Jobs => {
  const slots = new Permits(jobs)
  const coreCount = availableParallelism()
  const cores = new Permits(coreCount)
  const another = Effect.uninterruptibleMask((restore) =>
    Effect.zipRight(
      restore(cores.take(1)),
      Effect.addFinalizer(() => cores.release(1)),
    ),
  )

  /** Has one core, and whatever it takes besides. */
  const fromOne = <A, E, R>(use: (own: Cores) => Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      let held = 0
      const hold = (count: number): Effect.Effect<void> =>
        Effect.uninterruptibleMask((restore) =>
          Effect.flatMap(restore(cores.take(count)), () =>
            Effect.sync(() => {
              held = count
            }),
          ),
        )
      const giveBack = Effect.suspend(() => {
        const count = held
        held = 0
        return cores.release(count)
      })
      // Its own goes back first: two that held one each and waited for the rest would wait for ever.
      const all = Effect.zipRight(giveBack, hold(coreCount))
      return Effect.ensuring(Effect.zipRight(hold(1), use({ another, all })), giveBack)
    })

  return {
    inJob: (node, effect) => {
      const inSlot = (own?: Cores) => {
        const free = coresBeside && (node.occupies === "core" || node.occupies === "cores")
        return free ? effect(own) : slots.withPermits(1)(effect(own))
      }
      switch (node.occupies) {
        case undefined:
          return inSlot()
        case "core":
          return cores.withPermits(1)(inSlot())
        case "cores":
          return fromOne(inSlot)
        case "machine":
          return cores.withPermits(coreCount)(inSlot())
      }
    },
  }
}
