import { lstatSync, readlinkSync, renameSync, rmSync } from "node:fs"
import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore } from "./ArtifactStore.ts"
import { listFiles } from "./FolderContent.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { type NumberedNames, NumberLists, NumberSet } from "./NumberedNames.ts"
import { parseRunRecord, parseRunUses, type RunRecord } from "./RunRecord.ts"
import { otherSessions, StoreBusy } from "./Session.ts"
import { type Sightings, sightings } from "./Sighting.ts"
import { io, ioSync, type StoreError } from "./StoreError.ts"
import { planRenewedSeconds, queuedSeconds, taskPapers } from "./TaskPapers.ts"

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
  /**
   * Damaged objects that were set aside and scratch folders of unfinished stages, a month old; those of finished ones; plans, and what
   * tasks of other processes printed, that no kept run needs.
   */
  readonly leftovers: { readonly items: number; readonly bytes: number }
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
export const ageOf = (path: string, now: number): number => {
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

/** What there is to decide about, action keys and content hashes as numbers: pure data, so that the decision can be tested on any graph. */
export interface GcState {
  /** The numbers are below it. */
  readonly names: number
  /** Newest first. */
  readonly runs: ReadonlyArray<{
    readonly run: string
    readonly ageSeconds: number
    /** Action keys of its nodes. */
    readonly keys: ReadonlyArray<number>
    readonly hashes: ReadonlyArray<number>
  }>
  readonly latest: ReadonlySet<number>
  readonly results: Iterable<{
    readonly key: number
    readonly hashes: Iterable<number>
    readonly ageSeconds: number
  }>
  readonly objects: Iterable<{ readonly hash: number; readonly bytes: number; readonly ageSeconds: number }>
}

/** What goes. */
export interface GcDecision {
  readonly keptRuns: ReadonlySet<string>
  readonly results: NumberSet
  readonly objects: NumberSet
}

/** Bytes of each object, by its number. */
const sizesOf = ({ names, objects }: GcState): Float64Array => {
  const sizes = new Float64Array(names)
  for (const { hash, bytes } of objects) sizes[hash] = bytes
  return sizes
}

/** Marks from the kept runs and from `latest`, and says what is not marked and old enough. */
export const decideGc = (state: GcState, options: GcOptions): GcDecision => {
  const grace = graceOf(options)
  const limited = options.maxAgeSeconds !== undefined || options.maxBytes !== undefined
  const keepLast = options.keepLast ?? (limited ? Number.POSITIVE_INFINITY : 10)
  const sizes = sizesOf(state)
  const outputs = new NumberLists()
  /** Where a key's hashes are among the outputs; −1 for no result. */
  const outputsOf = new Int32Array(state.names).fill(-1)
  const keys = new NumberSet()
  const hashes = new NumberSet()
  let bytes = 0
  const mark = (hash: number): void => {
    if (hashes.has(hash)) return
    hashes.add(hash)
    bytes += sizes[hash] ?? 0
  }
  const markResult = (key: number): void => {
    keys.add(key)
    for (const hash of outputs.at(outputsOf[key] ?? -1)) mark(hash)
  }
  for (const { key, hashes: made } of state.results) {
    outputsOf[key] = outputs.length
    outputs.add(made)
  }
  for (const { key, ageSeconds } of state.results) {
    if (ageSeconds < grace || outputs.some(outputsOf[key] ?? -1, (hash) => state.latest.has(hash))) markResult(key)
  }
  for (const hash of state.latest) mark(hash)
  const keptRuns = new Set<string>()
  for (const [position, run] of state.runs.entries()) {
    if (position >= keepLast) break
    if (options.maxAgeSeconds !== undefined && run.ageSeconds > options.maxAgeSeconds) break
    if (options.maxBytes !== undefined) {
      const more = new Set([...run.hashes, ...run.keys.flatMap((key) => [...outputs.at(outputsOf[key] ?? -1)])])
      const added = [...more].reduce((sum, hash) => sum + (hashes.has(hash) ? 0 : (sizes[hash] ?? 0)), 0)
      if (bytes + added > options.maxBytes) break
    }
    keptRuns.add(run.run)
    for (const key of run.keys) markResult(key)
    for (const hash of run.hashes) mark(hash)
  }
  const decision = { keptRuns, results: new NumberSet(), objects: new NumberSet() }
  for (const { key } of state.results) if (!keys.has(key)) decision.results.add(key)
  for (const { hash, ageSeconds } of state.objects) {
    if (!hashes.has(hash) && ageSeconds >= grace) decision.objects.add(hash)
  }
  return decision
}

/** Bytes of all files below a folder; none of one that cannot be read. */
export const folderBytes = (path: string): Effect.Effect<number, StoreError> =>
  Effect.map(
    Effect.catchAll(
      ioSync("measuring a folder", path, () => listFiles(path)),
      () => Effect.succeed([]),
    ),
    (files) => files.reduce((sum, file) => sum + file.bytes, 0),
  )

/** Names of the runs on record, newest first. */
export const runNames = (directory: string): Effect.Effect<ReadonlyArray<string>, StoreError> =>
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

/** What runs on record used, newest first; those whose record cannot be read are left out. */
const runsIn = (store: ArtifactStore["Type"], names: NumberedNames, now: number) =>
  Effect.gen(function* () {
    const runs: Array<GcState["runs"][number]> = []
    for (const [position, name] of (yield* runNames(store.directory)).entries()) {
      yield* letEventsIn(position)
      const text = yield* store.readRecord(join(store.directory, "runs", `${name}.json`))
      const read = text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, parseRunUses))
      if (read === undefined) continue
      runs.push({
        run: name,
        ageSeconds: (now - Date.parse(read.at)) / 1000,
        keys: read.nodes.flatMap(({ key }) => (key === undefined ? [] : [names.add(key)])),
        hashes: read.nodes.flatMap(({ stage, outputs }) =>
          stage === undefined ? [] : Object.values(outputs).map(({ hash }) => names.add(hash)),
        ),
      })
    }
    return runs
  })

interface Leftover {
  readonly path: string
  readonly bytes: number
}

/** Plans and logs that no kept run needs: such as were made since the oldest of them may be, and so may those of a kept key. */
const papersLeft = (
  { directory }: ArtifactStore["Type"],
  { names }: Sightings,
  { results, runs }: GcState,
  decision: GcDecision,
  options: GcOptions,
): Effect.Effect<ReadonlyArray<Leftover>, StoreError> =>
  Effect.gen(function* () {
    const { logs, plans } = yield* taskPapers(directory, Date.now())
    const keptRuns = runs.filter(({ run }) => decision.keptRuns.has(run))
    const oldest = Math.max(0, ...keptRuns.map(({ ageSeconds }) => ageSeconds))
    const kept = new NumberSet()
    for (const { keys } of keptRuns) for (const key of keys) kept.add(key)
    for (const { key } of results) if (!decision.results.has(key)) kept.add(key)
    const isKept = (key: string | undefined): boolean => {
      const number = key === undefined ? undefined : names.find(key)
      return number !== undefined && kept.has(number)
    }
    const grace = graceOf(options)
    const gone = [
      ...plans.filter(({ ageSeconds }) => ageSeconds > Math.max(oldest + planRenewedSeconds, queuedSeconds, grace)),
      // What a node's last attempt printed is of a run that failed, and so has no key on record.
      ...logs.filter(
        ({ ageSeconds, isLast, key }) => !isKept(key) && ageSeconds >= (isLast === true ? forgottenSeconds : grace),
      ),
    ]
    return yield* Effect.forEach(gone, ({ path }) =>
      Effect.map(folderBytes(path), (below) => {
        const stat = lstatSync(path, { throwIfNoEntry: false })
        return { path, bytes: stat?.isFile() === true ? stat.size : below }
      }),
    )
  })

/** The objects of a store, in columns. */
const objectsIn = (store: ArtifactStore["Type"], names: NumberedNames, now: number) =>
  Effect.gen(function* () {
    const hashes: Array<number> = []
    const bytes: Array<number> = []
    const ages: Array<number> = []
    for (const prefix of folderEntries(join(store.directory, "objects"))) {
      for (const hash of folderEntries(join(store.directory, "objects", prefix))) {
        const path = join(store.directory, "objects", prefix, hash)
        yield* letEventsIn(hashes.length)
        hashes.push(names.add(hash))
        bytes.push(yield* folderBytes(path))
        ages.push(ageOf(path, now))
      }
    }
    return {
      *[Symbol.iterator]() {
        for (const [i, hash] of hashes.entries()) yield { hash, bytes: bytes[i]!, ageSeconds: ages[i]! }
      },
    }
  })

const readState = (store: ArtifactStore["Type"], options: GcOptions) =>
  Effect.gen(function* () {
    const { directory } = store
    const now = Date.now()
    const stored = yield* sightings(["manifests"])
    const { names } = stored
    const ages: Array<number> = []
    const finished = new NumberSet()
    for (const { key, stage } of stored) {
      ages.push(ageOf(store.manifestPath(stage, names.name(key)), now))
      finished.add(key)
    }
    const runs = yield* runsIn(store, names, now)
    const objects = yield* objectsIn(store, names, now)
    const latest = new Set([...latestHashes(directory)].map((hash) => names.add(hash)))
    const state: GcState = {
      names: names.size,
      runs,
      latest,
      results: {
        *[Symbol.iterator]() {
          let position = 0
          for (const { hashes, key } of stored) yield { key, hashes, ageSeconds: ages[position++]! }
        },
      },
      objects,
    }
    const leftovers: Array<Leftover> = []
    for (const folder of ["quarantine", "scratch"]) {
      for (const name of folderEntries(join(directory, folder))) {
        const path = join(directory, folder, name)
        const key = names.find(name)
        const isFinished = folder === "scratch" && key !== undefined && finished.has(key)
        const limit = isFinished ? graceOf(options) : forgottenSeconds
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
        const decision = decideGc(state, options)
        const papers = yield* papersLeft(store, stored, state, decision, options)
        return summarise(stored, state, [...leftovers, ...papers], decision, true)
      }
      yield* store.prepare
      const session = yield* store.session("gc")
      const owner = yield* session.tryLock(collectorLock)
      if (owner !== undefined) return yield* new StoreBusy({ owners: owner === "unknown" ? [] : [owner] })
      const owners = yield* otherSessions(store.directory, session)
      if (owners.length > 0) return yield* new StoreBusy({ owners })
      yield* session.beat
      const { stored, state, leftovers: folders } = yield* readState(store, options)
      const decision = decideGc(state, options)
      const leftovers = [...folders, ...(yield* papersLeft(store, stored, state, decision, options))]
      for (const { key: number, stage } of stored) {
        if (!decision.results.has(number)) continue
        const key = stored.names.name(number)
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
      for (const { hash } of state.objects) {
        if (decision.objects.has(hash)) yield* remove(store.objectPath(stored.names.name(hash)))
      }
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
  stored: Sightings,
  state: GcState,
  leftovers: ReadonlyArray<{ readonly bytes: number }>,
  decision: GcDecision,
  dryRun: boolean,
): GcReport => {
  const sizes = sizesOf(state)
  const counted = new NumberSet()
  const stages = new Map<string, { results: number; bytes: number }>()
  for (const { hashes, key, stage } of stored) {
    if (!decision.results.has(key)) continue
    const sum = stages.get(stage) ?? { results: 0, bytes: 0 }
    sum.results++
    for (const hash of hashes) {
      if (!decision.objects.has(hash) || counted.has(hash)) continue
      counted.add(hash)
      sum.bytes += sizes[hash] ?? 0
    }
    stages.set(stage, sum)
  }
  const orphans = { objects: 0, bytes: 0 }
  let [gone, kept] = [0, 0]
  for (const { hash, bytes } of state.objects) {
    if (!decision.objects.has(hash)) kept += bytes
    else gone += bytes
    if (!decision.objects.has(hash) || counted.has(hash)) continue
    orphans.objects++
    orphans.bytes += bytes
  }
  const leftoverBytes = leftovers.reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    dryRun,
    keptRuns: state.runs.flatMap(({ run }) => (decision.keptRuns.has(run) ? [run] : [])),
    removedRuns: state.runs.flatMap(({ run }) => (decision.keptRuns.has(run) ? [] : [run])),
    stages: [...stages].map(([stage, sum]) => ({ stage, ...sum })).sort((a, b) => (a.stage < b.stage ? -1 : 1)),
    orphans,
    leftovers: { items: leftovers.length, bytes: leftoverBytes },
    freedBytes: gone + leftoverBytes,
    keptBytes: kept,
  }
}
