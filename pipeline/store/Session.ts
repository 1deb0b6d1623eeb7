import { createHash, randomBytes } from "node:crypto"
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { rm } from "node:fs/promises"
import { basename, join } from "node:path"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { isAlive, ProcessIdentity, thisProcess } from "./ProcessIdentity.ts"
import { errorCode, io, ioSync, isAbsent, type StoreError, storeError } from "./StoreError.ts"

/** Who holds a lock, or is at work on the store. */
export const Owner = Schema.Struct({
  run: Schema.String,
  /** What it is doing: `run`, `gc`. */
  purpose: Schema.String,
  process: ProcessIdentity,
  /** ISO 8601. */
  at: Schema.String,
})
export type Owner = typeof Owner.Type

/** Someone is at work on the store who must not be disturbed. */
export class StoreBusy extends Schema.TaggedError<StoreBusy>()("StoreBusy", {
  owners: Schema.Array(Owner),
}) {
  override get message(): string {
    const owners = this.owners.map(describeOwner).join("; ")
    return `The artifact store is in use (${owners}). Try again when that has ended.`
  }
}

/** `run 20260101T… (process 123 on host)`. */
export const describeOwner = (owner: Owner): string =>
  `${owner.purpose} ${owner.run} (process ${owner.process.pid} on ${owner.process.host})`

/** A use of the store by a process: its work area, and the locks it holds. */
export interface Session {
  readonly id: string
  /** Why nothing can be written; absent where everything can. */
  readonly readOnly: StoreError | undefined
  /** This session's work area, on the store's file system; removed with the session. */
  readonly tmp: string
  /** Tries to take a lock by name: `undefined` when it was taken, else the owner (`unknown` when its file says nothing). */
  readonly tryLock: (name: string) => Effect.Effect<Owner | "unknown" | undefined, StoreError>
  /** The live holder of a lock; `undefined` when nobody holds it, or only someone who is dead. */
  readonly holderOf: (name: string) => Effect.Effect<Owner | "unknown" | undefined, StoreError>
  /** Gives a lock back. Never fails; a lock that is another's by now is left alone. */
  readonly unlock: (name: string) => Effect.Effect<void>
  /** Keeps this session's locks fresh from a thread of its own, as long as the session lasts. Call before long work. */
  readonly beat: Effect.Effect<void>
}

/** A lock of a process on another system is stale when it was not refreshed for this long. Within a system, it is the process that counts. */
export const staleAfterSeconds = 40
const beatSeconds = 10

const decodeOwner = Schema.decodeUnknownEither(Schema.parseJson(Owner))

const readOwner = (path: string): Owner | "unknown" | undefined => {
  try {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    // Something else in its place, a link that leads nowhere too, is nobody's.
    if (stat !== undefined && !stat.isFile()) return "unknown"
    return Either.getOrElse(decodeOwner(readFileSync(path, "utf8")), () => "unknown" as const)
  } catch (cause) {
    if (isAbsent(cause)) return undefined
    throw cause
  }
}

/** Written by a thread, so that a stage that blocks the event loop in native code does not look dead to another machine. */
const heartbeat = `
const { writeSync, openSync } = require("node:fs")
const { workerData } = require("node:worker_threads")
const file = openSync(workerData.path, "r+")
setInterval(() => { try { writeSync(file, workerData.text, 0) } catch {} }, workerData.every)
`

/** `20260102T030405678-9f3a1c`: sorts by time. */
const newId = (): string => `${new Date().toISOString().replace(/[-:.Z]/g, "")}-${randomBytes(3).toString("hex")}`

/** All sessions that left a trace, with whether they live. `ours` tells the file system's own time. */
const sessions = (
  directory: string,
  ours: string,
): ReadonlyArray<{ id: string; owner: Owner | "unknown"; live: boolean }> =>
  readdirSync(join(directory, "tmp"))
    .filter((name) => name.endsWith(".owner"))
    .flatMap((name) => {
      const path = join(directory, "tmp", name)
      const owner = readOwner(path)
      return owner === undefined ? [] : [{ id: basename(name, ".owner"), owner, live: lives(path, owner, ours) }]
    })

/** Whether the owner that a file names still lives. The times compared are both of the file system. */
function lives(path: string, owner: Owner | "unknown", ours: string): boolean {
  const known = owner === "unknown" ? "unknown" : isAlive(owner.process)
  if (known !== "unknown") return known === "alive"
  try {
    return statSync(ours).mtimeMs - lstatSync(path).mtimeMs < staleAfterSeconds * 1000
  } catch {
    return true
  }
}

const systemMark = (system: string): string => createHash("sha256").update(system).digest("hex").slice(0, 16)

/** The name under which an owner file is written: it says who writes it, whatever is in it yet. */
const draftOf = (tmp: string): string => {
  const { system, pid, started } = thisProcess()
  return `${tmp}.${systemMark(system)}.${pid}.${Buffer.from(started).toString("base64url")}.draft`
}

/** Whether the process that writes a draft lives. */
const writerOf = (name: string): "alive" | "dead" | "unknown" => {
  const [mark = "", pid = "", started = ""] = name.split(".").slice(-4, -1)
  const { host, system } = thisProcess()
  if (mark !== systemMark(system)) return "unknown"
  return isAlive({ host, system, pid: Number(pid), started: Buffer.from(started, "base64url").toString("utf8") })
}

/** Removes drafts of owner files whose writers are dead. */
const removeDrafts = (directory: string, ours: string): void => {
  for (const name of readdirSync(join(directory, "tmp")).filter((file) => file.endsWith(".draft"))) {
    const path = join(directory, "tmp", name)
    const known = writerOf(name)
    if (known === "alive" || (known === "unknown" && lives(path, "unknown", ours))) continue
    rmSync(path, { force: true })
  }
}

/**
 * Removes what lies in the work area and is no living session's, whatever its name: a folder without an owner's file (which is
 * written before the folder is made, and removed after it), and files that nobody touched for as long as makes a lock stale.
 */
const removeStrays = async (directory: string, ours: string): Promise<void> => {
  const names = readdirSync(join(directory, "tmp"), { withFileTypes: true })
  const owned = new Set(names.map((entry) => entry.name))
  const now = statSync(ours).mtimeMs
  for (const entry of names) {
    const path = join(directory, "tmp", entry.name)
    if (entry.isDirectory()) {
      if (entry.name.endsWith(".owner") || !owned.has(`${entry.name}.owner`))
        await rm(path, { recursive: true, force: true })
    } else if (!entry.name.endsWith(".owner") && !entry.name.endsWith(".draft")) {
      const stat = lstatSync(path, { throwIfNoEntry: false })
      if (stat !== undefined && now - stat.mtimeMs > staleAfterSeconds * 1000) rmSync(path, { force: true })
    }
  }
}

/** A session on a store that cannot be written to: what is stored can be used, and nothing can run. */
export const readOnlySession = (directory: string, readOnly: StoreError): Session => {
  const id = newId()
  return {
    id,
    readOnly,
    tmp: join(directory, "tmp", id),
    tryLock: () => Effect.fail(readOnly),
    // Nobody can work on a store that cannot be written to.
    holderOf: () => Effect.succeed(undefined),
    unlock: () => Effect.void,
    beat: Effect.void,
  }
}

/** The sessions at work on a store, other than the given one. */
export const otherSessions = (directory: string, session: Session): Effect.Effect<ReadonlyArray<Owner>, StoreError> =>
  ioSync("looking who uses the store", directory, () =>
    sessions(directory, `${session.tmp}.owner`).flatMap(({ id, owner, live }) =>
      live && id !== session.id && owner !== "unknown" ? [owner] : [],
    ),
  )

/**
 * Opens a session on a store whose folders exist. What sessions left behind whose process is dead is removed.
 *
 * A lock is a hard link to the session's owner file: it appears whole or not at all, one link succeeds, and all locks of a
 * session are refreshed by refreshing one file.
 */
export const openSession = (directory: string, purpose: string): Effect.Effect<Session, StoreError, Scope.Scope> =>
  Effect.gen(function* () {
    const id = newId()
    const tmp = join(directory, "tmp", id)
    const ownerFile = `${tmp}.owner`
    const text = JSON.stringify({
      run: id,
      purpose,
      process: thisProcess(),
      at: new Date().toISOString(),
    } satisfies Owner)
    const held = new Set<string>()
    const lockPath = (name: string) => join(directory, "locks", `${name}.lock`)

    const isOurs = (path: string): boolean => {
      const owner = readOwner(path)
      return owner !== undefined && owner !== "unknown" && owner.run === id
    }
    const release = (name: string) => {
      try {
        if (isOurs(lockPath(name))) unlinkSync(lockPath(name))
      } catch {
        // A lock that cannot be removed is recognised as stale once this process has ended.
      }
      held.delete(name)
    }

    yield* Effect.acquireRelease(
      ioSync("opening a session", ownerFile, () => {
        // Killed in the middle of this, the process leaves no owner file that says nothing, but a draft that names it.
        const draft = draftOf(tmp)
        writeFileSync(draft, text, { flag: "wx" })
        renameSync(draft, ownerFile)
        try {
          mkdirSync(tmp)
        } catch (cause) {
          unlinkSync(ownerFile)
          throw cause
        }
      }),
      () =>
        Effect.promise(async () => {
          for (const name of [...held]) release(name)
          await rm(tmp, { recursive: true, force: true }).catch(() => undefined)
          rmSync(ownerFile, { force: true })
        }),
    )

    const link = (name: string): boolean => {
      try {
        linkSync(ownerFile, lockPath(name))
        return true
      } catch (cause) {
        switch (errorCode(cause)) {
          case "EEXIST":
            return false
          case "EPERM":
          case "ENOTSUP":
          case "ENOSYS":
          case "EMLINK":
            // A file system without hard links: exclusive creation is atomic too, only the content comes a moment later.
            try {
              writeFileSync(lockPath(name), text, { flag: "wx" })
              return true
            } catch (second) {
              if (errorCode(second) === "EEXIST") return false
              throw second
            }
          default:
            throw cause
        }
      }
    }

    /** Removes a lock whose owner is dead. Recoveries exclude each other, so nobody removes the lock that a winner then took. */
    const recover = (name: string): void => {
      const guard = "recovery"
      if (!link(guard)) {
        const owner = readOwner(lockPath(guard))
        if (owner !== undefined && !lives(lockPath(guard), owner, ownerFile)) {
          // Its holder died in the microseconds below. Whoever renames it, removes it.
          const aside = join(tmp, `stale-${randomBytes(4).toString("hex")}`)
          renameSync(lockPath(guard), aside)
          unlinkSync(aside)
        }
        return
      }
      try {
        const owner = readOwner(lockPath(name))
        if (owner !== undefined && !lives(lockPath(name), owner, ownerFile)) rmSync(lockPath(name), { recursive: true })
      } finally {
        unlinkSync(lockPath(guard))
      }
    }

    const livesNow = (path: string, owner: Owner | "unknown"): boolean => {
      // What time is it on the store's file system, which may be another machine's?
      if (owner === "unknown" || isAlive(owner.process) === "unknown") writeFileSync(ownerFile, text, { flag: "r+" })
      return lives(path, owner, ownerFile)
    }

    const tryLock = (name: string): Owner | "unknown" | undefined => {
      for (let attempt = 0; attempt < 3; attempt++) {
        if (link(name)) {
          held.add(name)
          return undefined
        }
        const owner = readOwner(lockPath(name))
        if (owner === undefined) continue
        if (livesNow(lockPath(name), owner)) return owner
        try {
          recover(name)
        } catch (cause) {
          // Another process was faster.
          if (errorCode(cause) !== "ENOENT") throw cause
        }
      }
      return readOwner(lockPath(name)) ?? "unknown"
    }

    yield* io("removing what an ended run left behind", join(directory, "tmp"), async () => {
      removeDrafts(directory, ownerFile)
      for (const { id: other, live } of sessions(directory, ownerFile)) {
        if (live || other === id) continue
        await rm(join(directory, "tmp", other), { recursive: true, force: true })
        rmSync(join(directory, "tmp", `${other}.owner`), { recursive: true, force: true })
      }
      await removeStrays(directory, ownerFile)
      for (const file of readdirSync(join(directory, "locks"))) {
        const path = join(directory, "locks", file)
        const owner = readOwner(path)
        if (owner === undefined || lives(path, owner, ownerFile)) continue
        try {
          recover(basename(file, ".lock"))
        } catch (cause) {
          if (errorCode(cause) !== "ENOENT") throw cause
        }
      }
    })

    const beat = yield* Effect.cached(
      Effect.sync(() => {
        const worker = new Worker(heartbeat, {
          eval: true,
          execArgv: [],
          workerData: { path: ownerFile, text, every: beatSeconds * 1000 },
        })
        worker.unref()
        // Without a heartbeat, processes on this system still see that this one lives.
        worker.on("error", () => undefined)
        return worker
      }),
    )
    let worker: Worker | undefined
    yield* Effect.addFinalizer(() => Effect.promise(async () => worker?.terminate()))

    return {
      id,
      readOnly: undefined,
      tmp,
      tryLock: (name) =>
        Effect.try({ try: () => tryLock(name), catch: (cause) => storeError("taking a lock", lockPath(name), cause) }),
      holderOf: (name) =>
        ioSync("reading a lock", lockPath(name), () => {
          const owner = readOwner(lockPath(name))
          return owner === undefined || !livesNow(lockPath(name), owner) ? undefined : owner
        }),
      unlock: (name) => Effect.sync(() => release(name)),
      beat: Effect.map(beat, (started) => {
        worker = started
      }),
    }
  })
