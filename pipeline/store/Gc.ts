import { lstatSync, readlinkSync, renameSync, rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore } from "./ArtifactStore.ts"
import { listFiles } from "./FolderContent.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { parseRunRecord, parseRunUses, type RunRecord, type RunUses } from "./RunRecord.ts"
import { otherSessions, StoreBusy } from "./Session.ts"
import { type Sighting, sightings } from "./Sighting.ts"
import { io, ioSync, type StoreError } from "./StoreError.ts"

/** Which results to keep. What `latest` points at is always kept, and so is what is younger than the grace period. */
export interface GcOptions {
  /** Keep what the last so many runs used. Default 10; without limit where `maxAgeSeconds` or `maxBytes` is given. */
  readonly keepLast?: number
  /** Of those, keep the runs that are younger. */
  readonly maxAgeSeconds?: number
  /** Of those, keep the newest runs whose results together have at most so many bytes. */
  readonly maxBytes?: number
  /** Nothing younger is removed, whatever it belongs to. Default one hour. */
  readonly graceSeconds?: number
  /** Only says what would be removed. Default no. */
  readonly dryRun?: boolean
}

/** What a collection removed, or would remove. */
export interface GcReport {
  readonly dryRun: boolean
  readonly keptRuns: ReadonlyArray<string>
  readonly removedRuns: ReadonlyArray<string>
  /** Results by stage, with the bytes of those of their objects that go; sorted by name. */
  readonly stages: ReadonlyArray<{ readonly stage: string; readonly results: number; readonly bytes: number }>
  /** Objects that belong to no result, such as those of a run that was killed before it recorded them. */
  readonly orphans: { readonly objects: number; readonly bytes: number }
  /** Damaged objects that were set aside and scratch folders of unfinished stages, a month old; those of finished ones. */
  readonly leftovers: { readonly folders: number; readonly bytes: number }
  readonly freedBytes: number
  readonly keptBytes: number
}

/** Name of the lock that a garbage collection holds. */
export const collectorLock = "gc"

const day = 86_400

/** After this time nobody looks at a quarantined object or goes on with an unfinished stage. */
const forgottenSeconds = 30 * day

const graceOf = (options: GcOptions): number => options.graceSeconds ?? 3600

/** Seconds since a file or folder was last changed or moved. */
const ageOf = (path: string, now: number): number => {
  const stat = lstatSync(path, { throwIfNoEntry: false })
  // A rename changes the inode, not its bytes: an object that was written slowly is young when it is stored.
  return stat === undefined ? 0 : (now - Math.max(stat.mtimeMs, stat.ctimeMs)) / 1000
}

/** The hashes that `latest` points at. */
export const latestHashes = (directory: string): ReadonlySet<string> => {
  const hashes = new Set<string>()
  const look = (path: string): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat?.isSymbolicLink()) hashes.add(basename(readlinkSync(path)))
    else if (stat?.isDirectory()) for (const name of folderEntries(path)) look(join(path, name))
  }
  look(join(directory, "latest"))
  return hashes
}

/** What there is to decide about: pure data, so that the decision can be tested on any graph. */
export interface GcState {
  /** Newest first. */
  readonly runs: ReadonlyArray<{
    readonly run: string
    readonly ageSeconds: number
    /** Action keys of its nodes. */
    readonly keys: ReadonlyArray<string>
    readonly hashes: ReadonlyArray<string>
  }>
  readonly latest: ReadonlySet<string>
  readonly results: ReadonlyArray<{
    readonly key: string
    readonly hashes: ReadonlyArray<string>
    readonly ageSeconds: number
  }>
  readonly objects: ReadonlyArray<{ readonly hash: string; readonly bytes: number; readonly ageSeconds: number }>
}

/** What goes. */
export interface GcDecision {
  readonly keptRuns: ReadonlySet<string>
  readonly results: ReadonlySet<string>
  readonly objects: ReadonlySet<string>
}

/** Marks from the kept runs and from `latest`, and says what is not marked and old enough. */
export const decideGc = (state: GcState, options: GcOptions): GcDecision => {
  const grace = graceOf(options)
  const limited = options.maxAgeSeconds !== undefined || options.maxBytes !== undefined
  const keepLast = options.keepLast ?? (limited ? Number.POSITIVE_INFINITY : 10)
  const sizes = new Map(state.objects.map(({ hash, bytes }) => [hash, bytes]))
  const outputs = new Map(state.results.map(({ key, hashes }) => [key, hashes]))
  const keys = new Set<string>()
  const hashes = new Set<string>()
  let bytes = 0
  const mark = (hash: string): void => {
    if (hashes.has(hash)) return
    hashes.add(hash)
    bytes += sizes.get(hash) ?? 0
  }
  const markResult = (key: string): void => {
    keys.add(key)
    for (const hash of outputs.get(key) ?? []) mark(hash)
  }
  for (const { key, hashes: made, ageSeconds } of state.results) {
    if (ageSeconds < grace || made.some((hash) => state.latest.has(hash))) markResult(key)
  }
  for (const hash of state.latest) mark(hash)
  const keptRuns = new Set<string>()
  for (const [position, run] of state.runs.entries()) {
    if (position >= keepLast) break
    if (options.maxAgeSeconds !== undefined && run.ageSeconds > options.maxAgeSeconds) break
    const more = new Set([...run.hashes, ...run.keys.flatMap((key) => outputs.get(key) ?? [])])
    const added = [...more].reduce((sum, hash) => sum + (hashes.has(hash) ? 0 : (sizes.get(hash) ?? 0)), 0)
    if (options.maxBytes !== undefined && bytes + added > options.maxBytes) break
    keptRuns.add(run.run)
    for (const key of run.keys) markResult(key)
    for (const hash of run.hashes) mark(hash)
  }
  return {
    keptRuns,
    results: new Set(state.results.flatMap(({ key }) => (keys.has(key) ? [] : [key]))),
    objects: new Set(
      state.objects.flatMap(({ hash, ageSeconds }) => (hashes.has(hash) || ageSeconds < grace ? [] : [hash])),
    ),
  }
}

const folderBytes = (path: string): Effect.Effect<number, StoreError> =>
  Effect.map(
    Effect.catchAll(
      ioSync("measuring a folder", path, () => listFiles(path)),
      () => Effect.succeed([]),
    ),
    (files) => files.reduce((sum, file) => sum + file.bytes, 0),
  )

/** Names of the runs on record, newest first. */
const runNames = (directory: string): Effect.Effect<ReadonlyArray<string>, StoreError> =>
  ioSync("reading the runs", directory, () =>
    folderEntries(join(directory, "runs"))
      .flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -".json".length)] : []))
      .reverse(),
  )

/** The newest run on record of which something holds; those whose record cannot be read are passed over. */
export const newestRun = (
  wanted: (record: RunRecord) => boolean = () => true,
): Effect.Effect<RunRecord | undefined, StoreError, ArtifactStore> =>
  Effect.gen(function* () {
    const { directory, readRecord } = yield* ArtifactStore
    for (const name of yield* runNames(directory)) {
      const text = yield* readRecord(join(directory, "runs", `${name}.json`))
      const record = text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, parseRunRecord))
      if (record !== undefined && wanted(record)) return record
    }
    return undefined
  })

/** What a collection reads of every run on record, newest first; those whose record cannot be read are left out. */
const runUses = (store: ArtifactStore["Type"]) =>
  Effect.gen(function* () {
    const uses: Array<RunUses> = []
    for (const [position, name] of (yield* runNames(store.directory)).entries()) {
      yield* letEventsIn(position)
      const text = yield* store.readRecord(join(store.directory, "runs", `${name}.json`))
      const read = text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, parseRunUses))
      if (read !== undefined) uses.push(read)
    }
    return uses
  })

const readState = (store: ArtifactStore["Type"], options: GcOptions) =>
  Effect.gen(function* () {
    const { directory } = store
    const now = Date.now()
    const stored = (yield* sightings).filter(({ present }) => present)
    const runs = yield* runUses(store)
    const objects: Array<{ readonly hash: string; readonly bytes: number; readonly ageSeconds: number }> = []
    for (const prefix of folderEntries(join(directory, "objects"))) {
      for (const hash of folderEntries(join(directory, "objects", prefix))) {
        const path = join(directory, "objects", prefix, hash)
        yield* letEventsIn(objects.length)
        objects.push({ hash, bytes: yield* folderBytes(path), ageSeconds: ageOf(path, now) })
      }
    }
    const state: GcState = {
      runs: runs.map(({ run, at, nodes }) => ({
        run,
        ageSeconds: (now - Date.parse(at)) / 1000,
        keys: nodes.flatMap(({ key }) => (key === undefined ? [] : [key])),
        hashes: nodes.flatMap(({ stage, outputs }) =>
          stage === undefined ? [] : Object.values(outputs).map(({ hash }) => hash),
        ),
      })),
      latest: latestHashes(directory),
      results: stored.map(({ hashes, key, stage }) => ({
        key,
        hashes,
        ageSeconds: ageOf(store.manifestPath(stage, key), now),
      })),
      objects,
    }
    const finished = new Set(stored.map(({ key }) => key))
    const leftovers: Array<{ readonly path: string; readonly bytes: number }> = []
    for (const folder of ["quarantine", "scratch"]) {
      for (const name of folderEntries(join(directory, folder))) {
        const path = join(directory, folder, name)
        const limit = folder === "scratch" && finished.has(name) ? graceOf(options) : forgottenSeconds
        if (ageOf(path, now) >= limit) leftovers.push({ path, bytes: yield* folderBytes(path) })
      }
    }
    return { stored, state, leftovers }
  })

/**
 * Removes results that no kept run used: mark and sweep from the kept runs and from `latest`. Their key documents move to the
 * history, so that a later run can still say what changed.
 *
 * Fails with `StoreBusy` while a run is at work on the store; a run that begins meanwhile waits.
 */
export const collectGarbage = (
  options: GcOptions = {},
): Effect.Effect<GcReport, StoreError | StoreBusy, ArtifactStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      if (options.dryRun) {
        const { stored, state, leftovers } = yield* readState(store, options)
        return summarise(stored, state, leftovers, decideGc(state, options), true)
      }
      yield* store.prepare
      const session = yield* store.session("gc")
      const owner = yield* session.tryLock(collectorLock)
      if (owner !== undefined) return yield* new StoreBusy({ owners: owner === "unknown" ? [] : [owner] })
      const owners = yield* otherSessions(store.directory, session)
      if (owners.length > 0) return yield* new StoreBusy({ owners })
      yield* session.beat
      const { stored, state, leftovers } = yield* readState(store, options)
      const decision = decideGc(state, options)
      for (const { key, stage } of stored) {
        if (!decision.results.has(key)) continue
        const found = yield* store.readManifest(stage, key)
        if (found._tag === "Found") yield* store.retire(session, found.manifest, "collected")
        else if (found._tag === "Unreadable") yield* store.setAside(session, store.manifestPath(stage, key), found.why)
      }
      let removed = 0
      const remove = (path: string) =>
        io("removing what is not needed", path, async () => {
          const aside = join(session.tmp, `gone-${removed++}`)
          // First out of sight, whole: a half removed object must not be found.
          renameSync(path, aside)
          await rm(aside, { recursive: true, force: true })
        })
      for (const hash of decision.objects) yield* remove(store.objectPath(hash))
      for (const { path } of leftovers) yield* remove(path)
      yield* ioSync("removing run records", store.directory, () => {
        for (const { run } of state.runs) {
          if (!decision.keptRuns.has(run)) rmSync(join(store.directory, "runs", `${run}.json`), { force: true })
        }
      })
      return summarise(stored, state, leftovers, decision, false)
    }),
  )

const summarise = (
  stored: ReadonlyArray<Sighting>,
  state: GcState,
  leftovers: ReadonlyArray<{ readonly bytes: number }>,
  decision: GcDecision,
  dryRun: boolean,
): GcReport => {
  const sizes = new Map(state.objects.map(({ hash, bytes }) => [hash, bytes]))
  const counted = new Set<string>()
  const stages = new Map<string, { results: number; bytes: number }>()
  for (const { hashes, key, stage } of stored) {
    if (!decision.results.has(key)) continue
    const sum = stages.get(stage) ?? { results: 0, bytes: 0 }
    sum.results++
    for (const hash of hashes) {
      if (!decision.objects.has(hash) || counted.has(hash)) continue
      counted.add(hash)
      sum.bytes += sizes.get(hash) ?? 0
    }
    stages.set(stage, sum)
  }
  const orphans = [...decision.objects].filter((hash) => !counted.has(hash))
  const total = (hashes: Iterable<string>) => [...hashes].reduce((sum, hash) => sum + (sizes.get(hash) ?? 0), 0)
  const leftoverBytes = leftovers.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    dryRun,
    keptRuns: state.runs.flatMap(({ run }) => (decision.keptRuns.has(run) ? [run] : [])),
    removedRuns: state.runs.flatMap(({ run }) => (decision.keptRuns.has(run) ? [] : [run])),
    stages: [...stages].map(([stage, sum]) => ({ stage, ...sum })).sort((a, b) => (a.stage < b.stage ? -1 : 1)),
    orphans: { objects: orphans.length, bytes: total(orphans) },
    leftovers: { folders: leftovers.length, bytes: leftoverBytes },
    freedBytes: total(decision.objects) + leftoverBytes,
    keptBytes: total(sizes.keys()) - total(decision.objects),
  }
}
