import { join } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import { actionKey, type Fingerprint, type Reason } from "../keys/index.ts"
import {
  joinedName,
  nodesNamed,
  type Plan,
  type PlannedNode,
  type StageError,
  type StageNode,
  type UnknownTarget,
} from "../plan/index.ts"
import {
  ArtifactStore,
  collectorLock,
  type Depth,
  type Lookup,
  type Manifest,
  type RemoteError,
  readOnlySession,
  type Session,
  type StoreError,
} from "../store/index.ts"
import type { DuckDb } from "../tables/index.ts"
import { HeldOutcomes } from "./HeldOutcomes.ts"
import { inputRepair } from "./inputRepair.ts"
import { makeJobs } from "./Jobs.ts"
import { type MadeNode, makeNode, type NodeMaking, type NodeTask } from "./makeNode.ts"
import { damagedFiles } from "./missReason.ts"
import { inputsOf, nodeKey, shardFacts } from "./nodeKey.ts"
import { hitOutcome, notDone, type Outcome, ranOutcome, sourceOutcome } from "./Outcome.ts"
import { planFingerprints } from "./PlanFingerprints.ts"
import { provenanceAbove } from "./provenanceAbove.ts"
import { recordedKeys } from "./RecordedKeys.ts"
import type { RunEvent } from "./RunEvent.ts"
import { RunFailed, type RunReport, runRecord } from "./RunReport.ts"
import { makeSharing } from "./Sharing.ts"
import { soundObjects } from "./SoundObjects.ts"
import { secondsSince } from "./secondsSince.ts"
import { Turns } from "./Turns.ts"

const usualJobs = 2

/** So many parts of one divided node are under way at once, the others wait as places in the plan: each under way takes some kilobytes. */
const partsAtOnce = 500

/** Brings a node that has to run to its result: in this process, in another, on another machine. */
export type Executor = (
  making: NodeMaking,
  plan: Plan,
) => Effect.Effect<
  (task: NodeTask) => Effect.Effect<MadeNode, StageError, RunnerServices>,
  StageError,
  RunnerServices | Scope.Scope
>

/** In this process. */
export const inProcess: Executor = (making) => Effect.succeed((task) => makeNode(making, task))

/** How to run a plan. */
export interface RunOptions {
  /** How many stages may run at once. Default: 2, beside which as many that occupy a core each as there are cores. */
  readonly jobs?: number
  /** Nodes or stages to run although their results are stored; the new results are stored too. */
  readonly force?: Iterable<string>
  /** Told of everything that happens, at once; must return quickly. What it throws is ignored. */
  readonly onEvent?: (event: RunEvent) => void
  /** Who makes what is not stored. Default: `inProcess`. */
  readonly executor?: Executor
}

/** Services that running and previewing need. */
export type RunnerServices = ArtifactStore | Fingerprint | DuckDb

/** Targets up to this size are compared byte by byte also on a hit: they take less than a tenth of a second. */
const checkedTargetBytes = 32 * 1024 * 1024

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
      const forced = yield* nodesNamed(plan, options.force ?? [])
      const jobs = Math.max(1, Math.floor(options.jobs ?? usualJobs))
      const damaged: Array<RunReport["damaged"][number]> = []
      const emit = (event: RunEvent): void => {
        if (event._tag === "ArtifactDamaged") damaged.push({ node: event.node, files: damagedFiles(event.damage) })
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

      const { inJob } = makeJobs(jobs, options.jobs === undefined)
      const schedule = yield* makeSchedule(plan, store, session, forced, inJob, emit, options.executor ?? inProcess)
      const finish = (outcome: RunReport["outcome"]) =>
        Effect.gen(function* () {
          const report: RunReport = {
            run: session.id,
            at,
            seconds: secondsSince(started),
            outcome,
            targets: plan.targets,
            within: plan.within,
            nodes: schedule.outcomes.reports(),
            damaged,
          }
          if (session.readOnly === undefined) {
            yield* store.writeRecord(session, join(store.directory, "runs", `${session.id}.json`), runRecord(report))
          }
          emit({ _tag: "RunFinished", report })
          return report
        })
      yield* Effect.onInterrupt(schedule.all, () => Effect.ignore(finish("interrupted")))
      const { failures } = schedule
      const isLeft = plan.nodes.some(({ index }) => schedule.outcomes.isLeft(index))
      const report = yield* finish(failures.length > 0 ? "failed" : isLeft ? "left" : "succeeded")
      return failures.length === 0 ? report : yield* new RunFailed({ report, failures })
    }),
  )

const waitForCollector = (session: Session, emit: (event: RunEvent) => void) =>
  Effect.gen(function* () {
    for (let told = false; ; told = true) {
      const owner = yield* session.holderOf(collectorLock)
      if (owner === undefined) return
      if (!told) emit({ _tag: "NodeWaiting", node: undefined, owner: owner === "unknown" ? undefined : owner })
      yield* Effect.sleep("100 millis")
    }
  })

/** Nodes that are ready together: the parts of one node, which read the same, or one that is whole. */
const readyTogether = ({ nodes }: Plan): ReadonlyArray<ReadonlyArray<PlannedNode>> => {
  const groups = new Map<string, Array<PlannedNode>>()
  for (const planned of nodes) {
    const { node } = planned
    const isPart = node._tag === "StageNode" && node.shard !== undefined
    // No node's name begins so.
    const name = isPart ? `.${joinedName(node.name)}` : node.name
    const known = groups.get(name)
    if (known === undefined) groups.set(name, [planned])
    else known.push(planned)
  }
  return [...groups.values()]
}

/** A fiber for nodes that are ready together: it waits for the nodes before them, and each is a hit or made. */
const makeSchedule = (
  plan: Plan,
  store: ArtifactStore["Type"],
  session: Session,
  forced: ReadonlySet<string>,
  inJob: NodeMaking["inJob"],
  emit: (event: RunEvent) => void,
  executor: Executor,
) =>
  Effect.gen(function* () {
    const prints = yield* planFingerprints
    const keys = recordedKeys(store)
    const sharing = makeSharing(store, session, emit)
    const sound = soundObjects(store, sharing)
    const groups = yield* Effect.forEach(readyTogether(plan), (nodes) =>
      Effect.map(Deferred.make<void>(), (done) => ({ nodes, done })),
    )
    const groupOf: Array<(typeof groups)[number]> = []
    for (const group of groups) for (const { index } of group.nodes) groupOf[index] = group
    /** A key's lock is for other processes. */
    const keyTurns = new Turns()
    const madeKeys = new Set<string>()
    const outcomes = new HeldOutcomes(plan, store)
    const outputsOf = (name: string) => outcomes.outputsOf(name)
    const partOf = (name: string) => outcomes.partOf(name)
    const failures: Array<{ readonly node: string; readonly error: StageError }> = []
    const stoppedBy = () => failures[0]?.node
    const made = Effect.cached(
      executor({ store, session, prints, keys, sharing, emit, inJob, stoppedBy }, plan).pipe(
        Scope.extend(yield* Effect.scope),
      ),
    )
    const opened = yield* made

    const targets = new Set(Object.values(plan.targets).flat())
    /** Parts that `latest` has of each node, maybe of another number of them. */
    const formerParts = yield* store.latestParts

    /** What was asked for is about to be read by whoever asked, so it is compared too where that costs little. */
    const isReadable = (node: StageNode, manifest: Manifest): Effect.Effect<boolean, RemoteError | StoreError> =>
      Effect.gen(function* () {
        if (!targets.has(node.name)) return true
        for (const [output, record] of Object.entries(manifest.outputs)) {
          if (!(yield* sharing.bring(node.name, record))) return false
          if (record.bytes <= checkedTargetBytes && !(yield* sound.check(node.name, output, record))) return false
        }
        return true
      })

    /** The result as the remote has it. What was asked for is brought. */
    const fromRemote = (node: StageNode, key: string, found: Lookup) =>
      Effect.gen(function* () {
        const manifest = yield* sharing.find(node, key, found)
        return manifest === undefined || !(yield* isReadable(node, manifest)) ? undefined : manifest
      })

    /** Brings one node to its outputs. The nodes it needs are done. */
    const bring = (planned: PlannedNode, asked: Depth): Effect.Effect<Outcome, StageError, RunnerServices> =>
      Effect.gen(function* () {
        const start = performance.now()
        const { node } = planned
        if (node._tag === "SourceNode") {
          return sourceOutcome(node, yield* prints.source(node), secondsSince(start))
        }
        const fingerprint = yield* prints.stage(node.stage)
        let depth = asked
        for (;;) {
          const inputs = inputsOf(node, outputsOf)
          const provenance = node.stage.provenance
            ? provenanceAbove(plan, planned, (name) => outcomes.manifestOf(name), partOf)
            : undefined
          const document = nodeKey(node, fingerprint, inputs, provenance)
          const key = actionKey(document)
          const mustRun = () => forced.has(node.name) && !madeKeys.has(key)
          const depthNow = (): Depth => (madeKeys.has(key) ? "sizes" : depth)
          if (!mustRun()) {
            let found = yield* store.lookup(node.stage.name, key, depthNow())
            if (found._tag === "Found" && !(yield* isReadable(node, found.manifest))) {
              depth = "bytes"
              found = yield* store.lookup(node.stage.name, key, depth)
            }
            if (found._tag === "Found") {
              const { manifest } = yield* sharing.share(node, found.manifest)
              if (manifest === found.manifest) return hitOutcome(store, node, manifest, secondsSince(start))
            }
            const there = yield* fromRemote(node, key, found)
            if (there !== undefined) return hitOutcome(store, node, there, secondsSince(start), store.remote?.address)
          }
          const failed = stoppedBy()
          if (failed !== undefined) return notDone(planned, "skipped", { _tag: "Stopped", failed })
          const repaired = yield* repair(node)
          if (repaired.failed.length > 0) {
            const { failed: nodes } = repaired
            const isLeft = nodes.every((name) => outcomes.isLeft(outcomes.planned(name)?.index ?? -1))
            return notDone(planned, "skipped", { _tag: isLeft ? "WaitingFor" : "DependencyFailed", nodes })
          }
          // Made again, an input may have other bytes: then it is another key.
          if (repaired.changed) continue
          return yield* keyTurns.inTurn(key)(
            Effect.gen(function* () {
              const made = yield* (yield* opened)({
                node,
                key,
                document,
                inputs,
                provenance,
                facts: shardFacts(node, partOf),
                forced: mustRun(),
                depth: depthNow(),
                workName: String(planned.index),
              })
              if (made._tag === "Stopped") {
                return notDone(planned, "skipped", { _tag: "Stopped", failed: made.failed })
              }
              if (made._tag === "Left") return notDone(planned, "skipped", { _tag: "Left" })
              if (made._tag === "Found") {
                const from = made.isLocal ? undefined : store.remote?.address
                if (!made.isLocal) yield* isReadable(node, made.manifest)
                return hitOutcome(store, node, made.manifest, secondsSince(start), from)
              }
              madeKeys.add(key)
              keys.add(made.manifest)
              if (made.isLocal) for (const { hash } of Object.values(made.manifest.outputs)) sound.add(hash)
              const shared = yield* sharing.share(node, made.manifest)
              if (!made.isLocal || shared.manifest !== made.manifest) yield* isReadable(node, shared.manifest)
              return ranOutcome(store, node, shared.manifest, made.seconds, made.reason, shared.warnings)
            }),
          )
        }
      })

    const fail = (planned: PlannedNode, error: StageError): void => {
      const reason: Reason = { _tag: "Failed", error: error._tag, message: error.message }
      const outcome = notDone(planned, "failed", reason)
      failures.push({ node: planned.node.name, error })
      outcomes.set(planned, outcome)
      emit({ _tag: "NodeFailed", node: planned.node.name, error, report: outcome.report })
    }

    const settle = (planned: PlannedNode, outcome: Outcome): Effect.Effect<void, StoreError> =>
      Effect.gen(function* () {
        outcomes.set(planned, outcome)
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
          const former = formerParts.get(report.name) ?? []
          const parts = new Set(former.length === 0 ? [] : planned.dependencies.map((at) => plan.nodes[at]!.node.name))
          for (const name of former) if (!parts.has(name)) yield* store.forgetLatest(name)
        }
        if (report.status === "skipped") emit({ _tag: "NodeSkipped", node: report.name, report })
        else emit({ _tag: "NodeFinished", node: report.name, report })
      })

    const repair = inputRepair(outcomes, sound, (planned) =>
      Effect.matchEffect(bring(planned, "bytes"), {
        onFailure: (error) => Effect.sync(() => fail(planned, error)),
        onSuccess: (outcome) => settle(planned, outcome),
      }),
    )

    /** A node whose nodes before it have ended, well or not. */
    const bringReady = (planned: PlannedNode): Effect.Effect<void, never, RunnerServices> =>
      Effect.gen(function* () {
        const missing = planned.dependencies.filter((dependency) => !outcomes.isDone(dependency))
        const nodes = missing.map((dependency) => plan.nodes[dependency]!.node.name)
        const isLeft = missing.every((dependency) => outcomes.isLeft(dependency))
        const outcome =
          missing.length === 0
            ? yield* bring(planned, "sizes")
            : notDone(planned, "skipped", { _tag: isLeft ? "WaitingFor" : "DependencyFailed", nodes })
        yield* settle(planned, outcome)
      }).pipe(Effect.catchAll((error) => Effect.sync(() => fail(planned, error))))

    const groupFiber = ({ done, nodes }: (typeof groups)[number]): Effect.Effect<void, never, RunnerServices> =>
      Effect.gen(function* () {
        const before = new Set(nodes.flatMap(({ dependencies }) => dependencies.map((index) => groupOf[index]!)))
        for (const group of before) yield* Deferred.await(group.done)
        let next = 0
        // Effect's own limit would hold each fiber that ever was.
        const inTurns = Effect.gen(function* () {
          for (let planned = nodes[next++]; planned !== undefined; planned = nodes[next++]) yield* bringReady(planned)
        })
        const turns = Math.min(nodes.length, partsAtOnce)
        yield* Effect.all(
          Array.from({ length: turns }, () => inTurns),
          { concurrency: "unbounded", discard: true },
        )
      }).pipe(Effect.ensuring(Deferred.succeed(done, undefined)))

    /** All code is looked at before anything runs, so that an edit during the run is not taken for the code that ran. */
    const lookAtCode = Effect.forEach(
      plan.nodes,
      // An error belongs to the nodes of the stage, which ask again.
      ({ node }) => (node._tag === "StageNode" ? Effect.ignore(prints.stage(node.stage)) : Effect.void),
      { discard: true },
    )

    return {
      all: Effect.zipRight(lookAtCode, Effect.forEach(groups, groupFiber, { concurrency: "unbounded", discard: true })),
      outcomes,
      failures,
    }
  })
