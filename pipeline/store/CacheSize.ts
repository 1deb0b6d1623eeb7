import { renameSync, rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import { ageOf, collectorLock, folderBytes, latestHashes, runNames } from "./Gc.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { parseRunUses } from "./RunRecord.ts"
import { type Owner, otherSessions } from "./Session.ts"
import { sightings } from "./Sighting.ts"
import { io, ioSync, type StoreError } from "./StoreError.ts"

/** What was done to keep a folder before a remote within its size. */
export interface CacheReport {
  /** Objects that went; the remote has them. */
  readonly objects: number
  readonly bytes: number
  /** What is in the folder now. */
  readonly keptBytes: number
  /** Stages of which results went. */
  readonly stages: ReadonlyArray<string>
  /** Who is at work on the folder, so that nothing was removed. */
  readonly busy: ReadonlyArray<Owner>
}

/** When each object was last used (milliseconds since 1970), as far as the runs on record tell. */
const lastUses = (store: ArtifactStore["Type"]) =>
  Effect.gen(function* () {
    const uses = new Map<string, number>()
    for (const [position, name] of (yield* runNames(store.directory)).entries()) {
      yield* letEventsIn(position)
      const text = yield* store.readRecord(join(store.directory, "runs", `${name}.json`))
      const read = text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, parseRunUses))
      for (const { outputs } of read?.nodes ?? []) {
        // Newest first.
        for (const { hash } of Object.values(outputs)) if (!uses.has(hash)) uses.set(hash, Date.parse(read?.at ?? ""))
      }
    }
    return uses
  })

/**
 * Removes objects from the folder before a remote until it has at most so many bytes, those first that were not used for longest. What
 * `latest` points at stays, and so does what the remote is not known to have. Nothing is removed while another process uses the folder.
 * What went is pulled again when it is needed.
 */
export const shrinkCache = (maxBytes: number): Effect.Effect<CacheReport, StoreError, ArtifactStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const { remote } = store
      const nothing: CacheReport = { objects: 0, bytes: 0, keptBytes: 0, stages: [], busy: [] }
      if (remote === undefined) return nothing
      yield* store.prepare
      const session = yield* store.session("cache")
      const owner = yield* session.tryLock(collectorLock)
      if (owner !== undefined) return { ...nothing, busy: owner === "unknown" ? [] : [owner] }
      const busy = yield* otherSessions(store.directory, session)
      if (busy.length > 0) return { ...nothing, busy }
      yield* session.beat
      const now = Date.now()
      const found: Array<{ readonly hash: string; readonly bytes: number; readonly changed: number }> = []
      for (const prefix of folderEntries(join(store.directory, "objects"))) {
        for (const hash of folderEntries(join(store.directory, "objects", prefix))) {
          yield* letEventsIn(found.length)
          const path = store.objectPath(hash)
          found.push({ hash, bytes: yield* folderBytes(path), changed: now - 1000 * ageOf(path, now) })
        }
      }
      let keptBytes = found.reduce((sum, { bytes }) => sum + bytes, 0)
      if (keptBytes <= maxBytes) return { ...nothing, keptBytes }

      const uses = yield* lastUses(store)
      const latest = latestHashes(store.directory)
      const shared = yield* sightings(["remote"])
      const local = yield* sightings(["manifests"])
      const isShared = (hash: string): boolean => {
        const number = shared.names.find(hash)
        return number !== undefined && !shared.makersOf(number).next().done
      }
      const makersOf = (hash: string) => {
        const number = local.names.find(hash)
        return number === undefined
          ? []
          : [...local.makersOf(number)].map(({ stage, key }) => ({ stage, key: local.names.name(key) }))
      }
      const order = found
        .map((object) => ({ ...object, used: Math.max(object.changed, uses.get(object.hash) ?? 0) }))
        .sort((a, b) => a.used - b.used)
      const stages = new Set<string>()
      let objects = 0
      let bytes = 0
      for (const object of order) {
        if (keptBytes <= maxBytes) break
        if (latest.has(object.hash) || !isShared(object.hash)) continue
        const makers = makersOf(object.hash)
        if (!makers.every(({ stage, key }) => remote.isKnown(stage, key))) continue
        yield* ioSync("making room", object.hash, () => {
          // First the manifests: a result that is not whole must not seem to be in the folder.
          for (const { stage, key } of makers) {
            stages.add(stage)
            rmSync(store.manifestPath(stage, key), { force: true })
          }
        })
        const aside = join(session.tmp, `gone-${objects}`)
        yield* io("making room", object.hash, async () => {
          renameSync(store.objectPath(object.hash), aside)
          await rm(aside, { recursive: true, force: true })
        })
        objects++
        bytes += object.bytes
        keptBytes -= object.bytes
      }
      return { objects, bytes, keptBytes, stages: [...stages].sort(), busy: [] }
    }),
  )
