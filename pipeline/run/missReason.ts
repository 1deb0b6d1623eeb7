import * as Effect from "effect/Effect"
import type { KeyDocument, Reason } from "../keys/index.ts"
import type { ArtifactStore, Damage, Lookup, StoreError } from "../store/index.ts"
import type { RecordedKeys } from "./RecordedKeys.ts"

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
    const found = yield* keys.nearest(document)
    if (found === undefined) return because({ _tag: "NoPreviousRun" })
    const { manifest } = found
    return because({
      _tag: "KeyChanged",
      differences: found.differences,
      nearest: { key: manifest.actionKey, run: manifest.provenance.run, at: manifest.provenance.at },
    })
  })
