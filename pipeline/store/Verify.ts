import { createHash } from "node:crypto"
import { lstatSync, readlinkSync } from "node:fs"
import { basename, dirname, join, relative, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { ArtifactStore, type Damage, type Depth, storeFolders } from "./ArtifactStore.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import { type Manifest, parseFormerResult } from "./Manifest.ts"
import { NumberedNames } from "./NumberedNames.ts"
import { parseRunRecord } from "./RunRecord.ts"
import { openRecord } from "./SealedRecord.ts"
import { ioSync, type StoreError } from "./StoreError.ts"

/** A check of the whole store. */
export interface VerifyReport {
  /** Absolute path of the store that was checked. */
  readonly directory: string
  /** How much of an object was compared: every byte, or names and sizes. */
  readonly depth: Depth
  readonly results: number
  readonly objects: number
  /** Of the objects that were compared. */
  readonly bytes: number
  /** Records of runs, of former results and of plans that were read. */
  readonly records: number
  /** Results whose record has no hash of its own, written by an earlier version: what `lineage` tells of them is not checked. */
  readonly unsealed: number
  /** Results that are not as they were written. */
  readonly damaged: ReadonlyArray<{
    readonly stage: string
    readonly key: string
    readonly node: string
    readonly damage: ReadonlyArray<Damage>
    /** Whether it was dropped, so that the next run makes it again. */
    readonly dropped: boolean
  }>
  /** Records that cannot be read, lie under a name that is not theirs, or are no files, and links that lead elsewhere. */
  readonly unreadable: ReadonlyArray<{ readonly file: string; readonly why: string; readonly dropped: boolean }>
  /** Objects that belong to no result. They do no harm, and `gc` removes them. */
  readonly orphans: ReadonlyArray<string>
  /** What there is and was not looked at. */
  readonly notLookedAt: ReadonlyArray<string>
}

export interface VerifyOptions {
  /** Whether damaged results are moved to the quarantine. Default no: nothing is written. */
  readonly drop?: boolean
  /** Default `bytes`. */
  readonly depth?: Depth
  /** Told of each object after it was compared. */
  readonly onObject?: (done: { readonly hash: string; readonly bytes: number }) => void
}

type Store = ArtifactStore["Type"]

interface Unreadable {
  readonly path: string
  readonly why: string
}

const isFolder = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** The paths of the records in a folder; what is no folder is told. */
const recordPaths = (store: Store, folder: string, unreadable: Array<Unreadable>) =>
  ioSync("listing the records", folder, (): ReadonlyArray<string> => {
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) return []
    if (!isFolder(folder) || !store.isInside(folder)) {
      unreadable.push({ path: folder, why: "is not the folder of records that it should be" })
      return []
    }
    return folderEntries(folder).map((name) => join(folder, name))
  })

/** Reads every record of a folder with `parse`. */
const checkRecords = (
  store: Store,
  folder: string,
  parse: (text: string, path: string) => Either.Either<unknown, string>,
  unreadable: Array<Unreadable>,
) =>
  Effect.gen(function* () {
    let read = 0
    for (const [position, path] of (yield* recordPaths(store, folder, unreadable)).entries()) {
      yield* letEventsIn(position)
      const text = yield* store.readRecord(path)
      if (text === undefined) continue
      const parsed = Either.flatMap(text, (read) => parse(read, path))
      if (Either.isLeft(parsed)) unreadable.push({ path, why: parsed.left })
      else read++
    }
    return read
  })

/** A plan, whose name is the hash of what it holds. */
const namedByHash = (text: string, path: string): Either.Either<string, string> =>
  Either.flatMap(openRecord(text), ({ json }) =>
    `${createHash("sha256").update(json).digest("hex")}.json` === basename(path)
      ? Either.right(json)
      : Either.left("its bytes are not those that its name says"),
  )

/** Links of `latest` that do not lead to an object of this store. */
const strayLinks = (store: Store): ReadonlyArray<Unreadable> => {
  const objects = join(store.directory, "objects")
  const stray: Array<Unreadable> = []
  const look = (path: string): void => {
    const stat = lstatSync(path)
    if (stat.isDirectory()) for (const name of folderEntries(path)) look(join(path, name))
    else if (!stat.isSymbolicLink()) stray.push({ path, why: "is neither a link to a result nor a folder of them" })
    else {
      const target = resolve(dirname(path), readlinkSync(path))
      const leads = relative(objects, target)
      if (!/^[0-9a-f]{2}[/\\][0-9a-f]{64}$/.test(leads)) stray.push({ path, why: "leads out of the store's objects" })
      else if (!store.isInside(target)) stray.push({ path, why: "leads to what is not there" })
    }
  }
  for (const name of folderEntries(join(store.directory, "latest"))) look(join(store.directory, "latest", name))
  return stray
}

/** What stands in the place of a folder of the store: no run takes the store so. */
const strangeFolders = (store: Store): ReadonlyArray<Unreadable> =>
  storeFolders
    // A folder of records is told with the records.
    .filter((name) => name !== "runs")
    .map((name) => join(store.directory, name))
    .filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
    .map((path) => ({ path, why: "is a link, or no folder, and no run takes the store so" }))

/** Compares what is in the store with what was recorded when it was written. */
export const verifyStore = (options: VerifyOptions = {}): Effect.Effect<VerifyReport, StoreError, ArtifactStore> =>
  Effect.scoped(
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const depth = options.depth ?? "bytes"
      const session = options.drop ? yield* Effect.zipRight(store.prepare, store.session("verify")) : undefined
      let results = 0
      const unreadable: Array<Unreadable> = []
      if (store.storeFileDamage !== undefined) {
        unreadable.push({ path: join(store.directory, "store.json"), why: store.storeFileDamage })
      }
      unreadable.push(
        ...(yield* ioSync("looking at the store's folders", store.directory, () => strangeFolders(store))),
      )
      const checked = new NumberedNames()
      const unsound = new Map<string, ReadonlyArray<Damage>>()
      const damaged: Array<VerifyReport["damaged"][number]> = []
      let bytes = 0
      /** Compares the objects of a result; nothing of it is kept, so that memory does not grow with the store. */
      const check = (manifest: Manifest) =>
        Effect.gen(function* () {
          yield* letEventsIn(results++)
          const damage: Array<Damage> = []
          for (const [output, record] of Object.entries(manifest.outputs)) {
            let found = unsound.get(record.hash) ?? []
            if (checked.find(record.hash) === undefined) {
              found = yield* store.damageOf(output, record, depth)
              checked.add(record.hash)
              if (found.length > 0) unsound.set(record.hash, found)
              bytes += record.bytes
              options.onObject?.({ hash: record.hash, bytes: record.bytes })
            }
            damage.push(...found.map((file) => ({ ...file, output })))
          }
          if (damage.length === 0) return
          if (session !== undefined) yield* store.quarantine(session, manifest, damage)
          damaged.push({
            stage: manifest.stage,
            key: manifest.actionKey,
            node: manifest.provenance.node,
            damage,
            dropped: session !== undefined,
          })
        })
      let unsealed = 0
      let records = yield* checkRecords(store, join(store.directory, "runs"), parseRunRecord, unreadable)
      records += yield* checkRecords(store, join(store.directory, "plans"), namedByHash, unreadable)
      for (const stage of yield* store.stages) {
        for (const path of yield* recordPaths(store, join(store.directory, "manifests", stage), unreadable)) {
          const key = relative(join(store.directory, "manifests", stage), path).replace(/\.json$/, "")
          const found = yield* path.endsWith(".json")
            ? store.readManifest(stage, key)
            : Effect.succeed({ _tag: "Unreadable", why: "is not a record of a result" } as const)
          if (found._tag === "Found") yield* check(found.manifest)
          if (found._tag === "Found" && !found.sealed) unsealed++
          if (found._tag === "Unreadable") unreadable.push({ path, why: found.why })
        }
        records += yield* checkRecords(store, join(store.directory, "history", stage), parseFormerResult, unreadable)
      }
      unreadable.push(...(yield* ioSync("looking at the latest results", store.directory, () => strayLinks(store))))
      if (session !== undefined) {
        // `store.json` was written anew when the session began.
        for (const { path, why } of unreadable) {
          if (path !== join(store.directory, "store.json")) yield* store.setAside(session, path, why)
        }
      }
      let objects = 0
      const orphans: Array<string> = []
      yield* ioSync("listing the objects", store.directory, () => {
        for (const prefix of folderEntries(join(store.directory, "objects"))) {
          for (const hash of folderEntries(join(store.directory, "objects", prefix))) {
            objects++
            if (checked.find(hash) === undefined) orphans.push(hash)
          }
        }
      })
      return {
        directory: store.directory,
        depth,
        results,
        objects,
        bytes,
        records,
        unsealed,
        damaged,
        unreadable: unreadable.map(({ path, why }) => ({
          file: relative(store.directory, path),
          why,
          dropped: session !== undefined,
        })),
        orphans,
        notLookedAt: ["catalog.duckdb", "hints.json", "logs", "remotes", "scratch", "quarantine"].filter((name) => {
          const path = join(store.directory, name)
          return isFolder(path)
            ? folderEntries(path).length > 0
            : lstatSync(path, { throwIfNoEntry: false }) !== undefined
        }),
      }
    }),
  )
