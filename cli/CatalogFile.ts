import { createHash } from "node:crypto"
import { existsSync, lstatSync, readFileSync, renameSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import {
  ArtifactStore,
  type DuckDb,
  type DuckDbError,
  io,
  type Session,
  StoreError,
  saysDiskFull,
} from "../pipeline/index.ts"
import { type CatalogResult, catalogPath, rewriteEveryScore } from "./Catalog.ts"
import { writeError } from "./Terminal.ts"

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex")

const stampFile = (store: string): string => join(store, "catalog.stamp")

/** Whether a path is a file of its own, as the catalog and what stands beside it are: no folder, and no link. */
const isFile = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true

/** What the file beside the catalog says of one that shows something, told by its hash, and has these bytes. */
const catalogStamp = (store: string, shown: string): string | undefined =>
  isFile(catalogPath(store)) ? `${shown} ${sha256(readFileSync(catalogPath(store)))}` : undefined

/** The hash of what the catalog shows, if the file beside it says that of these bytes. */
const shownBy = (store: string): string | undefined => {
  if (!isFile(stampFile(store))) return undefined
  const stamp = readFileSync(stampFile(store), "utf8")
  const [shown = ""] = stamp.split(" ")
  return stamp === catalogStamp(store, shown) ? shown : undefined
}

/** Whether the catalog shows this, and is as it was written. */
export const catalogShows = (store: string, what: string): boolean => shownBy(store) === sha256(what)

const stampCatalog = (session: Session, shown: string) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    yield* store.writeWhole(session, stampFile(store.directory), catalogStamp(store.directory, shown) ?? "")
  })

/** Says beside a new catalog what it shows. */
export const stampNewCatalog = (session: Session, what: string) => stampCatalog(session, sha256(what))

/** The collections that scores belong to, by their content hash: a comparison names the collections whose scores it reads. */
const collectionsOfScores = Effect.gen(function* () {
  const store = yield* ArtifactStore
  const names = new Map<string, string>()
  const told = new Map<string, string>()
  yield* store.eachManifest("compare", ({ key, provenance }) => {
    const config = key.config
    const datasets = typeof config === "object" && config !== null && "datasets" in config ? config["datasets"] : []
    if (!Array.isArray(datasets)) return
    for (const [position, hash] of (key.inputs["scores"] ?? []).entries()) {
      const name: unknown = datasets[position]
      // The newest says it last.
      if (typeof name !== "string" || provenance.at < (told.get(hash) ?? "")) continue
      names.set(hash, name)
      told.set(hash, provenance.at)
    }
  })
  return names
})

/** The scores of every evaluation in the store, oldest first. */
export const storedScores = Effect.gen(function* () {
  const store = yield* ArtifactStore
  const collections = yield* collectionsOfScores
  const results: Array<CatalogResult> = []
  yield* store.eachManifest("evaluate", ({ actionKey, outputs, provenance }) => {
    const hash = outputs["scores"]?.hash
    if (hash === undefined) return
    results.push({ result: actionKey.slice(0, 12), finishedAt: provenance.at, dataset: collections.get(hash), hash })
  })
  return results.sort((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1))
})

/**
 * Puts a new catalog in the place of the one there is, whole or not at all: it is written in a session's work area, which a later
 * run removes if this one is killed. On a store that cannot be written to the old one stays, and that is said.
 *
 * @param write fills a database file that is not there yet, or is a copy of the catalog.
 * @param then runs when the catalog is in place, in the same session.
 */
export const replaceCatalog = <E>(
  write: (file: string) => Effect.Effect<void, DuckDbError | E, DuckDb>,
  then: (session: Session) => Effect.Effect<void, StoreError, ArtifactStore>,
) =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const path = catalogPath(store.directory)
    const failed = (cause: unknown): StoreError =>
      new StoreError({
        reason: saysDiskFull(cause) ? "DiskFull" : "Io",
        during: saysDiskFull(cause)
          ? "writing the catalog that SQL asks"
          : "writing the catalog that SQL asks, which reads every table's footer: if one is damaged, `verify --drop` sets it aside and the next run makes it again",
        path,
        cause,
      })
    yield* Effect.scoped(
      Effect.gen(function* () {
        const session = yield* Effect.zipRight(store.prepare, store.session("catalog"))
        const file = join(session.tmp, "catalog.duckdb")
        yield* Effect.mapError(write(file), (error) => (error instanceof StoreError ? error : failed(error)))
        // Whatever else is in its place is kept aside.
        if (existsSync(path) && !isFile(path)) yield* store.setAside(session, path, "is not the catalog's file")
        yield* Effect.try({ try: () => renameSync(file, path), catch: failed })
        yield* then(session)
      }),
    ).pipe(
      Effect.catchIf(
        (error) => error.reason === "NotWritable",
        (error) => writeError(`! The catalog shows an earlier run, for it cannot be written: ${error.message}\n`),
      ),
    )
  })

/** Takes what is no longer stored out of the catalog's `every_score`; its other views show the last run, which is kept. */
export const forgetScores = Effect.gen(function* () {
  const store = yield* ArtifactStore
  const path = catalogPath(store.directory)
  if (!isFile(path)) return
  const results = yield* storedScores
  const shown = shownBy(store.directory)
  yield* replaceCatalog(
    (file) =>
      Effect.zipRight(
        io("copying the catalog", file, () => copyFile(path, file)),
        rewriteEveryScore(store.directory, file, results),
      ),
    // What the last run sees of it is as it was.
    (session) => (shown === undefined ? Effect.void : stampCatalog(session, shown)),
  )
})
