import { rm } from "node:fs/promises"
import { hostname } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makeFolders } from "../../schemas/index.ts"
import type { Fingerprint, KeyDocument, Reason } from "../keys/index.ts"
import type { Cores, Facts, NodeProvenance, OutputKinds, StageError, StageNode, StageResult } from "../plan/index.ts"
import {
  type ArtifactStore,
  type Depth,
  type InputOrigin,
  io,
  type Lookup,
  type MadeBy,
  type Manifest,
  type OutputRecord,
  type Owner,
  type Session,
  StoreError,
  saysDiskFull,
  storeVersion,
} from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import type { Jobs } from "./Jobs.ts"
import { missReason } from "./missReason.ts"
import { CodeChanged, OutputNotWritten, SourceChanged, StageDefect } from "./NodeError.ts"
import type { NodeInputs } from "./nodeKey.ts"
import type { PlanFingerprints } from "./PlanFingerprints.ts"
import type { RecordedKeys } from "./RecordedKeys.ts"
import type { RunEvent } from "./RunEvent.ts"
import type { Sharing } from "./Sharing.ts"
import { secondsSince } from "./secondsSince.ts"

/** «Make key K»: one node whose inputs are in the store. Asked twice, it is made once and found once. */
export interface NodeTask {
  readonly node: StageNode
  readonly key: string
  readonly document: KeyDocument
  readonly inputs: NodeInputs
  /** How what it builds on came about, for a stage that reads it. */
  readonly provenance: ReadonlyArray<NodeProvenance> | undefined
  /** What the parts that it joins said of their results; of other nodes, none. */
  readonly facts: ReadonlyArray<Facts>
  /** Whether it is made although its result is there. */
  readonly forced: boolean
  /** How closely a result that is there is looked at. */
  readonly depth: Depth
  /** Names the work area within the session's. */
  readonly workName: string
  /** Why it is made, where that need not be found out. */
  readonly reason?: Reason
}

/** What making nodes takes of the run that asks. */
export interface NodeMaking {
  readonly store: ArtifactStore["Type"]
  readonly session: Session
  readonly prints: PlanFingerprints
  readonly keys: RecordedKeys
  readonly sharing: Sharing
  readonly emit: (event: RunEvent) => void
  /** Takes what the node occupies (a job, cores) as long as an effect lasts. */
  readonly inJob: Jobs["inJob"]
  /** By whom it is asked for, and since when (milliseconds since 1970), where it is a process of its own that makes it. */
  readonly asker?: Omit<MadeBy, "queuedSeconds"> & { readonly askedAt: number }
  /** The node after whose failure nothing is started any more. */
  readonly stoppedBy: () => string | undefined
}

export type MadeNode =
  /** The result was there: another process made it, or it was never gone. If not in the folder, then in the remote. */
  | { readonly _tag: "Found"; readonly manifest: Manifest; readonly isLocal: boolean }
  | {
      readonly _tag: "Made"
      readonly manifest: Manifest
      readonly reason: Reason
      readonly seconds: number
      readonly isLocal: boolean
    }
  | { readonly _tag: "Stopped"; readonly failed: string }
  /** Others make it, and the run does not wait for them. */
  | { readonly _tag: "Left" }

/** Milliseconds between two `NodeProgress` events of a node. */
const progressEvery = 100

/**
 * From a key miss to a manifest:
 *
 * 1. the key's lock is taken; while another process holds it, this one waits, and holds neither a job nor a core;
 * 2. the store is asked again, and its remote, for that process may have made the result;
 * 3. what is stored and damaged is set aside;
 * 4. the stage runs in a work area of the session's, on the store's file system;
 * 5. what was read is compared with what the key says: the user's files, the code;
 * 6. each output is sealed and moved to its address;
 * 7. the manifest is written, and with it the result exists.
 *
 * Killed anywhere, it leaves a work area and a lock of a dead process, which the next run removes.
 */
export const makeNode = (
  making: NodeMaking,
  task: NodeTask,
): Effect.Effect<MadeNode, StageError, Fingerprint | DuckDb> =>
  Effect.gen(function* () {
    for (let tries = 0; ; tries++) {
      const got = yield* tryNode(making, task)
      if (Either.isRight(got)) return got.right
      if (tries === 0) {
        const owner: Owner | undefined = got.left === "unknown" ? undefined : got.left
        making.emit({ _tag: "NodeWaiting", node: task.node.name, owner })
      }
      yield* Effect.sleep(Math.min(250, 20 * 1.3 ** tries))
    }
  })

/** `makeNode`, but where another process holds the key's lock it is not waited for: `Left` says who does. */
export const tryNode = (
  { inJob, ...making }: NodeMaking,
  task: NodeTask,
): Effect.Effect<Either.Either<MadeNode, Owner | "unknown">, StageError, Fingerprint | DuckDb> =>
  inJob(task.node, (cores) =>
    Effect.acquireUseRelease(
      making.session.tryLock(task.key),
      (owner): Effect.Effect<Either.Either<MadeNode, Owner | "unknown">, StageError, Fingerprint | DuckDb> =>
        owner === undefined
          ? Effect.map(makeLocked({ inJob, ...making }, task, cores), Either.right)
          : Effect.succeed(Either.left(owner)),
      (owner) => (owner === undefined ? making.session.unlock(task.key) : Effect.void),
    ),
  )

/** Why a node is made. */
export const reasonOf = (
  { store, keys }: Pick<NodeMaking, "store" | "keys">,
  { document, forced, key, reason }: NodeTask,
  found: Lookup,
): Effect.Effect<Reason, StoreError> => {
  if (reason !== undefined) return Effect.succeed(reason)
  return forced ? Effect.succeed({ _tag: "Forced" }) : missReason(store, keys, document, key, found)
}

/** The key's lock is held. */
const makeLocked = (
  making: NodeMaking,
  task: NodeTask,
  cores: Cores | undefined,
): Effect.Effect<MadeNode, StageError, Fingerprint | DuckDb> =>
  Effect.gen(function* () {
    const { store, session, emit } = making
    const { node, key, forced } = task
    const found = yield* store.lookup(node.stage.name, key, task.depth)
    if (found._tag === "Found" && !forced) return { _tag: "Found", manifest: found.manifest, isLocal: true }
    if (!forced) {
      const shared = yield* making.sharing.find(node, key, found)
      if (shared !== undefined) return { _tag: "Found", manifest: shared, isLocal: false }
    }
    const failed = making.stoppedBy()
    if (failed !== undefined) return { _tag: "Stopped", failed }
    const reason = yield* reasonOf(making, task, found)
    const stored = found._tag === "Found" || found._tag === "Damaged" ? found.manifest : undefined
    const previous = stored ?? (yield* store.formerResult(node.stage.name, key))?.manifest
    if (found._tag === "Damaged") {
      emit({ _tag: "ArtifactDamaged", node: node.name, damage: found.damage })
      yield* store.quarantine(session, found.manifest, found.damage)
    }
    const began = performance.now()
    emit({ _tag: "NodeStarted", node: node.name, reason })
    const manifest = yield* Effect.scoped(work(making, task, previous, cores))
    return { _tag: "Made", manifest, reason, seconds: secondsSince(began), isLocal: true }
  })

/** Runs the stage and stores what it wrote. */
const work = (making: NodeMaking, task: NodeTask, previous: Manifest | undefined, cores: Cores | undefined) =>
  Effect.gen(function* () {
    const { store, session, emit } = making
    const { node, key, inputs, provenance } = task
    const start = performance.now()
    const at = new Date().toISOString()
    yield* session.beat
    const area = join(session.tmp, task.workName)
    // What another run goes on with lies under its key; anything else goes with the session, even after a kill.
    const scratch = node.stage.resumable ? join(store.directory, "scratch", key) : `${area}.scratch`
    yield* Effect.addFinalizer(() => removed(area))
    if (!node.stage.resumable) yield* Effect.addFinalizer(() => removed(scratch))
    const outputs = Object.fromEntries(Object.keys(node.stage.outputs).map((name) => [name, join(area, name)]))
    yield* io("making a work area", area, async () => {
      await rm(area, { recursive: true, force: true })
      for (const folder of [...Object.values(outputs), scratch]) makeFolders(folder)
    })

    const warnings: Array<string> = []
    const warn = (message: string): void => {
      warnings.push(message)
      emit({ _tag: "NodeWarning", node: node.name, message })
    }
    let lastProgress = Number.NEGATIVE_INFINITY
    const result: StageResult<OutputKinds> = yield* node
      .execute({
        inputs,
        outputs,
        scratch,
        warn,
        facts: task.facts,
        ...(node.shard === undefined ? {} : { shard: node.shard }),
        ...(provenance === undefined ? {} : { provenance }),
        ...(cores === undefined ? {} : { cores }),
        progress: (progress) => {
          const now = performance.now()
          if (now - lastProgress < progressEvery && progress.done !== progress.total) return
          lastProgress = now
          emit({ _tag: "NodeProgress", node: node.name, progress })
        },
      })
      .pipe(
        Effect.catchAllDefect(
          (cause): Effect.Effect<never, StageError> => Effect.fail(new StageDefect({ node: node.name, cause })),
        ),
        Effect.mapError(
          (error): StageError =>
            error instanceof StoreError || !saysDiskFull(error)
              ? error
              : new StoreError({ reason: "DiskFull", during: `running ${node.name}`, path: area, cause: error }),
        ),
      )
    yield* sameAsInKey(making.prints, node)

    const records = yield* sealed(making, node, outputs, result)
    const changed = Object.entries(records).flatMap(([name, { hash }]) => {
      const before = previous?.outputs[name]
      return before !== undefined && before.hash !== hash ? [name] : []
    })
    if (previous !== undefined && changed.length > 0) {
      warn(
        `nondeterministic: the same key gave other bytes than in run ${previous.provenance.run} (${changed.join(", ")})`,
      )
    }
    const manifest: Manifest = {
      version: storeVersion,
      stage: node.stage.name,
      actionKey: key,
      key: task.document,
      outputs: records,
      facts: result.facts ?? {},
      warnings,
      provenance: {
        run: session.id,
        node: node.name,
        at,
        seconds: secondsSince(start),
        host: hostname(),
        platform: `${process.platform}-${process.arch}`,
        nodejs: process.version,
        inputs: inputOrigins(node, inputs),
        ...madeBy(making, at),
      },
    }
    yield* store.putManifest(session, manifest)
    yield* removed(scratch)
    return manifest
  })

/** Fails where the user's files or the stage's code are not any more what the key was made of. */
const sameAsInKey = (
  prints: PlanFingerprints,
  node: StageNode,
): Effect.Effect<void, StageError, Fingerprint | DuckDb> =>
  Effect.gen(function* () {
    for (const { artifacts } of node.inputs) {
      for (const { node: source } of artifacts) {
        if (source._tag !== "SourceNode") continue
        const { unchanged } = yield* prints.source(source)
        if (!(yield* unchanged)) {
          return yield* new SourceChanged({ node: node.name, source: source.name, root: source.root })
        }
      }
    }
    if (!(yield* prints.stageUnchanged(node.stage))) {
      return yield* new CodeChanged({ node: node.name, code: node.stage.code })
    }
  })

/** Moves each output to its address. */
const sealed = (
  { store, session }: NodeMaking,
  node: StageNode,
  outputs: Readonly<Record<string, string>>,
  result: StageResult<OutputKinds>,
): Effect.Effect<Readonly<Record<string, OutputRecord>>, StoreError | OutputNotWritten> =>
  Effect.gen(function* () {
    const records: Record<string, OutputRecord> = {}
    for (const [name, folder] of Object.entries(outputs)) {
      const content = yield* store.putObject(session, folder)
      if (content.files.length === 0) return yield* new OutputNotWritten({ node: node.name, output: name })
      const rows = result.rows?.[name]
      records[name] = { ...content, ...(rows === undefined ? {} : { rows }) }
    }
    return records
  })

/** Machines' clocks may differ by more than was waited. */
const madeBy = ({ asker }: NodeMaking, at: string) => {
  if (asker === undefined) return {}
  const { askedAt, attempt, name } = asker
  const queuedSeconds = Math.max(0, Date.parse(at) - askedAt) / 1000
  return { executor: { name, attempt, queuedSeconds } }
}

const inputOrigins = (node: StageNode, inputs: NodeInputs): Readonly<Record<string, ReadonlyArray<InputOrigin>>> =>
  Object.fromEntries(
    node.inputs.map(({ name, artifacts }) => [
      name,
      (inputs[name] ?? []).map(({ hash }, position) => {
        const { node: from, output } = artifacts[position]!
        const source = from._tag === "SourceNode" ? { source: { root: from.root, files: from.files } } : {}
        return { node: from.name, output, hash, ...source }
      }),
    ]),
  )

/** Removes a folder; one that cannot be removed is left to the next run. */
const removed = (path: string): Effect.Effect<void> =>
  Effect.promise(() => rm(path, { recursive: true, force: true }).catch(() => undefined))
