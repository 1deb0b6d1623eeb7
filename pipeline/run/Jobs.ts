import { availableParallelism } from "node:os"
import * as Effect from "effect/Effect"
import type { StageNode } from "../plan/index.ts"

/** How many nodes are at work at once: by jobs, and by the cores that a node occupies by itself. */
export interface Jobs {
  /** Takes what a node occupies as long as an effect lasts. One that occupies cores waits for them before it takes a job. */
  readonly inJob: <A, E, R>(node: StageNode, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** @param coresBeside whether a node that occupies one core takes no job. */
export const makeJobs = (jobs: number, coresBeside: boolean): Jobs => {
  const slots = Effect.unsafeMakeSemaphore(jobs)
  const coreCount = availableParallelism()
  const cores = Effect.unsafeMakeSemaphore(coreCount)
  return {
    inJob: (node, effect) => {
      const inSlot = coresBeside && node.occupies === "core" ? effect : slots.withPermits(1)(effect)
      if (node.occupies === undefined) return inSlot
      return cores.withPermits(node.occupies === "core" ? 1 : coreCount)(inSlot)
    },
  }
}
