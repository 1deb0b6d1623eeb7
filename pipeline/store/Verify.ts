import { join } from "node:path"
import * as Effect from "effect/Effect"
import { ArtifactStore, type Damage } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import type { Manifest } from "./Manifest.ts"
import { ioSync, type StoreError } from "./StoreError.ts"

/** A check of the whole store. */
export interface VerifyReport {
  readonly results: number
  readonly objects: number
  readonly bytes: number
  /** Results that are not as they were written. */
  readonly damaged: ReadonlyArray<{
    readonly stage: string
    readonly key: string
    readonly node: string
    readonly damage: ReadonlyArray<Damage>
    /** Whether it was dropped, so that the next run makes it again. */
    readonly dropped: boolean
  }>
  /** Manifests that cannot be read, or lie under a name that is not theirs; they count as no result. */
  readonly unreadable: ReadonlyArray<{ readonly file: string; readonly why: string }>
  /** Objects that belong to no result. They do no harm, and `gc` removes them. */
  readonly orphans: ReadonlyArray<string>
}

export interface VerifyOptions {
  /** Whether damaged results are moved to the quarantine. Default no: nothing is written. */
  readonly drop?: boolean
  /** Told of each object after its bytes were compared. */
  readonly onObject?: (done: { readonly hash: string; readonly bytes: number }) => void
}

/** Compares every byte in the store with what was recorded when it was written. */
export const verifyStore = (options: VerifyOptions = {}): Effect.Effect<VerifyReport, StoreError, ArtifactStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const session = options.drop ? yield* Effect.zipRight(store.prepare, store.session("verify")) : undefined
      const manifests: Array<Manifest> = []
      const unreadable: Array<{ readonly file: string; readonly why: string }> = []
      for (const stage of yield* store.stages) {
        const files = yield* ioSync("reading the manifests", store.directory, () =>
          folderEntries(join(store.directory, "manifests", stage)),
        )
        for (const file of files) {
          const key = file.replace(/\.json$/, "")
          const manifest = yield* store.readManifest(stage, key)
          if (manifest._tag === "Found") manifests.push(manifest.manifest)
          else if (manifest._tag === "Unreadable") {
            unreadable.push({ file: `manifests/${stage}/${file}`, why: manifest.why })
          }
        }
      }
      const checked = new Map<string, ReadonlyArray<Damage>>()
      const damaged: Array<VerifyReport["damaged"][number]> = []
      let bytes = 0
      for (const manifest of manifests) {
        const damage: Array<Damage> = []
        for (const [output, record] of Object.entries(manifest.outputs)) {
          let found = checked.get(record.hash)
          if (found === undefined) {
            found = yield* store.damageOf(output, record, "bytes")
            checked.set(record.hash, found)
            bytes += record.bytes
            options.onObject?.({ hash: record.hash, bytes: record.bytes })
          }
          damage.push(...found.map((file) => ({ ...file, output })))
        }
        if (damage.length === 0) continue
        if (session !== undefined) yield* store.quarantine(session, manifest, damage)
        damaged.push({
          stage: manifest.stage,
          key: manifest.actionKey,
          node: manifest.provenance.node,
          damage,
          dropped: session !== undefined,
        })
      }
      const objects = yield* ioSync("listing the objects", store.directory, () =>
        folderEntries(join(store.directory, "objects")).flatMap((prefix) =>
          folderEntries(join(store.directory, "objects", prefix)),
        ),
      )
      return {
        results: manifests.length,
        objects: objects.length,
        bytes,
        damaged,
        unreadable,
        orphans: objects.filter((hash) => !checked.has(hash)),
      }
    }),
  )
