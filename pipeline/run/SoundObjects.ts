import * as Effect from "effect/Effect"
import type { ArtifactStore, OutputRecord, RemoteError, StoreError } from "../store/index.ts"
import type { Sharing } from "./Sharing.ts"
import { Turns } from "./Turns.ts"

/** Objects whose every byte was compared, or written, in this run. */
export interface SoundObjects {
  readonly has: (hash: string) => boolean
  readonly add: (hash: string) => void
  /** Sees to it that an output's object is in the store's folder, and compares every byte of it, once in a run. */
  readonly check: (
    node: string,
    output: string,
    record: OutputRecord,
  ) => Effect.Effect<boolean, RemoteError | StoreError>
}

export const soundObjects = (store: ArtifactStore["Type"], { bring }: Sharing): SoundObjects => {
  const sound = new Set<string>()
  const turns = new Turns()
  return {
    has: (hash) => sound.has(hash),
    add: (hash) => void sound.add(hash),
    check: (node, output, record) =>
      turns.inTurn(record.hash)(
        Effect.gen(function* () {
          if (sound.has(record.hash)) return true
          if (!(yield* bring(node, record))) return false
          const damage = yield* store.damageOf(output, record, "bytes")
          if (damage.length === 0) sound.add(record.hash)
          return damage.length === 0
        }),
      ),
  }
}
