import * as Effect from "effect/Effect"
import type { ArtifactStore, OutputRecord, StoreError } from "../store/index.ts"

/** Objects whose every byte was compared, or written, in this run. */
export interface SoundObjects {
  readonly has: (hash: string) => boolean
  readonly add: (hash: string) => void
  /** Compares every byte of an object, once in a run. */
  readonly check: (output: string, record: OutputRecord) => Effect.Effect<boolean, StoreError>
}

export const soundObjects = (store: ArtifactStore["Type"]): SoundObjects => {
  const sound = new Set<string>()
  const turns = new Map<string, Effect.Semaphore>()
  return {
    has: (hash) => sound.has(hash),
    add: (hash) => void sound.add(hash),
    check: (output, record) => {
      const turn = turns.get(record.hash) ?? Effect.unsafeMakeSemaphore(1)
      turns.set(record.hash, turn)
      return turn.withPermits(1)(
        Effect.suspend(() => {
          if (sound.has(record.hash)) return Effect.succeed(true)
          return Effect.map(store.damageOf(output, record, "bytes"), (damage) => {
            if (damage.length === 0) sound.add(record.hash)
            return damage.length === 0
          })
        }),
      )
    },
  }
}
