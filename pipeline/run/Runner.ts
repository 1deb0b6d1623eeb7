import { mkdir, rm } from "node:fs/promises"
import { availableParallelism, hostname } from "node:os"
import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { Kinds } from "../../schemas/index.ts"
import {
  actionKey,
  Fingerprint,
  type FingerprintError,
  type KeyDocument,
  keySchema,
  nearest,
  type Reason,
  type RecordedKey,
  type SourceError,
} from "../keys/index.ts"
import {
  type AnyStage,
  type NodeProvenance,
  nodesNamed,
  type OutputKinds,
  type Plan,
  type PlannedNode,
  type Progress,
  type SourceNode,
  type StageError,
  type StageNode,
  type StageResult,
  type StoredArtifact,
  type UnknownTarget,
} from "../plan/index.ts"
import {
  ArtifactStore,
  causeMessage,
  collectorLock,
  type Damage,
  type Depth,
  type InputOrigin,
  io,
  type Lookup,
  type Manifest,
  type OutputRecord,
  type Owner,
  readOnlySession,
  type Session,
  StoreError,
  saysDiskFull,
  storeVersion,
} from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import { provenanceAbove, provenanceHash } from "./NodeProvenance.ts"
import type { RunEvent } from "./RunEvent.ts"
import { type NodeReport, type OutputReport, RunFailed, type RunReport, runRecord } from "./RunReport.ts"

const usualJobs = 2

/** How to run a plan. */
export interface RunOptions {
  /** How many stages may run at once. Default: 2, beside which as many that occupy a core each as there are cores. */
  readonly jobs?: number
  /** Nodes or stages to run although their results are stored; the new results are stored too. */
  readonly force?: Iterable<string>
  /** Told of everything that happens, at once; must return quickly. What it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => void
}

/** A stage died of something that is not an error of its own family: a bug. */
export class StageDefect extends Schema.TaggedError<StageDefect>()("StageDefect", {
  node: Schema.String,
  cause: Schema.Defect,
}) {
  override get message(): string {
    const detail = this.cause instanceof Error ? (this.cause.stack ?? this.cause.message) : causeMessage(this.cause)
    return `${this.node} died unexpectedly, which is a bug: ${detail}`
  }
}

/** Files that the user has were changed while a stage read them. */
export class SourceChanged extends Schema.TaggedError<SourceChanged>()("SourceChanged", {
  node: Schema.String,
  source: Schema.String,
  root: Schema.String,
}) {
  override get message(): string {
    return `The files of ${this.source} (${this.root}) changed while ${this.node} read them, so its result was not kept. Run again.`
  }
}

/** The code of a stage was edited while it ran. */
export class CodeChanged extends Schema.TaggedError<CodeChanged>()("CodeChanged", {
  node: Schema.String,
  code: Schema.String,
}) {
  override get message(): string {
    return `${this.code}, or a module it imports, was edited while ${this.node} ran, so its result was not kept. Run again.`
  }
}

/** A stage succeeded without writing one of its outputs. */
export class OutputNotWritten extends Schema.TaggedError<OutputNotWritten>()("OutputNotWritten", {
  node: Schema.String,
  output: Schema.String,
}) {
  override get message(): string {
    return `${this.node} wrote no file of its output «${this.output}», which is a bug: even an empty table is a file.`
  }
}

/** Services that running and previewing need. */
export type RunnerServices = ArtifactStore | Fingerprint | DuckDb

interface DoneOutput {
  readonly artifact: StoredArtifact
  /** Absent for the user's own files. */
  readonly record: OutputRecord | undefined
}

type Outcome =
  | {
      readonly _tag: "Done"
      readonly outputs: Readonly<Record<string, DoneOutput>>
      readonly report: NodeReport
      /** Absent for the user's own files. */
      readonly manifest: Manifest | undefined
    }
  | { readonly _tag: "NotDone"; readonly report: NodeReport }

type NodeError = StageError

const secondsSince = (start: number): number => Math.round(performance.now() - start) / 1000

const originOf = (node: StageNode, input: number, position: number, hash: string): InputOrigin => {
  const artifact = node.inputs[input]!.artifacts[position]!
  return {
    node: artifact.node.name,
    output: artifact.output,
    hash,
    ...(artifact.node._tag === "SourceNode"
      ? { source: { root: artifact.node.root, files: artifact.node.files } }
      : {}),
  }
}

/** The key document of a node whose inputs are known. */
const keyDocument = (
  node: StageNode,
  fingerprint: Pick<KeyDocument, "code" | "packages" | "native">,
  inputs: Readonly<Record<string, ReadonlyArray<StoredArtifact>>>,
  provenance: ReadonlyArray<NodeProvenance> | undefined,
): KeyDocument => ({
  schema: keySchema,
  stage: node.stage.name,
  stageVersion: node.stage.version,
  config: node.config,
  inputs: {
    ...Object.fromEntries(
      Object.entries(inputs).map(([name, artifacts]) => [name, artifacts.map((artifact) => artifact.hash)]),
    ),
    ...(provenance === undefined ? {} : { provenance: [provenanceHash(provenance)] }),
  },
  code: fingerprint.code,
  packages: fingerprint.packages,
  native: fingerprint.native,
  determinism: node.stage.determinism,
})

/** What a node reads, from the outcomes of the nodes before it. */
const inputsOf = (
  node: StageNode,
  outputsOf: (name: string) => Readonly<Record<string, DoneOutput>>,
): Readonly<Record<string, ReadonlyArray<StoredArtifact>>> =>
  Object.fromEntries(
    node.inputs.map(({ name, artifacts }) => [
      name,
      artifacts.flatMap((artifact) => {
        const done = outputsOf(artifact.node.name)[artifact.output]
        return done === undefined ? [] : [done.artifact]
      }),
    ]),
  )

const damagedFiles = (damage: ReadonlyArray<Damage>): ReadonlyArray<string> =>
  damage.map(({ output, file }) => `${output}/${file}`)

interface Recorded extends RecordedKey {
  readonly manifest: Manifest
}

/** The recorded keys by stage, also of results that are gone; read once for a plan, however many nodes ask. */
const recordedKeys = (store: ArtifactStore["Type"]) => {
  const known = new Map<string, Array<Recorded>>()
  const recorded = (manifest: Manifest): Recorded => ({
    document: manifest.key,
    at: Date.parse(manifest.provenance.at),
    manifest,
  })
  return {
    of: (stage: string): Effect.Effect<ReadonlyArray<Recorded>, StoreError> =>
      Effect.gen(function* () {
        const found = known.get(stage)
        if (found !== undefined) return found
        const manifests = [
          ...(yield* store.manifests(stage)),
          ...(yield* store.history(stage)).map(({ manifest }) => manifest),
        ]
        const read = manifests.map(recorded)
        known.set(stage, read)
        return read
      }),
    add: (manifest: Manifest): void => {
      known.get(manifest.stage)?.push(recorded(manifest))
    },
  }
}

/** Why a node has no result to reuse. */
const missReason = (
  store: ArtifactStore["Type"],
  keys: ReturnType<typeof recordedKeys>,
  document: KeyDocument,
  key: string,
  lookup: Lookup,
): Effect.Effect<Reason, StoreError> =>
  Effect.gen(function* () {
    const because = (reason: Reason): Reason => reason
    if (lookup._tag === "Damaged") {
      const missing = lookup.damage.every((file) => file.kind === "missing")
      const files = damagedFiles(lookup.damage)
      return because(missing ? { _tag: "OutputMissing", files } : { _tag: "OutputDamaged", files })
    }
    if (lookup._tag === "Unreadable") return because({ _tag: "ManifestUnreadable", why: lookup.why })
    const former = yield* store.formerResult(document.stage, key)
    if (former !== undefined) return because({ _tag: "ResultGone", why: former.why, at: former.at })
    const found = nearest(document, yield* keys.of(document.stage))
    if (found === undefined) return because({ _tag: "NoPreviousRun" })
    const { manifest } = found.recorded
    return because({
      _tag: "KeyChanged",
      differences: found.differences,
      nearest: { key: manifest.actionKey, run: manifest.provenance.run, at: manifest.provenance.at },
    })
  })

/** Fingerprints are taken once for each stage and source of a plan. */
const fingerprints = Effect.gen(function* () {
  const fingerprint = yield* Fingerprint
  type StagePart = Effect.Effect.Success<ReturnType<Fingerprint["Type"]["stage"]>>
  type SourcePart = Effect.Effect.Success<ReturnType<Fingerprint["Type"]["source"]>>
  const stages = new Map<AnyStage, StagePart>()
  const sources = new Map<SourceNode, SourcePart>()
  const once = <K, A, E, R>(known: Map<K, A>, key: K, make: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      const found = known.get(key)
      return found === undefined
        ? Effect.tap(make, (made) => Effect.sync(() => known.set(key, made)))
        : Effect.succeed(found)
    })
  return {
    stage: (stage: AnyStage): Effect.Effect<StagePart, FingerprintError, DuckDb> =>
      once(stages, stage, fingerprint.stage(stage)),
    stageUnchanged: fingerprint.stageUnchanged,
    source: (node: SourceNode): Effect.Effect<SourcePart, SourceError> => once(sources, node, fingerprint.source(node)),
  }
})

const sourceOutcome = (
  node: SourceNode,
  { hash, bytes }: { readonly hash: string; readonly bytes: number },
  seconds: number,
): Outcome => {
  const artifact: StoredArtifact = { kind: Kinds.SourceFiles, hash, path: node.root, from: node.name }
  return {
    _tag: "Done",
    manifest: undefined,
    outputs: { files: { artifact, record: undefined } },
    report: {
      name: node.name,
      stage: undefined,
      status: "source",
      seconds,
      savedSeconds: undefined,
      key: undefined,
      reason: { _tag: "Source" },
      outputs: { files: { kind: Kinds.SourceFiles.name, hash, path: node.root, bytes, rows: undefined } },
      warnings: [],
      facts: {},
    },
  }
}

const manifestOutcome = (
  store: ArtifactStore["Type"],
  node: StageNode,
  manifest: Manifest,
  status: "hit" | "ran",
  seconds: number,
  reason: Reason,
): Extract<Outcome, { readonly _tag: "Done" }> => {
  const outputs: Record<string, DoneOutput> = {}
  const reports: Record<string, OutputReport> = {}
  for (const [name, record] of Object.entries(manifest.outputs)) {
    const kind = node.stage.outputs[name]
    if (kind === undefined) continue
    const path = store.objectPath(record.hash)
    outputs[name] = { artifact: { kind, hash: record.hash, path, from: node.name }, record }
    reports[name] = { kind: kind.name, hash: record.hash, path, bytes: record.bytes, rows: record.rows }
  }
  return {
    _tag: "Done",
    manifest,
    outputs,
    report: {
      name: node.name,
      stage: node.stage.name,
      status,
      seconds,
      savedSeconds: status === "hit" ? manifest.provenance.seconds : undefined,
      key: manifest.actionKey,
      reason,
      outputs: reports,
      warnings: manifest.warnings,
      facts: manifest.facts,
    },
  }
}

const hitReason = (manifest: Manifest): Reason => ({
  _tag: "Hit",
  run: manifest.provenance.run,
  at: manifest.provenance.at,
})

/** Targets up to this size are compared byte by byte also on a hit: they take less than a tenth of a second. */
const checkedTargetBytes = 32 * 1024 * 1024

/** Milliseconds between two `NodeProgress` events of a node. */
const progressEvery = 100

/**
 * Runs a plan: each node whose result is stored is a hit, the others run as soon as what they need is there.
 *
 * Fails with `RunFailed` when stages failed (the report says which), with `StoreError` when the store cannot be used at all.
 * An interruption interrupts the running stages, removes the work area, gives the locks back and stays an interruption.
 */
export const run = (
  plan: Plan,
  options: RunOptions = {},
): Effect.Effect<RunReport, RunFailed | StoreError | UnknownTarget, RunnerServices> =>
  Effect.scoped(
    Effect.gen(function* () {
      const started = performance.now()
      const at = new Date().toISOString()
      const store = yield* ArtifactStore
      const jobs = Math.max(1, Math.floor(options.jobs ?? usualJobs))
      const forced = yield* toEffect(nodesNamed(plan, options.force ?? []))
      const emit = (event: RunEvent): void => {
        try {
          options.onEvent?.(event)
        } catch {
          // A display that fails must not fail the run.
        }
      }
      if (store.notice !== undefined) emit({ _tag: "StoreNotice", message: store.notice })
      const session = yield* Effect.catchIf(
        Effect.zipRight(store.prepare, store.session("run")),
        (error) => error.reason === "NotWritable",
        (error) => {
          emit({ _tag: "StoreNotice", message: `Stored results are used, but nothing can be run: ${error.message}` })
          return Effect.succeed(readOnlySession(store.directory, error))
        },
      )
      yield* waitForCollector(session, emit)
      emit({ _tag: "PlanReady", run: session.id, plan, jobs })

      const engine = yield* makeEngine(plan, store, session, jobs, options.jobs === undefined, forced, emit)
      const finish = (outcome: RunReport["outcome"]) =>
        Effect.gen(function* () {
          const report = engine.report(outcome, at, secondsSince(started))
          if (session.readOnly === undefined) {
            yield* store.writeWhole(session, join(store.directory, "runs", `${session.id}.json`), runRecord(report))
          }
          emit({ _tag: "RunFinished", report })
          return report
        })
      yield* Effect.onInterrupt(engine.runAll, () => Effect.ignore(finish("interrupted")))
      const failures = engine.failures()
      const report = yield* finish(failures.length === 0 ? "succeeded" : "failed")
      return failures.length === 0 ? report : yield* new RunFailed({ report, failures })
    }),
  )

const toEffect = <A, E>(either: Either.Either<A, E>): Effect.Effect<A, E> =>
  Either.match(either, {
    onLeft: (error): Effect.Effect<A, E> => Effect.fail(error),
    onRight: (value): Effect.Effect<A, E> => Effect.succeed(value),
  })

const waitForCollector = (session: Session, emit: (event: RunEvent) => void) =>
  Effect.gen(function* () {
    for (let told = false; ; told = true) {
      const owner = yield* session.holderOf(collectorLock)
      if (owner === undefined) return
      if (!told) emit({ _tag: "NodeWaiting", node: undefined, owner: owner === "unknown" ? undefined : owner })
      yield* Effect.sleep("100 millis")
    }
  })

const makeEngine = (
  plan: Plan,
  store: ArtifactStore["Type"],
  session: Session,
  jobs: number,
  /** Whether a node that occupies a core takes no job. */
  coresBeside: boolean,
  forced: ReadonlySet<string>,
  emit: (event: RunEvent) => void,
) =>
  Effect.gen(function* () {
    const prints = yield* fingerprints
    const keys = recordedKeys(store)
    const slots = yield* Effect.makeSemaphore(jobs)
    const coreCount = availableParallelism()
    const cores = yield* Effect.makeSemaphore(coreCount)
    const keyTurns = new Map<string, Effect.Semaphore>()
    const hashTurns = new Map<string, Effect.Semaphore>()
    const outcomes: Array<Outcome | undefined> = plan.nodes.map(() => undefined)
    const positions = new Map(plan.nodes.map(({ node, index }) => [node.name, index]))
    const gates = yield* Effect.forEach(plan.nodes, () => Deferred.make<void>())
    const repairs = yield* Effect.forEach(plan.nodes, () => Effect.makeSemaphore(1))
    /** Objects whose every byte was compared, or written, in this run. */
    const sound = new Set<string>()
    const ranKeys = new Set<string>()
    const failures: Array<{ readonly node: string; readonly error: NodeError }> = []
    const damaged: Array<{ readonly node: string; readonly files: ReadonlyArray<string> }> = []

    const targets = new Set(Object.values(plan.targets).flat())

    const outputsOf = (name: string): Readonly<Record<string, DoneOutput>> => {
      const outcome = outcomes[positions.get(name) ?? -1]
      return outcome?._tag === "Done" ? outcome.outputs : {}
    }

    const provenanceOf = (planned: PlannedNode, node: StageNode): ReadonlyArray<NodeProvenance> | undefined =>
      node.stage.provenance
        ? provenanceAbove(plan, planned, (name) => {
            const outcome = outcomes[positions.get(name) ?? -1]
            return outcome?._tag === "Done" ? outcome.manifest : undefined
          })
        : undefined

    const emptyReport = (planned: PlannedNode, status: "failed" | "skipped", reason: Reason): NodeReport => ({
      name: planned.node.name,
      stage: planned.node._tag === "StageNode" ? planned.node.stage.name : undefined,
      status,
      seconds: 0,
      savedSeconds: undefined,
      key: undefined,
      reason,
      outputs: {},
      warnings: [],
      facts: {},
    })

    /**
     * One holder of a key at a time, in this process and in others; a job's slot is held only while the key is, and a node that
     * occupies cores waits for them before it takes one.
     */
    const withKey = <A, E, R>(
      node: StageNode,
      key: string,
      body: Effect.Effect<A, E, R>,
    ): Effect.Effect<A, E | StoreError, R> => {
      const turn = keyTurns.get(key) ?? Effect.unsafeMakeSemaphore(1)
      keyTurns.set(key, turn)
      return turn.withPermits(1)(
        Effect.gen(function* () {
          for (let tries = 0; ; tries++) {
            const attempt = Effect.acquireUseRelease(
              session.tryLock(key),
              (owner): Effect.Effect<Either.Either<A, Owner | "unknown">, E, R> =>
                owner === undefined ? Effect.map(body, Either.right) : Effect.succeed(Either.left(owner)),
              (owner) => (owner === undefined ? session.unlock(key) : Effect.void),
            )
            const inJob = coresBeside && node.occupies === "core" ? attempt : slots.withPermits(1)(attempt)
            const got = yield* node.occupies === undefined
              ? inJob
              : cores.withPermits(node.occupies === "core" ? 1 : coreCount)(inJob)
            if (Either.isRight(got)) return got.right
            if (tries === 0) {
              const owner: Owner | undefined = got.left === "unknown" ? undefined : got.left
              emit({ _tag: "NodeWaiting", node: node.name, owner })
            }
            const pause = Math.min(250, 20 * 1.3 ** tries)
            yield* Effect.sleep(pause)
          }
        }),
      )
    }

    /** Runs the stage and stores what it wrote. The key's lock is held. */
    const execute = (
      planned: PlannedNode,
      node: StageNode,
      document: KeyDocument,
      key: string,
      inputs: Readonly<Record<string, ReadonlyArray<StoredArtifact>>>,
      provenance: ReadonlyArray<NodeProvenance> | undefined,
      reason: Reason,
      previous: Manifest | undefined,
    ) =>
      Effect.scoped(
        Effect.gen(function* () {
          const start = performance.now()
          const at = new Date().toISOString()
          emit({ _tag: "NodeStarted", node: node.name, reason })
          yield* session.beat
          const work = join(session.tmp, String(planned.index))
          // What another run goes on with lies under its key; anything else goes with the session, even after a kill.
          const scratch = node.stage.resumable ? join(store.directory, "scratch", key) : `${work}.scratch`
          yield* Effect.addFinalizer(() => removed(work))
          if (!node.stage.resumable) yield* Effect.addFinalizer(() => removed(scratch))
          const outputs = Object.fromEntries(Object.keys(node.stage.outputs).map((name) => [name, join(work, name)]))
          yield* io("making a work area", work, async () => {
            await rm(work, { recursive: true, force: true })
            for (const folder of [...Object.values(outputs), scratch]) await mkdir(folder, { recursive: true })
          })

          const warnings: Array<string> = []
          let lastProgress = Number.NEGATIVE_INFINITY
          const warn = (message: string): void => {
            warnings.push(message)
            emit({ _tag: "NodeWarning", node: node.name, message })
          }
          const result: StageResult<OutputKinds> = yield* node
            .execute({
              inputs,
              outputs,
              scratch,
              warn,
              ...(provenance === undefined ? {} : { provenance }),
              progress: (progress: Progress) => {
                const now = performance.now()
                if (now - lastProgress < progressEvery && progress.done !== progress.total) return
                lastProgress = now
                emit({ _tag: "NodeProgress", node: node.name, progress })
              },
            })
            .pipe(
              Effect.catchAllDefect(
                (cause): Effect.Effect<never, NodeError> => Effect.fail(new StageDefect({ node: node.name, cause })),
              ),
              Effect.mapError(
                (error): NodeError =>
                  error instanceof StoreError || !saysDiskFull(error)
                    ? error
                    : new StoreError({ reason: "DiskFull", during: `running ${node.name}`, path: work, cause: error }),
              ),
            )

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

          const records: Record<string, OutputRecord> = {}
          for (const [name, folder] of Object.entries(outputs)) {
            const content = yield* store.putObject(session, folder)
            if (content.files.length === 0) return yield* new OutputNotWritten({ node: node.name, output: name })
            const rows = result.rows?.[name]
            records[name] = { ...content, ...(rows === undefined ? {} : { rows }) }
            sound.add(content.hash)
          }
          if (previous !== undefined) {
            const changed = Object.keys(records).filter(
              (name) => previous.outputs[name] !== undefined && previous.outputs[name].hash !== records[name]?.hash,
            )
            if (changed.length > 0) {
              warn(
                `nondeterministic: the same key gave other bytes than in run ${previous.provenance.run} (${changed.join(", ")})`,
              )
            }
          }
          const manifest: Manifest = {
            version: storeVersion,
            stage: node.stage.name,
            actionKey: key,
            key: document,
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
              inputs: Object.fromEntries(
                node.inputs.map(({ name }, input) => [
                  name,
                  (inputs[name] ?? []).map((artifact, position) => originOf(node, input, position, artifact.hash)),
                ]),
              ),
            },
          }
          yield* store.putManifest(session, manifest)
          ranKeys.add(key)
          keys.add(manifest)
          yield* removed(scratch)
          return manifest
        }),
      )

    /** Compares every byte of an object, once in a run. */
    const isSound = (output: string, record: OutputRecord): Effect.Effect<boolean, StoreError> => {
      const turn = hashTurns.get(record.hash) ?? Effect.unsafeMakeSemaphore(1)
      hashTurns.set(record.hash, turn)
      return turn.withPermits(1)(
        Effect.suspend(() => {
          if (sound.has(record.hash)) return Effect.succeed(true)
          return Effect.map(store.damageOf(output, record, "bytes"), (damage) => {
            if (damage.length === 0) sound.add(record.hash)
            return damage.length === 0
          })
        }),
      )
    }

    /** Compares every byte of what a stage is about to read; what is damaged is made again by its node. */
    const checkInputs = (
      node: StageNode,
    ): Effect.Effect<
      { readonly changed: boolean; readonly failed: ReadonlyArray<string> },
      StoreError,
      Fingerprint | DuckDb
    > =>
      Effect.gen(function* () {
        let changed = false
        const failed: Array<string> = []
        for (const { artifacts } of node.inputs) {
          for (const artifact of artifacts) {
            const done = outputsOf(artifact.node.name)[artifact.output]
            const index = positions.get(artifact.node.name)
            if (done?.record === undefined || index === undefined || sound.has(done.artifact.hash)) continue
            if (yield* isSound(artifact.output, done.record)) continue
            changed = true
            const planned = plan.nodes[index]!
            yield* repairs[index]!.withPermits(1)(
              Effect.gen(function* () {
                // Another reader may have seen to it meanwhile.
                if (outputsOf(artifact.node.name)[artifact.output]?.artifact.hash !== done.artifact.hash) return
                if (sound.has(done.artifact.hash)) return
                yield* Effect.matchEffect(processNode(planned, "bytes"), {
                  onFailure: (error) => Effect.sync(() => fail(planned, error)),
                  onSuccess: (outcome) => settle(planned, outcome),
                })
              }),
            )
            if (outcomes[index]?._tag !== "Done") failed.push(artifact.node.name)
          }
        }
        return { changed, failed }
      })

    /** Brings one node to its outputs. The nodes it needs are done. */
    const processNode = (planned: PlannedNode, asked: Depth): Effect.Effect<Outcome, NodeError, Fingerprint | DuckDb> =>
      Effect.gen(function* () {
        const start = performance.now()
        const { node } = planned
        let depth = asked
        if (node._tag === "SourceNode") {
          return sourceOutcome(node, yield* prints.source(node), secondsSince(start))
        }
        const fingerprint = yield* prints.stage(node.stage)
        for (;;) {
          const inputs = inputsOf(node, outputsOf)
          const provenance = provenanceOf(planned, node)
          const document = keyDocument(node, fingerprint, inputs, provenance)
          const key = actionKey(document)
          const mustRun = () => forced.has(node.name) && !ranKeys.has(key)
          const lookup = Effect.suspend(() => store.lookup(node.stage.name, key, ranKeys.has(key) ? "sizes" : depth))
          const hit = (manifest: Manifest): Outcome =>
            manifestOutcome(store, node, manifest, "hit", secondsSince(start), hitReason(manifest))
          if (!mustRun()) {
            const found = yield* lookup
            if (found._tag === "Found" && (yield* isReadable(node, found.manifest))) return hit(found.manifest)
            if (found._tag === "Found") depth = "bytes"
          }
          if (failures.length > 0) return skipped(planned, { _tag: "Stopped", failed: failures[0]!.node })
          const { changed, failed } = yield* checkInputs(node)
          if (failed.length > 0) return skipped(planned, { _tag: "DependencyFailed", nodes: failed })
          if (changed) continue
          return yield* withKey(
            node,
            key,
            Effect.gen(function* () {
              // While this process waited, another may have done it.
              const found = yield* lookup
              if (found._tag === "Found" && !mustRun()) return hit(found.manifest)
              if (failures.length > 0) return skipped(planned, { _tag: "Stopped", failed: failures[0]!.node })
              const reason: Reason = mustRun()
                ? { _tag: "Forced" }
                : yield* missReason(store, keys, document, key, found)
              let previous = found._tag === "Found" || found._tag === "Damaged" ? found.manifest : undefined
              previous ??= (yield* store.formerResult(node.stage.name, key))?.manifest
              if (found._tag === "Damaged") {
                emit({ _tag: "ArtifactDamaged", node: node.name, damage: found.damage })
                damaged.push({ node: node.name, files: damagedFiles(found.damage) })
                yield* store.quarantine(session, found.manifest, found.damage)
              }
              const began = performance.now()
              const manifest = yield* execute(planned, node, document, key, inputs, provenance, reason, previous)
              return manifestOutcome(store, node, manifest, "ran", secondsSince(began), reason)
            }),
          )
        }
      })

    /** What was asked for is about to be read by whoever asked, so it is compared too where that costs little. */
    const isReadable = (node: StageNode, manifest: Manifest): Effect.Effect<boolean, StoreError> =>
      Effect.gen(function* () {
        if (!targets.has(node.name)) return true
        for (const [output, record] of Object.entries(manifest.outputs)) {
          if (record.bytes <= checkedTargetBytes && !(yield* isSound(output, record))) return false
        }
        return true
      })

    const skipped = (planned: PlannedNode, reason: Reason): Outcome => ({
      _tag: "NotDone",
      report: emptyReport(planned, "skipped", reason),
    })

    const fail = (planned: PlannedNode, error: NodeError): void => {
      const report = emptyReport(planned, "failed", { _tag: "Failed", error: error._tag, message: error.message })
      failures.push({ node: planned.node.name, error })
      outcomes[planned.index] = { _tag: "NotDone", report }
      emit({ _tag: "NodeFailed", node: planned.node.name, error, report })
    }

    const settle = (planned: PlannedNode, outcome: Outcome): Effect.Effect<void, StoreError> =>
      Effect.gen(function* () {
        outcomes[planned.index] = outcome
        const { report } = outcome
        if (report.status === "hit") {
          for (const message of report.warnings) emit({ _tag: "NodeWarning", node: report.name, message })
        }
        if (outcome._tag === "Done" && planned.node._tag === "StageNode" && session.readOnly === undefined) {
          const hashes = Object.entries(outcome.outputs).map(([name, { artifact }]): readonly [string, string] => [
            name,
            artifact.hash,
          ])
          yield* store.pointLatest(session, report.name, Object.fromEntries(hashes))
        }
        if (report.status === "skipped") emit({ _tag: "NodeSkipped", node: report.name, report })
        else emit({ _tag: "NodeFinished", node: report.name, report })
      })

    const nodeFiber = (planned: PlannedNode): Effect.Effect<void, never, Fingerprint | DuckDb> =>
      Effect.gen(function* () {
        for (const dependency of planned.dependencies) yield* Deferred.await(gates[dependency]!)
        const missing = planned.dependencies.filter((dependency) => outcomes[dependency]?._tag !== "Done")
        const outcome =
          missing.length === 0
            ? yield* processNode(planned, "sizes")
            : skipped(planned, {
                _tag: "DependencyFailed",
                nodes: missing.map((dependency) => plan.nodes[dependency]!.node.name),
              })
        yield* settle(planned, outcome)
      }).pipe(
        Effect.catchAll((error) => Effect.sync(() => fail(planned, error))),
        Effect.ensuring(Deferred.succeed(gates[planned.index]!, undefined)),
      )

    return {
      runAll: Effect.zipRight(
        // All code is looked at before anything runs, so that an edit during the run is not taken for the code that ran. An
        // error belongs to the nodes of the stage, which ask again.
        Effect.forEach(
          plan.nodes,
          ({ node }) => (node._tag === "StageNode" ? Effect.ignore(prints.stage(node.stage)) : Effect.void),
          { discard: true },
        ),
        Effect.forEach(plan.nodes, nodeFiber, { concurrency: "unbounded", discard: true }),
      ),
      failures: () => failures,
      report: (outcome: RunReport["outcome"], at: string, seconds: number): RunReport => ({
        run: session.id,
        at,
        seconds,
        outcome,
        targets: plan.targets,
        nodes: plan.nodes.map(
          (planned) => outcomes[planned.index]?.report ?? emptyReport(planned, "skipped", { _tag: "Interrupted" }),
        ),
        damaged,
      }),
    }
  })

/** Removes a folder; one that cannot be removed is left to the next run. */
const removed = (path: string): Effect.Effect<void> =>
  Effect.promise(() => rm(path, { recursive: true, force: true }).catch(() => undefined))

/** What a node would do. */
export interface NodePreview {
  readonly name: string
  readonly stage: string | undefined
  /** `undetermined`: it depends on what nodes that must run will make. */
  readonly status: "source" | "hit" | "run" | "undetermined"
  readonly key: string | undefined
  readonly reason: Reason
  readonly outputs: Readonly<Record<string, OutputReport>>
  /** What making the result took when it was made, where that is known. */
  readonly seconds: number | undefined
}

/** What `run` would do, as far as it can be known. Nothing is written. */
export const preview = (
  plan: Plan,
  options: Pick<RunOptions, "force"> = {},
): Effect.Effect<
  ReadonlyArray<NodePreview>,
  StoreError | UnknownTarget | FingerprintError | SourceError,
  RunnerServices
> =>
  Effect.gen(function* () {
    const store = yield* ArtifactStore
    const prints = yield* fingerprints
    const keys = recordedKeys(store)
    const forced = yield* toEffect(nodesNamed(plan, options.force ?? []))
    const previews: Array<NodePreview> = []
    const known = new Map<string, Readonly<Record<string, DoneOutput>>>()
    const manifests = new Map<string, Manifest>()
    for (const planned of plan.nodes) {
      const { node, dependencies } = planned
      if (node._tag === "SourceNode") {
        const outcome = sourceOutcome(node, yield* prints.source(node), 0)
        if (outcome._tag === "Done") known.set(node.name, outcome.outputs)
        const { reason, outputs } = outcome.report
        previews.push({
          name: node.name,
          stage: undefined,
          status: "source",
          key: undefined,
          reason,
          outputs,
          seconds: undefined,
        })
        continue
      }
      const base = { name: node.name, stage: node.stage.name, outputs: {}, seconds: undefined }
      const unknown = dependencies.map((index) => plan.nodes[index]!.node.name).filter((name) => !known.has(name))
      if (unknown.length > 0) {
        previews.push({
          ...base,
          status: "undetermined",
          key: undefined,
          reason: { _tag: "WaitingFor", nodes: unknown },
        })
        continue
      }
      const inputs = inputsOf(node, (name) => known.get(name) ?? {})
      const provenance = node.stage.provenance
        ? provenanceAbove(plan, planned, (name) => manifests.get(name))
        : undefined
      const document = keyDocument(node, yield* prints.stage(node.stage), inputs, provenance)
      const key = actionKey(document)
      const found = yield* store.lookup(node.stage.name, key, "sizes")
      const isForced = forced.has(node.name)
      if (found._tag === "Found" && !isForced) {
        const outcome = manifestOutcome(store, node, found.manifest, "hit", 0, hitReason(found.manifest))
        known.set(node.name, outcome.outputs)
        manifests.set(node.name, found.manifest)
        previews.push({
          ...base,
          status: "hit",
          key,
          reason: outcome.report.reason,
          outputs: outcome.report.outputs,
          seconds: found.manifest.provenance.seconds,
        })
        continue
      }
      const reason: Reason = isForced ? { _tag: "Forced" } : yield* missReason(store, keys, document, key, found)
      previews.push({ ...base, status: "run", key, reason })
    }
    return previews
  })
