import { createHash } from "node:crypto"
import { existsSync, lstatSync, rmSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { makeFolders } from "../../schemas/index.ts"
import { type FileRecord, type FolderContent, sealFolder } from "./FolderContent.ts"
import { type Manifest, type OutputRecord, parseManifest } from "./Manifest.ts"
import { type Remote, RemoteError } from "./Remote.ts"
import type { Session } from "./Session.ts"
import { ioSync, type StoreError } from "./StoreError.ts"
import { withLock } from "./withLock.ts"

/** What became of a result that was shared. */
export interface Shared {
  /** What counts from now on: the first that was written under the key. */
  readonly manifest: Manifest
  /** Where that is another's with other bytes: what to say of it. */
  readonly nondeterministic: string | undefined
}

/** Bytes that came or went. */
export interface Moved {
  readonly direction: "pulled" | "pushed"
  readonly bytes: number
  readonly seconds: number
}

/** What the store's folder and a remote behind it have to do with each other. */
export interface SharedResults {
  /** The remote, as it is told to people. */
  readonly address: string
  /** A folder of this one's own that has what is known of the remote, from the store's folder on. */
  readonly knownFolder: string
  /** Whether the remote is known to have a result: it was read from there, or written. Nobody is asked. */
  readonly isKnown: (stage: string, key: string) => boolean
  /**
   * The result under a key as the remote has it; `undefined` where it has none, none that can be read, or one whose bytes were found
   * wrong. Its objects need not be in the folder.
   *
   * @param session remembers what was found; without it nothing is written.
   */
  readonly find: (
    stage: string,
    key: string,
    session: Session | undefined,
  ) => Effect.Effect<Manifest | undefined, RemoteError | StoreError>
  /**
   * Sees to it that an object is in the folder, with every byte as its hash says; `false` where the remote has not got it so. One that
   * is there is not looked at.
   */
  readonly bring: (
    record: OutputRecord,
    onMoved?: (moved: Moved) => void,
    onBytes?: (bytes: number) => void,
  ) => Effect.Effect<boolean, RemoteError | StoreError>
  /** Whether an object is of a result that was found in the remote by this process. */
  readonly knows: (hash: string) => boolean
  /** As `bring`, of an object of a result that was found before in this process. */
  readonly bringHash: (
    hash: string,
    onMoved?: (moved: Moved) => void,
  ) => Effect.Effect<boolean, RemoteError | StoreError>
  /** The text of another record, by its path in a store: it is whoever reads it that compares it with its hash. */
  readonly readRecord: Remote["readRecord"]
  /** Writes another record. `ifAbsent`, where its path is made of its own hash: one that is there is the same. */
  readonly putRecord: Remote["putRecord"]
  /** Writes a result of the folder to the remote: objects first, the manifest last. The first manifest under a key stays. */
  readonly share: (
    session: Session,
    manifest: Manifest,
    onMoved?: (moved: Moved) => void,
    onBytes?: (bytes: number) => void,
  ) => Effect.Effect<Shared, RemoteError | StoreError>
}

/** What of the folder is needed here. */
export interface LocalFolder {
  readonly directory: string
  readonly objectPath: (hash: string) => string
  readonly manifestPath: (stage: string, key: string) => string
  readonly readRecord: (path: string) => Effect.Effect<Either.Either<string, string> | undefined, StoreError>
  readonly prepare: Effect.Effect<void, StoreError>
  readonly session: (purpose: string) => Effect.Effect<Session, StoreError, Scope.Scope>
  readonly placeObject: (
    session: Session,
    folder: string,
    content: FolderContent,
  ) => Effect.Effect<FolderContent, StoreError>
  readonly writeWhole: (session: Session, path: string, text: string) => Effect.Effect<void, StoreError>
}

/** How often files that came with wrong bytes are asked for. */
const pulls = 3

/** A path within an artifact that stays within: manifests of a remote are other people's. */
export const isPathWithin = (path: string): boolean =>
  !/[\\\0]|^[a-z]:/i.test(path) && path.split("/").every((part) => part !== "" && part !== "." && part !== "..")

const hashesOf = ({ outputs }: Manifest): string =>
  Object.entries(outputs)
    .map(([name, { hash }]) => `${name} ${hash}`)
    .sort()
    .join(", ")

const recordPath = (stage: string, key: string): string => `manifests/${stage}/${key}.json`

const isFolder = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true

export const sharedResults = (local: LocalFolder, remote: Remote): SharedResults => {
  const { address } = remote
  // Another remote knows other results.
  const knownFolder = join("remotes", createHash("sha256").update(address).digest("hex").slice(0, 16))
  const knownPath = (stage: string, key: string): string => join(local.directory, knownFolder, stage, `${key}.json`)
  /** Objects that the remote has not as it should. */
  const unsound = new Set<string>()
  /** What was found of the remote in this process, by the hashes of its objects. */
  const makers = new Map<string, Set<Manifest>>()

  const learn = (manifest: Manifest): void => {
    for (const { hash } of Object.values(manifest.outputs)) {
      makers.set(hash, (makers.get(hash) ?? new Set()).add(manifest))
    }
  }
  const isUsable = ({ outputs }: Manifest): boolean =>
    Object.values(outputs).every(
      ({ files, hash }) => !unsound.has(hash) && files.every(({ path }) => isPathWithin(path)),
    )

  const manifestIn = (text: string | undefined, stage: string, key: string): Manifest | undefined =>
    text === undefined ? undefined : Either.getOrUndefined(parseManifest(text.trimEnd(), stage, key))?.manifest

  const remember = (session: Session | undefined, stage: string, key: string, text: string) =>
    session === undefined || session.readOnly !== undefined
      ? Effect.void
      : local.writeWhole(session, knownPath(stage, key), text)

  const forget = (stage: string, key: string): void => rmSync(knownPath(stage, key), { force: true })

  const find: SharedResults["find"] = (stage, key, session) =>
    Effect.gen(function* () {
      const known = yield* local.readRecord(knownPath(stage, key))
      const remembered = known === undefined ? undefined : manifestIn(Either.getOrUndefined(known), stage, key)
      if (remembered !== undefined) {
        if (!isUsable(remembered)) return undefined
        learn(remembered)
        return remembered
      }
      const text = yield* remote.readRecord(recordPath(stage, key))
      const manifest = manifestIn(text, stage, key)
      if (text === undefined || manifest === undefined || !isUsable(manifest)) return undefined
      learn(manifest)
      yield* remember(session, stage, key, text)
      return manifest
    })

  /** Results of which everything is in the folder now are results of the folder. */
  const complete = (session: Session, hash: string) =>
    Effect.gen(function* () {
      for (const { actionKey, outputs, stage } of makers.get(hash) ?? []) {
        if (existsSync(local.manifestPath(stage, actionKey))) continue
        if (!Object.values(outputs).every((output) => isFolder(local.objectPath(output.hash)))) continue
        const text = yield* local.readRecord(knownPath(stage, actionKey))
        if (text === undefined || Either.isLeft(text)) continue
        yield* local.writeWhole(session, local.manifestPath(stage, actionKey), text.right)
      }
    })

  /** Pulls an object; `false` where what comes is not what it should be. */
  const pull = (session: Session, record: OutputRecord, onBytes: (bytes: number) => void) =>
    Effect.gen(function* () {
      const folder = join(session.tmp, `pulled-${record.hash}`)
      yield* ioSync("making a work area", folder, () => makeFolders(folder))
      let files: ReadonlyArray<FileRecord> = record.files
      for (let attempt = 0; attempt < pulls && files.length > 0; attempt++) {
        yield* remote.pull(record.hash, files, folder, onBytes)
        const content = yield* sealFolder(folder)
        if (content.hash === record.hash) {
          yield* local.placeObject(session, folder, content)
          return true
        }
        const came = new Map(content.files.map((file) => [file.path, file]))
        // Where all files are as the record says, it is the record that is not.
        files = record.files.filter(({ bytes, path, sha256 }) => {
          const file = came.get(path)
          return file?.sha256 !== sha256 || file.bytes !== bytes
        })
        yield* ioSync("removing wrong bytes", folder, () => {
          for (const { path } of files) rmSync(join(folder, path), { force: true })
        })
      }
      return false
    })

  const bring: SharedResults["bring"] = (record, onMoved, onBytes = () => {}) =>
    Effect.suspend(() => {
      if (isFolder(local.objectPath(record.hash))) return Effect.succeed(true)
      if (unsound.has(record.hash) || !record.files.every(({ path }) => isPathWithin(path))) {
        return Effect.succeed(false)
      }
      return Effect.scoped(
        Effect.gen(function* () {
          const session = yield* Effect.zipRight(local.prepare, local.session("pull"))
          return yield* withLock(
            session,
            `pull-${record.hash}`,
            Effect.gen(function* () {
              // Another process may have brought it meanwhile.
              const start = performance.now()
              const isHere = isFolder(local.objectPath(record.hash))
              if (!isHere) yield* session.beat
              const brought =
                isHere ||
                (yield* Effect.catchIf(
                  pull(session, record, onBytes),
                  (error) => error instanceof RemoteError && ["Missing", "WrongBytes"].includes(error.reason),
                  () => Effect.succeed(false),
                ))
              if (brought) {
                yield* complete(session, record.hash)
                if (!isHere) {
                  onMoved?.({ direction: "pulled", bytes: record.bytes, seconds: (performance.now() - start) / 1000 })
                }
              } else {
                unsound.add(record.hash)
                for (const { actionKey, stage } of makers.get(record.hash) ?? []) forget(stage, actionKey)
              }
              return brought
            }),
          )
        }),
      )
    })

  const share: SharedResults["share"] = (session, manifest, onMoved, onBytes) =>
    Effect.gen(function* () {
      const { actionKey, outputs, stage } = manifest
      const path = recordPath(stage, actionKey)
      const start = performance.now()
      const before = manifestIn(yield* remote.readRecord(path), stage, actionKey)
      const first = before !== undefined && isUsable(before) ? before : undefined
      const ours = yield* local.readRecord(local.manifestPath(stage, actionKey))
      if (ours === undefined || Either.isLeft(ours)) return { manifest, nondeterministic: undefined }
      let pushed = 0
      if (first === undefined || hashesOf(first) === hashesOf(manifest)) {
        for (const record of Object.values(outputs)) {
          const count = (bytes: number): void => {
            pushed += bytes
            onBytes?.(bytes)
          }
          yield* remote.push(record, local.objectPath(record.hash), unsound.has(record.hash), count)
          unsound.delete(record.hash)
        }
      }
      let text: string | undefined
      let there: Manifest | undefined
      for (let attempt = 0; attempt < pulls && there === undefined; attempt++) {
        if (first === undefined) {
          yield* remote.putRecord(path, ours.right, before === undefined && attempt === 0)
        }
        text = yield* remote.readRecord(path)
        there = manifestIn(text, stage, actionKey)
      }
      if (text === undefined || there === undefined) {
        return yield* new RemoteError({
          reason: "Refused",
          address,
          during: `sharing ${stage} ${actionKey.slice(0, 12)}`,
          detail: "what was written cannot be read back",
        })
      }
      if (first === undefined) {
        onMoved?.({ direction: "pushed", bytes: pushed, seconds: (performance.now() - start) / 1000 })
      }
      learn(there)
      yield* remember(session, stage, actionKey, text)
      if (hashesOf(there) === hashesOf(manifest)) return { manifest, nondeterministic: undefined }
      const own = local.manifestPath(stage, actionKey)
      yield* ioSync("giving way to the first result", own, () => rmSync(own, { force: true }))
      return {
        manifest: there,
        nondeterministic: `nondeterministic: ${address} has other bytes under the same key, of run ${there.provenance.run} on ${there.provenance.host}, and the first stays: there ${hashesOf(there)}; made here ${hashesOf(manifest)}`,
      }
    })

  return {
    address,
    knownFolder,
    isKnown: (stage, key) => existsSync(knownPath(stage, key)),
    find,
    bring,
    knows: (hash) => makers.has(hash) && !unsound.has(hash),
    bringHash: (hash, onMoved) => {
      if (isFolder(local.objectPath(hash))) return Effect.succeed(true)
      const [maker] = makers.get(hash) ?? []
      const record = Object.values(maker?.outputs ?? {}).find((output) => output.hash === hash)
      return record === undefined ? Effect.succeed(false) : bring(record, onMoved)
    },
    readRecord: remote.readRecord,
    putRecord: remote.putRecord,
    share,
  }
}
