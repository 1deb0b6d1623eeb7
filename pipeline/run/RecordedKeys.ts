import * as Effect from "effect/Effect"
import { type KeyDifference, type KeyDocument, nearest, type RecordedKey, sharedParts } from "../keys/index.ts"
import type { ArtifactStore, Manifest, StoreError } from "../store/index.ts"

interface Recorded extends RecordedKey {
  readonly key: string
  readonly present: boolean
}

/** What is recorded that is nearest to a key. */
export interface NearestKey {
  readonly manifest: Manifest
  readonly differences: ReadonlyArray<KeyDifference>
}

/** The recorded keys by stage, also of results that are gone; read once for a plan, however many nodes ask. */
export interface RecordedKeys {
  /** The result of the same stage whose record can be read and whose key differs least. */
  readonly nearest: (document: KeyDocument) => Effect.Effect<NearestKey | undefined, StoreError>
  /** Tells of a result that was made meanwhile. */
  readonly add: (manifest: Manifest) => void
}

/** Of each recorded key its document alone is held, what equals another's once: a store may have a thousand of a stage. */
export const recordedKeys = (store: ArtifactStore["Type"]): RecordedKeys => {
  const share = sharedParts()
  const known = new Map<string, Set<Recorded>>()
  const oneAtATime = Effect.unsafeMakeSemaphore(1)
  const of = (stage: string) =>
    Effect.gen(function* () {
      const found = known.get(stage)
      if (found !== undefined) return found
      const read = new Set<Recorded>()
      yield* store.eachKeyDocument(stage, (seen) => read.add({ ...seen, document: share(seen.document) }))
      known.set(stage, read)
      return read
    }).pipe(oneAtATime.withPermits(1))
  const manifestOf = (stage: string, { key, present }: Recorded) =>
    Effect.gen(function* () {
      if (!present) return (yield* store.formerResult(stage, key))?.manifest
      const found = yield* store.readManifest(stage, key)
      return found._tag === "Found" ? found.manifest : undefined
    })
  return {
    nearest: (document) =>
      Effect.gen(function* () {
        const recorded = yield* of(document.stage)
        for (;;) {
          const found = nearest(share(document), recorded)
          if (found === undefined) return undefined
          const manifest = yield* manifestOf(document.stage, found.recorded)
          if (manifest !== undefined) return { manifest, differences: found.differences }
          recorded.delete(found.recorded)
        }
      }),
    add: ({ actionKey, key, provenance, stage }) => {
      known.get(stage)?.add({ key: actionKey, present: true, document: share(key), at: Date.parse(provenance.at) })
    },
  }
}
