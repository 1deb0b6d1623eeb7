import * as Effect from "effect/Effect"
import { type KeyDocument, nearest, type Reason, type RecordedKey } from "../keys/index.ts"
import type { ArtifactStore, Damage, Lookup, Manifest, StoreError } from "../store/index.ts"

interface Recorded extends RecordedKey {
  readonly manifest: Manifest
}

/** The recorded keys by stage, also of results that are gone; read once for a plan, however many nodes ask. */
export interface RecordedKeys {
  readonly of: (stage: string) => Effect.Effect<ReadonlyArray<Recorded>, StoreError>
  /** Tells of a result that was made meanwhile. */
  readonly add: (manifest: Manifest) => void
}

export const recordedKeys = (store: ArtifactStore["Type"]): RecordedKeys => {
  const known = new Map<string, Array<Recorded>>()
  const recorded = (manifest: Manifest): Recorded => ({
    document: manifest.key,
    at: Date.parse(manifest.provenance.at),
    manifest,
  })
  return {
    of: (stage) =>
      Effect.gen(function* () {
        const found = known.get(stage)
        if (found !== undefined) return found
        const manifests = [
          ...(yield* store.manifests(stage)),
          ...(yield* store.history(stage)).map(({ manifest }) => manifest),
        ]
        const read = manifests.map(recorded)
        known.set(stage, read)
        return read
      }),
    add: (manifest) => {
      known.get(manifest.stage)?.push(recorded(manifest))
    },
  }
}

/** Damaged files by output: `run/part-00000.parquet`. */
export const damagedFiles = (damage: ReadonlyArray<Damage>): ReadonlyArray<string> =>
  damage.map(({ output, file }) => `${output}/${file}`)

/** Why a node has no result to reuse: damage, a removed result, or what differs from the nearest recorded key. */
export const missReason = (
  store: ArtifactStore["Type"],
  keys: RecordedKeys,
  document: KeyDocument,
  key: string,
  lookup: Lookup,
): Effect.Effect<Reason, StoreError> =>
  Effect.gen(function* () {
    const because = (reason: Reason): Reason => reason
    if (lookup._tag === "Damaged") {
      const missing = lookup.damage.every((file) => file.kind === "missing")
      const files = damagedFiles(lookup.damage)
      return because(missing ? { _tag: "OutputMissing", files } : { _tag: "OutputDamaged", files })
    }
    if (lookup._tag === "Unreadable") return because({ _tag: "ManifestUnreadable", why: lookup.why })
    const former = yield* store.formerResult(document.stage, key)
    if (former !== undefined) return because({ _tag: "ResultGone", why: former.why, at: former.at })
    const found = nearest(document, yield* keys.of(document.stage))
    if (found === undefined) return because({ _tag: "NoPreviousRun" })
    const { manifest } = found.recorded
    return because({
      _tag: "KeyChanged",
      differences: found.differences,
      nearest: { key: manifest.actionKey, run: manifest.provenance.run, at: manifest.provenance.at },
    })
  })
