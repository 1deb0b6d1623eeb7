import * as Effect from "effect/Effect"
import type { PlannedNode, StageNode } from "../plan/index.ts"
import type { RemoteError, StoreError } from "../store/index.ts"
import type { HeldOutcomes } from "./HeldOutcomes.ts"
import type { SoundObjects } from "./SoundObjects.ts"
import { Turns } from "./Turns.ts"

/** What came of looking at a node's inputs. */
export interface Repaired {
  /** Whether something was damaged: the inputs are others now, and so may be the key. */
  readonly changed: boolean
  /** Nodes whose output was damaged and could not be made again. */
  readonly failed: ReadonlyArray<string>
}

/**
 * Compares every byte of what a stage is about to read, which comes from the remote where it is not in the folder; what is damaged is
 * made again by its node.
 *
 * @param outcomes what became of the nodes before it.
 * @param remake makes a node anew, after comparing every byte of its result.
 */
export const inputRepair = <R>(
  outcomes: HeldOutcomes,
  sound: SoundObjects,
  remake: (planned: PlannedNode) => Effect.Effect<void, StoreError, R>,
): ((node: StageNode) => Effect.Effect<Repaired, RemoteError | StoreError, R>) => {
  const outputsOf = (name: string) => outcomes.outputsOf(name)
  const turns = new Turns()
  return (node) =>
    Effect.gen(function* () {
      let changed = false
      const failed: Array<string> = []
      for (const { artifacts } of node.inputs) {
        for (const artifact of artifacts) {
          const { name } = artifact.node
          const read = outputsOf(name)[artifact.output]
          const maker = outcomes.planned(name)
          if (read?.record === undefined || maker === undefined) continue
          if (yield* sound.check(name, artifact.output, read.record)) continue
          changed = true
          yield* turns.inTurn(name)(
            Effect.gen(function* () {
              // Another reader may have seen to it meanwhile.
              if (outputsOf(name)[artifact.output]?.artifact.hash !== read.artifact.hash) return
              if (sound.has(read.artifact.hash)) return
              yield* remake(maker)
            }),
          )
          if (outputsOf(name)[artifact.output] === undefined) failed.push(name)
        }
      }
      return { changed, failed }
    })
}
