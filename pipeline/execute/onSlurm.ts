import { createHash, randomBytes } from "node:crypto"
import { existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { dirname, join, relative } from "node:path"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { causeText, makeFolders } from "../../schemas/index.ts"
import { canonicalJson } from "../keys/index.ts"
import { type Json, joinedName, type StageError } from "../plan/index.ts"
import { type Executor, type MadeNode, type NodeMaking, reasonOf, storePlan } from "../run/index.ts"
import type { Manifest, RemoteError, StoreError } from "../store/index.ts"
import { lastLines, mostAttempts, submitWords, type TaskProgram, taskWords } from "./inChildren.ts"
import { keepHeapSmall } from "./keepHeapSmall.ts"
import { type AskedNeeds, askedNeeds } from "./Labels.ts"
import { newResult } from "./newResult.ts"
import {
  cancelPending,
  cancelTasks,
  endOfTask,
  needsWords,
  placeWords,
  queuedTasks,
  type SlurmError,
  type SlurmTask,
  shellWord,
  submitAfter,
  submitArray,
} from "./Slurm.ts"
import { type ShownTask, showMessage, showStart } from "./showTask.ts"
import { TaskDied, TaskFailed } from "./TaskError.ts"
import { dropEmptyLog, logFolder, MessageReader, messageFile, openLog, outputFile } from "./TaskLog.ts"

/** How tasks are given to Slurm. */
export interface SlurmOptions {
  readonly program: TaskProgram
  /** Of what the program makes the plan again. */
  readonly recipe: Json
  /** Words that name the store: `--artifacts …`. */
  readonly store: ReadonlyArray<string>
  /** Words for `sbatch`: partition, graphics cards, time. */
  readonly options: ReadonlyArray<string>
  /** What nodes need; where nothing is said, the options say it for all. */
  readonly needs?: ReadonlyArray<AskedNeeds>
  /**
   * Whether the run ends when what is ready was submitted, and leaves it to Slurm: a job that begins when one of its arrays has ended
   * (`submit`) then gives what has become ready, until all is made.
   */
  readonly detach: boolean
  /** Where this is such a job: what the run that left has given before. */
  readonly given?: GivenTasks
  /** What tells the runs of one plan, attached or not, from others: an attached one takes over from those that left. */
  readonly chain: Json
  /** Milliseconds between two looks at Slurm's queue. Default 5,000. */
  readonly every?: number
}

/** By key, how often a task was given, its last attempt's job (`123_4`), and where that says how it goes (a name for `messageFile`). */
export const GivenTasks = Schema.Record({
  key: Schema.String,
  value: Schema.Struct({ attempts: Schema.Number, job: Schema.String, message: Schema.String }),
})
export type GivenTasks = typeof GivenTasks.Type

const jobPrefix = "rankdag-"

/** Slurm's usual limit of an array. */
const mostElements = 1000

/** Tasks that become ready together are submitted together. */
const gatherMilliseconds = 200

/** While as many of a run's tasks wait in Slurm's queue, fewer than these are not submitted, but after a while. */
const fewTasks = 100
const fewMilliseconds = 10_000

/** Milliseconds for which Slurm may not answer. */
const mostSilence = 600_000

/** Milliseconds between two looks at the store, which cost Slurm nothing. */
const storeEvery = 500

/** Of tasks that have not begun, by what Slurm says, so many are looked for in the store at a time: another may have made them. */
const mostLooks = 200

/** So often a task that Slurm has forgotten is given again as if it had not been. */
const mostForgotten = 10

/** A look at Slurm's queue and one at the store are not of the same moment: so many looks in a row have to agree. */
const looksToBelieve = 3
const looksAfterDone = 120

/** The keys of an array's elements, kept beside the logs: so another run finds what is queued. */
const Batch = Schema.parseJson(Schema.Array(Schema.String))
const batchFile = (store: string, name: string): string => join(store, "logs/slurm", `${name}.json`)

interface Waiting extends ShownTask {
  readonly done: Deferred.Deferred<MadeNode, StageError>
  /** Whether a result is what was asked for. */
  readonly isNew: (manifest: Manifest) => boolean
  /** Of the attempt that is under way, or was last. */
  messages: MessageReader | undefined
  /** Milliseconds since 1970. */
  readonly askedAt: number
  attempts: number
  /** How often Slurm knew nothing of it after it was submitted. */
  forgotten: number
  /** Of the attempt that is under way. */
  job: string | undefined
  /** What making it took, once its process said so. */
  seconds: number | undefined
  /** How many looks in a row found neither a job nor a result. */
  missed: number
  /** Before this time it is not submitted again: another process holds its key. */
  notBefore: number
}

/** Each node as an element of a job array. Whether it is made is what the store says; Slurm's queue only says when to give it again. */
export const onSlurm =
  (how: SlurmOptions): Executor =>
  (making, plan) =>
    Effect.gen(function* () {
      const { store } = making
      keepHeapSmall()
      const hash = yield* storePlan(plan, how.recipe, making.session)
      const waiting = new Map<string, Waiting>()
      const ready: Array<Waiting> = []
      const failAll = (error: StageError) =>
        Effect.forEach([...waiting.values()], ({ done }) => Deferred.fail(done, error), { discard: true })

      const next = `${jobPrefix}next-${createHash("sha256").update(canonicalJson(how.chain)).digest("hex").slice(0, 16)}`
      yield* cancelPending(next)
      const given = new Map(Object.entries(how.given ?? {}))
      /** Arrays that have tasks of this run. */
      const arrays = new Set<string>()

      let queued = yield* queuedTasks(jobPrefix)
      /** Keys of what an earlier run left in the queue. */
      const found = yield* keysOf(making, queued)
      // On a machine with a folder of its own only what was given before says what a job makes.
      const living = new Map(queued.map((task) => [task.id, task]))
      for (const [key, { job }] of given) {
        const task = living.get(job)
        if (task !== undefined) found.set(key, task)
      }

      const submit = Effect.gen(function* () {
        const now = Date.now()
        const due = ready.splice(0).filter((each) => {
          if (each.notBefore <= now) return true
          ready.push(each)
          return false
        })
        const queuing = [...waiting.values()].filter(({ job, started }) => job !== undefined && !started).length
        const isRecent = due.every(({ askedAt }) => now - askedAt < fewMilliseconds)
        if (due.length < fewTasks && queuing >= fewTasks && isRecent) {
          ready.push(...due)
          return
        }
        yield* Effect.gen(function* () {
          for (const { batch, words } of arraysOf(due, how)) {
            const keys = batch.map(({ task }) => task.key)
            const name = `${jobPrefix}${createHash("sha256").update(randomBytes(16)).digest("hex").slice(0, 16)}`
            for (const { task } of batch) yield* openLog(store.directory, task.node.name, task.key)
            makeFolders(dirname(batchFile(store.directory, name)))
            yield* store.writeWhole(making.session, batchFile(store.directory, name), JSON.stringify(keys))
            const script = arrayScript(name, batch, how, hash, store.directory)
            const array = yield* submitArray(name, batch.length, words, script)
            for (const [element, each] of batch.entries()) {
              each.job = `${array}_${element}`
              each.messages = new MessageReader(messageFile(store.directory, each.task.key, `${name}_${element}`))
              each.attempts++
              each.started = false
              each.seconds = undefined
              each.missed = 0
              arrays.add(array)
              given.set(each.task.key, { attempts: each.attempts, job: each.job, message: `${name}_${element}` })
              if (how.detach) yield* Deferred.succeed(each.done, { _tag: "Left" })
            }
          }
        }).pipe(
          // What Slurm did not take is given to it again.
          Effect.tapError(() => Effect.sync(() => ready.push(...due.filter(({ job }) => job === undefined)))),
        )
      })

      const every = how.every ?? 5000
      let lookedAt = Number.NEGATIVE_INFINITY
      /** The first of the waiting that are looked at next, although Slurm says that they have not begun. */
      let turn = 0
      const look = Effect.gen(function* () {
        yield* submit
        let living: ReadonlySet<string> | undefined
        if (waiting.size > 0 && performance.now() - lookedAt >= every) {
          queued = yield* queuedTasks(jobPrefix)
          living = new Set(queued.map(({ id }) => id))
          lookedAt = performance.now()
          // One that had begun gives out the next when it ends.
          if (!how.detach && queued.some(({ name }) => name === next)) yield* cancelPending(next)
        }
        const running = new Set(queued.flatMap(({ id, state }) => (state === "RUNNING" ? [id] : [])))
        const pending = new Set(queued.flatMap(({ id, state }) => (state === "PENDING" ? [id] : [])))
        const [from, to] = [turn, turn + mostLooks]
        turn = to < waiting.size ? to : 0
        let place = 0
        for (const each of waiting.values()) {
          const isDue = ++place > from && place <= to
          if (!isDue && !each.started && each.job !== undefined && pending.has(each.job)) {
            // That it waits is known.
            if (living !== undefined) each.missed = 0
            continue
          }
          // Messages of machines with a folder of their own are not seen.
          if (store.remote !== undefined && each.job !== undefined && running.has(each.job)) showStart(making, each)
          yield* settle(making, each, living, ready)
        }
      })
      // Slurm's controller may be away for a while: tasks go on without it, and so does this.
      let silentSince: number | undefined
      const cycle = Effect.matchEffect(look, {
        onSuccess: () => Effect.sync(() => (silentSince = undefined)),
        onFailure: (error): Effect.Effect<unknown> => {
          silentSince ??= performance.now()
          const isPatient = isFleeting(error) && performance.now() - silentSince < mostSilence
          return isPatient ? Effect.void : failAll(error)
        },
      })
      yield* Effect.forkScoped(Effect.forever(Effect.zipRight(cycle, Effect.sleep(storeEvery))))
      const goOn = Effect.suspend(() => {
        if (arrays.size === 0) return Effect.void
        // On a machine with a folder of its own that folder may not be there.
        const output = store.remote === undefined ? join(store.directory, "logs/slurm", `${next}.log`) : "/dev/null"
        const place = placeWords(how.options)
        return submitAfter(next, [...arrays], place, output, nextScript(how, hash, making.session.id, given))
      }).pipe(
        Effect.catchAll(({ message }) =>
          Effect.sync(() => {
            const told = `What waits for these tasks is given to Slurm when the same command is given again: ${message}`
            making.emit({ _tag: "StoreNotice", message: told })
          }),
        ),
      )
      const takeBack = Effect.suspend(() => cancelTasks([...waiting.values()].flatMap(({ job }) => job ?? [])))
      yield* Effect.addFinalizer(() => (how.detach ? goOn : Effect.zipRight(takeBack, cancelPending(next))))
      const gathered = Effect.zipRight(
        Effect.sleep(gatherMilliseconds),
        Effect.catchAll(submit, (error) => (isFleeting(error) ? Effect.void : failAll(error))),
      )

      return (task) =>
        Effect.gen(function* () {
          const failed = making.stoppedBy()
          if (failed !== undefined) return { _tag: "Stopped" as const, failed }
          const { key, node } = task
          const stored = yield* store.lookup(node.stage.name, key, "sizes")
          const job = found.get(key)
          const before = given.get(key)
          if (job !== undefined) arrays.add(job.array)
          // One that failed is tried when the command is given again, as is one whose process died each time.
          else if (before !== undefined && isHopeless(store.directory, key, before)) return { _tag: "Left" as const }
          const each: Waiting = {
            task,
            done: yield* Deferred.make<MadeNode, StageError>(),
            reason: yield* reasonOf(making, task, stored),
            isNew: newResult(task, stored),
            messages:
              job === undefined
                ? undefined
                : new MessageReader(messageFile(store.directory, key, `${job.name}_${job.element}`)),
            askedAt: Date.now(),
            attempts: job === undefined ? (before?.attempts ?? 0) : 1,
            forgotten: 0,
            job: job?.id,
            started: false,
            seconds: undefined,
            missed: 0,
            notBefore: 0,
          }
          waiting.set(key, each)
          if (job === undefined) {
            ready.push(each)
            yield* gathered
          } else if (how.detach) return { _tag: "Left" as const }
          return yield* Effect.onExit(Deferred.await(each.done), (exit) =>
            // Interrupted, its job is taken back with the others'.
            Effect.sync(() => (how.detach || !Exit.isInterrupted(exit) ? void waiting.delete(key) : undefined)),
          )
        })
    })

/**
 * Tasks by the words that they need for `sbatch`, in arrays of as many as Slurm takes. Of a run that leaves each node, with all of its parts,
 * is in one of its own: so what waits for it need not wait for others.
 */
const arraysOf = (due: ReadonlyArray<Waiting>, { detach, needs = [], options }: SlurmOptions) => {
  const alike = new Map<string, { readonly words: ReadonlyArray<string>; readonly tasks: Array<Waiting> }>()
  for (const each of due) {
    const { node } = each.task
    const words = [...options, ...needsWords(askedNeeds(node, needs))]
    const name = [...(detach ? [node.shard === undefined ? node.name : joinedName(node.name)] : []), ...words].join(
      "\0",
    )
    const known = alike.get(name) ?? { words, tasks: [] }
    known.tasks.push(each)
    alike.set(name, known)
  }
  return [...alike.values()].flatMap(({ tasks, words }) =>
    Array.from({ length: Math.ceil(tasks.length / mostElements) }, (_, at) => ({
      words,
      batch: tasks.slice(at * mostElements, (at + 1) * mostElements),
    })),
  )
}

/** What passes by itself: the controller is away, or the store is. A user's option that Slurm refuses does not. */
const isFleeting = (error: RemoteError | SlurmError | StoreError): boolean =>
  (error._tag === "RemoteError" && error.reason === "Unreachable") ||
  (error._tag === "SlurmError" &&
    !error.missing &&
    (error.command !== "sbatch" ||
      /contact slurm controller|timed out|connection refused|temporarily/i.test(error.said)))

/** Keys by what an earlier run left in the queue. */
const keysOf = ({ store }: NodeMaking, queued: ReadonlyArray<SlurmTask>) =>
  Effect.sync(() => {
    const jobs = new Map<string, SlurmTask>()
    const batches = new Map<string, ReadonlyArray<string>>()
    for (const each of queued) {
      const { element, name } = each
      const path = batchFile(store.directory, name)
      const keys =
        batches.get(name) ??
        (existsSync(path) ? Either.getOrElse(Schema.decodeEither(Batch)(readFileSync(path, "utf8")), () => []) : [])
      batches.set(name, keys)
      const key = element === undefined ? undefined : keys[element]
      if (key !== undefined) jobs.set(key, each)
    }
    return jobs
  })

/**
 * Looks what became of a task: by its key in the store, by what it said, and last by the queue.
 *
 * @param living what is queued or runs; left out where Slurm was not asked this time
 */
const settle = (
  making: NodeMaking,
  each: Waiting,
  living: ReadonlySet<string> | undefined,
  ready: Array<Waiting>,
): Effect.Effect<void, RemoteError | StoreError> =>
  Effect.gen(function* () {
    const { session, store } = making
    const { done, task } = each
    const { key, node } = task
    for (const message of each.messages?.next() ?? []) {
      switch (message._tag) {
        case "Made":
          each.seconds = message.seconds
          break
        case "Failed":
          yield* Deferred.fail(done, new TaskFailed(message.error, message.message))
          return
        case "Held":
          // No attempt: it did nothing. It is given again when the other has ended, or is known to be dead.
          each.attempts--
          each.job = undefined
          each.notBefore = Date.now() + 5000
          ready.push(each)
          return
        default:
          showMessage(making, each, message)
      }
    }
    const { seconds } = each
    const made = existsSync(store.manifestPath(node.stage.name, key))
      ? yield* store.lookup(node.stage.name, key, "sizes")
      : undefined
    const finish = (manifest: Manifest, isLocal: boolean) =>
      Effect.suspend(() => {
        forget(store.directory, key)
        const isMade = each.started || seconds !== undefined
        return Deferred.succeed(
          done,
          isMade
            ? { _tag: "Made", manifest, reason: each.reason, seconds: seconds ?? manifest.provenance.seconds, isLocal }
            : { _tag: "Found", manifest, isLocal },
        )
      })
    if (made?._tag === "Found" && each.isNew(made.manifest)) {
      yield* finish(made.manifest, true)
      return
    }
    if (each.job === undefined) return
    // A process that had begun holds its key's lock; Slurm may call an element running for minutes after its node is gone. One that
    // said that it is done may be seen before its result is, on a file system that is told of changes late. Where each machine has a
    // folder of its own, no lock is seen, and it is Slurm that knows.
    const hasLock = each.started && store.remote === undefined
    if (!hasLock && living === undefined) return
    const isAtWork = hasLock ? (yield* session.holderOf(key)) !== undefined : living?.has(each.job) === true
    const shared = isAtWork ? undefined : yield* making.sharing.find(node, key, { _tag: "Unknown" })
    if (shared !== undefined && each.isNew(shared)) {
      yield* finish(shared, false)
      return
    }
    each.missed = isAtWork ? 0 : each.missed + 1
    if (each.missed < (seconds === undefined ? looksToBelieve : looksAfterDone)) return
    const how = yield* endOfTask(each.job)
    yield* cancelTasks([each.job])
    // A controller that ends at once forgets what it was given in its last seconds: no process has died of that.
    if (how === undefined && !each.started && each.forgotten++ < mostForgotten) each.attempts--
    if (each.attempts < mostAttempts) {
      each.job = undefined
      ready.push(each)
      return
    }
    const log = outputFile(store.directory, key)
    yield* Deferred.fail(
      done,
      new TaskDied({
        node: node.name,
        attempts: each.attempts,
        how: how ?? "what Slurm no longer tells",
        lines: lastLines(log),
        log: relative(store.directory, log),
      }),
    )
  }).pipe(
    Effect.catchAllDefect((defect) =>
      Effect.asVoid(Deferred.fail(each.done, new TaskFailed("TaskLog", causeText(defect)))),
    ),
  )

/** Whether a task's process has died as often as it is tried, or its last attempt failed by an error of its own. */
const isHopeless = (store: string, key: string, { attempts, message }: GivenTasks[string]): boolean =>
  attempts >= mostAttempts ||
  new MessageReader(messageFile(store, key, message)).next().some(({ _tag }) => _tag === "Failed")

/** Of what became a result nobody reads what was said while it was made; what it printed stays. */
const forget = (store: string, key: string): void => {
  const folder = logFolder(store, key)
  if (!existsSync(folder)) return
  for (const file of readdirSync(folder)) if (file.endsWith(".jsonl")) rmSync(join(folder, file), { force: true })
  dropEmptyLog(outputFile(store, key))
}

/** A script whose element with a number makes the key with that number. */
const arrayScript = (
  name: string,
  tasks: ReadonlyArray<Waiting>,
  { program: { command }, store: place }: SlurmOptions,
  plan: string,
  store: string,
): string =>
  [
    "#!/bin/sh",
    "output=/dev/null",
    'case "$SLURM_ARRAY_TASK_ID" in',
    ...tasks.map(({ askedAt, attempts, task }, element) => {
      const asker = { name: "slurm", attempt: attempts + 1, askedAt }
      const words = [
        ...taskWords(task, plan, place, asker),
        "--events",
        messageFile(store, task.key, `${name}_${element}`),
      ]
      return `${element}) output=${shellWord(outputFile(store, task.key))}; set -- ${words.map(shellWord).join(" ")} ;;`
    }),
    "esac",
    // On a machine with a folder of its own it is not there.
    'mkdir -p "$(dirname "$output")"',
    `exec ${command.map(shellWord).join(" ")} "$@" >>"$output" 2>&1`,
    "",
  ].join("\n")

/** A script that goes on with a run that left. */
const nextScript = (
  { program: { command }, store: place }: SlurmOptions,
  plan: string,
  run: string,
  given: ReadonlyMap<string, GivenTasks[string]>,
): string => {
  const words = [...command, ...submitWords(plan, run, "slurm", place)]
  return [
    "#!/bin/sh",
    `exec ${words.map(shellWord).join(" ")} <<'END'`,
    JSON.stringify(Object.fromEntries(given)),
    "END",
    "",
  ].join("\n")
}
