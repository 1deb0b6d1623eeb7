import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { rename, rm } from "node:fs/promises"
import { dirname, join, relative, resolve, sep } from "node:path"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { causeText, makeFolders } from "../../schemas/index.ts"
import { type FolderContent, folderContent, listFiles, sealFolder, syncDirectory } from "./FolderContent.ts"
import { folderEntries } from "./folderEntries.ts"
import { letEventsIn } from "./letEventsIn.ts"
import {
  type FormerResult,
  type Manifest,
  type OutputRecord,
  parseFormerResult,
  parseKey,
  parseManifest,
  type ReadManifest,
  type SeenKey,
} from "./Manifest.ts"
import { sealedRecord } from "./SealedRecord.ts"
import { openSession, type Session } from "./Session.ts"
import type { SharedResults } from "./SharedResults.ts"
import { errorCode, io, ioSync, isAbsent, StoreError } from "./StoreError.ts"
import { findStore, storeFileText } from "./StoreFile.ts"

/** A file of a stored artifact that is not as it was written. */
export interface Damage {
  readonly output: string
  readonly hash: string
  readonly file: string
  readonly kind: "missing" | "size" | "bytes" | "added"
}

/** What the store knows under a key. */
export type Lookup =
  | { readonly _tag: "Found"; readonly manifest: Manifest }
  | { readonly _tag: "Unknown" }
  /** There is a manifest, but it cannot be believed. */
  | { readonly _tag: "Unreadable"; readonly why: string }
  /** There is a manifest, but its objects are not whole. */
  | { readonly _tag: "Damaged"; readonly manifest: Manifest; readonly damage: ReadonlyArray<Damage> }

/** How much of an object is compared: names and sizes, or every byte. */
export type Depth = "sizes" | "bytes"

/**
 * The content-addressed store:
 *
 * - `objects/ab/<hash>/…`: immutable folders, addressed by their content hash;
 * - `manifests/<stage>/<action key>.json`: a result exists if and only if its manifest does;
 * - `history/<stage>/<action key>.json`: what results that are gone were made of, to explain;
 * - `runs/<run>.json`, `latest/<node>` (links), `locks/`, `tmp/<run>/`, `scratch/<action key>/`, `quarantine/`, `store.json`.
 */
export class ArtifactStore extends Context.Tag("rankdag/ArtifactStore")<
  ArtifactStore,
  {
    /** Absolute path of the folder that holds what is listed above. It need not be the one that was given. */
    readonly directory: string
    /** Something that the user should know about the folder, such as that another version's store lies in it. */
    readonly notice: string | undefined
    /** What is wrong with `store.json`, which the next session that can write mends. */
    readonly storeFileDamage: string | undefined
    /** What lies behind the folder, which then need not hold all results; `undefined` where the folder is all there is. */
    readonly remote: SharedResults | undefined
    /** Whether a path of the store is what it seems: no link leads elsewhere. */
    readonly isInside: (path: string) => boolean
    /** The text of a record; `Left` says what stands in its place. `undefined` where there is nothing. */
    readonly readRecord: (path: string) => Effect.Effect<Either.Either<string, string> | undefined, StoreError>
    /** Makes the store's folders. */
    readonly prepare: Effect.Effect<void, StoreError>
    readonly session: (purpose: string) => Effect.Effect<Session, StoreError, Scope.Scope>
    readonly objectPath: (hash: string) => string
    readonly manifestPath: (stage: string, key: string) => string
    /** The manifest under a key, whether or not its objects are whole. */
    readonly readManifest: (
      stage: string,
      key: string,
    ) => Effect.Effect<
      | ({ readonly _tag: "Found" } & ReadManifest)
      | Exclude<Lookup, { readonly _tag: "Damaged" } | { readonly _tag: "Found" }>,
      StoreError
    >
    readonly lookup: (stage: string, key: string, depth: Depth) => Effect.Effect<Lookup, StoreError>
    /** Compares an output's object with its record. */
    readonly damageOf: (
      output: string,
      record: OutputRecord,
      depth: Depth,
    ) => Effect.Effect<ReadonlyArray<Damage>, StoreError>
    /** Stage names under which results were recorded. */
    readonly stages: Effect.Effect<ReadonlyArray<string>, StoreError>
    /** Hands over the readable manifests of a stage, one after the other. */
    readonly eachManifest: (stage: string, take: (manifest: Manifest) => void) => Effect.Effect<void, StoreError>
    /** Hands over the key documents of a stage's results, and then those of its former results, as a quick look finds them. */
    readonly eachKeyDocument: (
      stage: string,
      take: (seen: SeenKey & { readonly key: string; readonly present: boolean }) => void,
    ) => Effect.Effect<void, StoreError>
    readonly formerResult: (stage: string, key: string) => Effect.Effect<FormerResult | undefined, StoreError>
    /** Seals a folder of a session's work area and moves it to its address; an equal object that is there already is kept. */
    readonly putObject: (session: Session, folder: string) => Effect.Effect<FolderContent, StoreError>
    /** Moves a folder that is sealed to its address, as `putObject` does. */
    readonly placeObject: (
      session: Session,
      folder: string,
      content: FolderContent,
    ) => Effect.Effect<FolderContent, StoreError>
    /** Records a result, after all its objects. From then on it exists. */
    readonly putManifest: (session: Session, manifest: Manifest) => Effect.Effect<void, StoreError>
    /** Moves an object, and the manifest that names it, out of the way. */
    readonly quarantine: (
      session: Session,
      manifest: Manifest,
      damage: ReadonlyArray<Damage>,
    ) => Effect.Effect<void, StoreError>
    /** Moves whatever lies at a path of the store out of the way. */
    readonly setAside: (session: Session, path: string, why: unknown) => Effect.Effect<void, StoreError>
    /** The names of parts that `latest` points at, `rerank.minilm.2of4`, by the node that joins them. */
    readonly latestParts: Effect.Effect<ReadonlyMap<string, ReadonlyArray<string>>, StoreError>
    /** Points at nothing any more for a node that is none now. */
    readonly forgetLatest: (node: string) => Effect.Effect<void, StoreError>
    /** Turns a manifest into history: the result does not exist any more, but what it was made of is still known. */
    readonly retire: (session: Session, manifest: Manifest, why: FormerResult["why"]) => Effect.Effect<void, StoreError>
    /**
     * Points `latest/<node>` (or `latest/<node>/<output>` where there are several) at a node's outputs. An output that lies in the
     * remote alone has no link, and no older one either.
     */
    readonly pointLatest: (
      session: Session,
      node: string,
      outputs: Readonly<Record<string, string>>,
    ) => Effect.Effect<void, StoreError>
    /**
     * Writes a file that other processes see whole or not at all, in the place of whatever is there. `record` writes a JSON object
     * with a hash over its bytes.
     */
    readonly writeRecord: (session: Session, path: string, json: string) => Effect.Effect<void, StoreError>
    readonly writeWhole: (session: Session, path: string, text: string) => Effect.Effect<void, StoreError>
  }
>() {}

const formerAt = (path: string): FormerResult | undefined => {
  const text = readText(path)
  return text === undefined ? undefined : Either.getOrUndefined(Either.flatMap(text, parseFormerResult))
}

const notAFolder = (path: string): StoreError =>
  new StoreError({
    reason: "Io",
    during: "opening the store",
    path,
    cause: new Error(
      "it is a link, or no folder: a store lies on one file system, whole. Move the store itself, or name another with --artifacts",
    ),
  })

/** What a store's own folders are called. */
export const storeFolders = [
  "objects",
  "manifests",
  "history",
  "runs",
  "latest",
  "locks",
  "tmp",
  "scratch",
  "quarantine",
]

/** Reads a record's text. What is not a file, or cannot be read, is damage of that one record. */
const readText = (path: string): Either.Either<string, string> | undefined => {
  try {
    const stat = lstatSync(path)
    if (stat.isSymbolicLink()) return Either.left("is a link, and not the record itself")
    if (!stat.isFile()) return Either.left("is not a file")
    return Either.right(readFileSync(path, "utf8"))
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    if (["EMFILE", "ENFILE", "ENOMEM"].includes(errorCode(cause))) throw cause
    return Either.left(`cannot be read: ${causeText(cause)}`)
  }
}

/** The store in a folder, which need not exist yet: nothing is written before a run begins. */
export const openFolder = (given: string): Effect.Effect<ArtifactStore["Type"], StoreError> =>
  Effect.gen(function* () {
    const outer = resolve(given)
    const found = yield* ioSync("opening the store", outer, () => findStore(outer))
    const { directory, notice } = found
    let root: string | undefined
    const isInside = (path: string): boolean => {
      try {
        root ??= realpathSync.native(directory)
        return realpathSync.native(path) === join(root, relative(directory, path))
      } catch {
        return false
      }
    }
    /** Keys of the records of a stage. */
    const recordsOf = (folder: "manifests" | "history", stage: string) =>
      ioSync("listing the results", join(directory, folder, stage), () =>
        folderEntries(join(directory, folder, stage)).flatMap((file) =>
          file.endsWith(".json") ? [file.slice(0, -".json".length)] : [],
        ),
      )
    const readRecord = (path: string) => ioSync("reading a record", path, () => readText(path))

    const objectPath = (hash: string) => join(directory, "objects", hash.slice(0, 2), hash)
    const manifestPath = (stage: string, key: string) => join(directory, "manifests", stage, `${key}.json`)
    const historyPath = (stage: string, key: string) => join(directory, "history", stage, `${key}.json`)

    const aside = (session: Session, what: string): void => {
      const name = `${relative(directory, what).split(sep).join("-")}-${session.id}-${temporaries++}`
      renameSync(what, join(directory, "quarantine", name))
    }
    /** Makes a folder of the store; a link or a file in its place is kept aside, and nothing behind a link is touched. */
    const ownFolder = (session: Session, folder: string): void => {
      if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) aside(session, folder)
      makeFolders(folder)
    }

    const writeRecord = (session: Session, path: string, json: string) => writeWhole(session, path, sealedRecord(json))
    const writeWhole = (session: Session, path: string, text: string) =>
      ioSync("writing a record", path, () => {
        ownFolder(session, dirname(path))
        if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === false) aside(session, path)
        const temporary = join(session.tmp, `.${temporaries++}.json`)
        const file = openSync(temporary, "wx")
        try {
          writeFileSync(file, text)
          fsyncSync(file)
        } finally {
          closeSync(file)
        }
        renameSync(temporary, path)
        const folder = openSync(dirname(path), "r")
        try {
          fsyncSync(folder)
        } finally {
          closeSync(folder)
        }
      })
    let temporaries = 0

    const damageOf = (output: string, record: OutputRecord, depth: Depth) =>
      Effect.gen(function* () {
        const path = objectPath(record.hash)
        const found = yield* Effect.catchAll(
          isInside(path) ? ioSync("checking an artifact", path, () => listFiles(path)) : Effect.succeed([]),
          // An unreadable folder is as good as none: the artifact has to be made again.
          () => Effect.succeed([]),
        )
        const sizes = new Map(found.map((file) => [file.path, file.bytes]))
        const damage: Array<Damage> = []
        const add = (file: string, kind: Damage["kind"]) => damage.push({ output, hash: record.hash, file, kind })
        for (const file of record.files) {
          const size = sizes.get(file.path)
          if (size === undefined) add(file.path, "missing")
          else if (size !== file.bytes) add(file.path, "size")
          sizes.delete(file.path)
        }
        for (const file of sizes.keys()) add(file, "added")
        if (depth === "bytes" && damage.length === 0) {
          const content = yield* folderContent(path)
          const now = new Map(content.files.map((file) => [file.path, file.sha256]))
          for (const file of record.files) if (now.get(file.path) !== file.sha256) add(file.path, "bytes")
          // The manifest's own list of files does not hash to the address it names.
          if (damage.length === 0 && content.hash !== record.hash) add(".", "bytes")
        }
        return damage
      })

    const readManifest = (stage: string, key: string): ReturnType<ArtifactStore["Type"]["readManifest"]> => {
      const path = manifestPath(stage, key)
      return Effect.map(readRecord(path), (text): Effect.Effect.Success<ReturnType<typeof readManifest>> => {
        if (text === undefined) return { _tag: "Unknown" }
        if (Either.isRight(text) && !isInside(path)) return { _tag: "Unreadable", why: "lies behind a link" }
        return Either.match(
          Either.flatMap(text, (json) => parseManifest(json, stage, key)),
          {
            onLeft: (why) => ({ _tag: "Unreadable", why }),
            onRight: ({ manifest, sealed }) => ({ _tag: "Found", manifest, sealed }),
          },
        )
      })
    }

    const lookup = (stage: string, key: string, depth: Depth): Effect.Effect<Lookup, StoreError> =>
      Effect.gen(function* () {
        const found = yield* readManifest(stage, key)
        if (found._tag !== "Found") return found
        const { manifest } = found
        const damage: Array<Damage> = []
        for (const [output, record] of Object.entries(manifest.outputs)) {
          damage.push(...(yield* damageOf(output, record, depth)))
        }
        return damage.length === 0 ? { _tag: "Found", manifest } : { _tag: "Damaged", manifest, damage }
      })

    const retire = (session: Session, manifest: Manifest, why: FormerResult["why"]) =>
      Effect.gen(function* () {
        const former: FormerResult = { manifest, at: new Date().toISOString(), why }
        yield* writeRecord(session, historyPath(manifest.stage, manifest.actionKey), JSON.stringify(former))
        const path = manifestPath(manifest.stage, manifest.actionKey)
        yield* ioSync("removing a manifest", path, () => rmSync(path, { force: true }))
      })

    /** Moves an object away; gone already is as good. */
    const moveAside = (session: Session, hash: string, why: unknown) =>
      Effect.gen(function* () {
        const target = join(directory, "quarantine", `${hash}-${session.id}-${temporaries++}`)
        const moved = yield* ioSync("moving a damaged artifact to the quarantine", target, () => {
          try {
            ownFolder(session, dirname(objectPath(hash)))
            renameSync(objectPath(hash), target)
            return true
          } catch (cause) {
            if (errorCode(cause) === "ENOENT") return false
            throw cause
          }
        })
        if (moved) yield* writeWhole(session, `${target}.json`, JSON.stringify({ at: new Date().toISOString(), why }))
      })

    const putObject = (session: Session, folder: string) =>
      Effect.flatMap(sealFolder(folder), (content) => placeObject(session, folder, content))

    const placeObject = (session: Session, folder: string, content: FolderContent) =>
      Effect.gen(function* () {
        const path = objectPath(content.hash)
        const record: OutputRecord = { hash: content.hash, bytes: content.bytes, files: content.files }
        const move = io("storing a result", path, async () => {
          ownFolder(session, dirname(path))
          try {
            await rename(folder, path)
            await syncDirectory(dirname(path))
            await syncDirectory(join(directory, "objects"))
            return true
          } catch (cause) {
            if (errorCode(cause) === "ENOTEMPTY" || errorCode(cause) === "EEXIST") return false
            throw cause
          }
        })
        for (;;) {
          if (yield* move) return content
          // Equal bytes were stored before, if they still are equal.
          const damage = yield* damageOf("", record, "bytes")
          if (damage.length === 0) {
            yield* io("removing a duplicate", folder, () => rm(folder, { recursive: true, force: true }))
            return content
          }
          yield* moveAside(session, content.hash, damage)
        }
      })

    const pointAt = (session: Session, link: string, target: string) => {
      const wanted = relative(dirname(link), target)
      const stat = lstatSync(link, { throwIfNoEntry: false })
      if (stat?.isSymbolicLink() && readlinkSync(link) === wanted) return
      if (stat !== undefined && !stat.isSymbolicLink()) rmSync(link, { recursive: true, force: true })
      const parent = lstatSync(dirname(link), { throwIfNoEntry: false })
      if (parent !== undefined && !parent.isDirectory()) unlinkSync(dirname(link))
      makeFolders(dirname(link))
      const temporary = join(session.tmp, `.${temporaries++}.link`)
      symlinkSync(wanted, temporary)
      renameSync(temporary, link)
    }

    return {
      directory,
      notice,
      storeFileDamage: found.damage,
      remote: undefined,
      isInside,
      readRecord,
      prepare: Effect.flatMap(
        ioSync("making the store's folders", directory, () => {
          makeFolders(directory)
          const known = new Map(readdirSync(directory, { withFileTypes: true }).map((entry) => [entry.name, entry]))
          for (const folder of storeFolders) if (!known.has(folder)) makeFolders(join(directory, folder))
          return storeFolders.find((folder) => known.get(folder)?.isDirectory() === false)
        }),
        (strange) => (strange === undefined ? Effect.void : Effect.fail(notAFolder(join(directory, strange)))),
      ),
      session: (purpose) =>
        Effect.tap(openSession(directory, purpose), (session) => {
          const path = join(directory, "store.json")
          return existsSync(path) && found.damage === undefined ? Effect.void : writeWhole(session, path, storeFileText)
        }),
      objectPath,
      manifestPath,
      readManifest,
      lookup,
      damageOf,
      stages: ioSync("listing the results", directory, () =>
        [
          ...new Set([...folderEntries(join(directory, "manifests")), ...folderEntries(join(directory, "history"))]),
        ].sort(),
      ),
      eachManifest: (stage, take) =>
        Effect.gen(function* () {
          for (const [position, key] of (yield* recordsOf("manifests", stage)).entries()) {
            yield* letEventsIn(position)
            const found = yield* readManifest(stage, key)
            if (found._tag === "Found") take(found.manifest)
          }
        }),
      eachKeyDocument: (stage, take) =>
        Effect.gen(function* () {
          for (const folder of ["manifests", "history"] as const) {
            for (const [position, key] of (yield* recordsOf(folder, stage)).entries()) {
              yield* letEventsIn(position)
              const text = yield* readRecord(join(directory, folder, stage, `${key}.json`))
              if (text === undefined || Either.isLeft(text)) continue
              const seen = parseKey(text.right, folder === "history")
              if (seen !== undefined) take({ ...seen, key, present: folder === "manifests" })
            }
          }
        }),
      formerResult: (stage, key) =>
        ioSync("reading the history", historyPath(stage, key), () => formerAt(historyPath(stage, key))),
      putObject,
      placeObject,
      putManifest: (session, manifest) =>
        writeRecord(session, manifestPath(manifest.stage, manifest.actionKey), JSON.stringify(manifest)),
      quarantine: (session, manifest, damage) =>
        Effect.gen(function* () {
          // First the manifest: a result whose object is gone must not seem to exist.
          yield* retire(session, manifest, "damaged")
          for (const hash of new Set(damage.map((file) => file.hash))) {
            yield* moveAside(
              session,
              hash,
              damage.filter((file) => file.hash === hash),
            )
          }
        }),
      setAside: (session, path, why) =>
        Effect.gen(function* () {
          const name = relative(directory, path).split(sep).join("-")
          const target = join(directory, "quarantine", `${name}-${session.id}-${temporaries++}`)
          yield* ioSync("moving what is damaged to the quarantine", target, () => renameSync(path, target))
          yield* writeWhole(session, `${target}.why.json`, JSON.stringify({ at: new Date().toISOString(), why }))
        }),
      retire,
      pointLatest: (session, node, outputs) =>
        ioSync("pointing to the latest results", join(directory, "latest", node), () => {
          const entries = Object.entries(outputs)
          for (const [output, hash] of entries) {
            const link =
              entries.length === 1 ? join(directory, "latest", node) : join(directory, "latest", node, output)
            if (existsSync(objectPath(hash))) pointAt(session, link, objectPath(hash))
            else if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) unlinkSync(link)
          }
        }),
      latestParts: ioSync("listing the latest results", join(directory, "latest"), () => {
        const parts = new Map<string, Array<string>>()
        for (const name of folderEntries(join(directory, "latest"))) {
          const whole = /^(.+)\.\d+of\d+$/.exec(name)?.[1]
          if (whole === undefined) continue
          const known = parts.get(whole) ?? []
          known.push(name)
          parts.set(whole, known)
        }
        return parts
      }),
      forgetLatest: (node) =>
        ioSync("forgetting a latest result", join(directory, "latest", node), () =>
          rmSync(join(directory, "latest", node), { recursive: true, force: true }),
        ),
      writeRecord,
      writeWhole,
    }
  })
