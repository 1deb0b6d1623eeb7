import type { ChildProcess } from "node:child_process"
import { readFileSync, statSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { PgBoss } from "pg-boss"
import { ArtifactStore } from "../store/index.ts"
import { endOf, heardHere, lastLines, submitWords, type TaskProgram, taskProcess, taskWords } from "./inChildren.ts"
import { type Labels, labelsText, meets, needsOfQueue } from "./Labels.ts"
import {
  asked,
  heartbeatSeconds,
  jobOf,
  jobsOf,
  leftBy,
  mostNews,
  newsChannel,
  openBoss,
  PostgresNews,
  type PostgresOutcome,
  type PostgresPlace,
  PostgresTask,
} from "./PgBoss.ts"
import { attemptLog, dropEmptyLog, openLog, sharedLog, submitLog } from "./TaskLog.ts"
import type { TaskMessage, TaskReply } from "./TaskMessage.ts"

/** How a worker works. */
export interface WorkerOptions extends PostgresPlace {
  readonly program: TaskProgram
  /** Words that name the store: `--artifacts …`. */
  readonly store: ReadonlyArray<string>
  /** What this machine has. */
  readonly labels: Labels
  /** Names this worker to people. */
  readonly name: string
  readonly say: (line: string) => void
}

const idleMilliseconds = 1000

/** A worker whose code is another leaves tasks to others for a while. */
const refusedMilliseconds = 5000

/** How often what a task tells is passed on. */
const newsMilliseconds = 500

/** How often it is tried to give out what follows a task, and how long is waited in between. */
const mostSubmits = 3
const submitMilliseconds = 5000

/** How long a task rests that was refused, or that another holds, where no run looks after it. */
const restSeconds = 5

/** Of a longer log the end goes where the results go. */
const mostLogBytes = 1024 * 1024

const decodeTask = Schema.decodeUnknownEither(PostgresTask)
const encodeNews = Schema.encodeSync(PostgresNews)

/** Errors that say that this machine is not the right one: no attempt. */
const refusals = new Set(["CodeDiffers", "HardwareDiffers", "PlanUnreadable", "KeyUnknown", "NotInstalledError"])

/** A task that was taken from the queue. */
interface Taken {
  readonly boss: PgBoss
  readonly queue: string
  /** With how often it was lost, so that nothing is said of what another worker has by now. */
  readonly job: { readonly id: string; readonly retryCount: number }
  readonly task: PostgresTask
}

/**
 * Takes tasks from a database's queues, one at a time, until it is interrupted. It computes nothing itself: each task is a process of
 * its own, which ends with it, and this one tells the database that it lives.
 */
export const workOnPostgres = (options: WorkerOptions) =>
  Effect.gen(function* () {
    const { address, labels, say } = options
    const boss = yield* opened(options)
    /** What it may take, the most demanding first: others may not be able to. */
    const queues = Effect.map(
      asked(address, () => boss.getQueues()),
      (all) =>
        all
          .flatMap(({ name }) => {
            const needs = needsOfQueue(name)
            return needs !== undefined && meets(labels, needs) ? [{ name, demands: needs.size }] : []
          })
          .sort((a, b) => b.demands - a.demands || (a.name < b.name ? -1 : 1)),
    )
    const next = Effect.gen(function* () {
      for (const { name: queue } of yield* queues) {
        const [job] = yield* asked(address, () => boss.fetch(queue))
        if (job !== undefined) return { queue, job }
      }
      return undefined
    })
    /** What is to be told must arrive; the result in the store counts until then. */
    const tell = (ask: () => Promise<unknown>) =>
      Effect.retry(asked(address, ask), { times: 60, while: () => true }).pipe(Effect.ignore)
    say(
      `takes tasks${labels.size === 0 ? " that need nothing special" : ` that need nothing or ${labelsText(labels)}`}`,
    )
    for (;;) {
      const found = yield* Effect.either(next)
      if (Either.isLeft(found)) say(`${found.left.message}; asks again`)
      const taken = Either.isRight(found) ? found.right : undefined
      if (taken === undefined) {
        yield* Effect.sleep(idleMilliseconds)
        continue
      }
      const { job, queue } = taken
      const task = decodeTask(job.data)
      if (Either.isLeft(task)) {
        const message = "a task of another form was in the queue, as of another version"
        const outcome: PostgresOutcome = { _tag: "Failed", error: "TaskUnreadable", message }
        yield* tell(() => boss.complete(queue, job, outcome))
        continue
      }
      const { node } = task.right
      say(`${node} ${task.right.key.slice(0, 12)} begins`)
      const ended: PostgresOutcome = {
        _tag: "GivenBack",
        why: "its worker was ended",
        refused: false,
        worker: options.name,
      }
      const end = yield* oneTask(options, { boss, queue, job, task: task.right }).pipe(
        Effect.onInterrupt(() =>
          Effect.ignore(asked(address, () => giveBack({ boss, queue, job, task: task.right }, ended, 0))),
        ),
      )
      switch (end._tag) {
        case "Died":
          say(`${node} died by ${end.how}`)
          yield* tell(() => boss.fail(queue, job, { how: end.how, lines: end.lines }))
          break
        case "Dropped":
          say(`${node} is not asked for any more`)
          break
        case "Outcome": {
          const { outcome } = end
          const isRefused = outcome._tag === "GivenBack" && outcome.refused
          say(`${node} ${saidOf(outcome)}`)
          yield* tell(() =>
            outcome._tag === "GivenBack"
              ? giveBack({ boss, queue, job, task: task.right }, outcome, restSeconds)
              : boss.complete(queue, job, outcome),
          )
          yield* news(options, boss, task.right.key, [end.message])
          if (isRefused) yield* Effect.sleep(refusedMilliseconds)
        }
      }
    }
  }).pipe(Effect.scoped)

/** What became of a task, in words. */
const saidOf = (outcome: PostgresOutcome): string => {
  switch (outcome._tag) {
    case "Done":
      return outcome.found ? "is there" : `made in ${outcome.seconds.toFixed(1)} s`
    case "GivenBack":
      return `${outcome.refused ? "refused" : "given back"}: ${outcome.why}`
    case "Failed":
      return `failed: ${outcome.message}`
  }
}

/** Waits for the database, and for the first run, which makes its tables. */
const opened = ({ say, ...place }: WorkerOptions) =>
  Effect.gen(function* () {
    for (let told = false; ; told = true) {
      const boss = yield* Effect.either(openBoss(place, false))
      if (Either.isRight(boss)) return boss.right
      if (boss.left.reason !== "Unreachable" && boss.left.reason !== "Away") return yield* boss.left
      if (!told) say(`${boss.left.message}; waits for it, and for a run that makes its tables`)
      yield* Effect.sleep(idleMilliseconds)
    }
  })

/** Tells whoever listens; that nobody does, or the database is away, harms nothing. */
const news = ({ address, name }: WorkerOptions, boss: PgBoss, key: string, messages: ReadonlyArray<TaskMessage>) =>
  Effect.forEach(
    messages,
    (message) => {
      const text = encodeNews({ key, worker: name, message })
      if (Buffer.byteLength(text) > mostNews) return Effect.void
      return Effect.ignore(
        asked(address, () => boss.getDb().executeSql("SELECT pg_notify($1, $2)", [newsChannel, text])),
      )
    },
    { discard: true },
  )

/** Tells the database that this worker lives, until the task is not this one's to make any more. */
const beat = ({ address, say }: WorkerOptions, { boss, job, queue, task }: Taken) =>
  Effect.gen(function* () {
    let isLost = false
    for (;;) {
      yield* Effect.sleep((heartbeatSeconds * 1000) / 3)
      const touched = yield* Effect.option(
        asked(address, () => boss.touch(queue, job)).pipe(Effect.retry({ times: 5, while: () => true })),
      )
      if (touched._tag === "None" || touched.value.affected > 0) continue
      const [now] = yield* asked(address, () => jobsOf(boss, [queue], [job.id], true)).pipe(
        Effect.orElseSucceed(() => []),
      )
      if (now?.state === "cancelled") return { _tag: "Dropped" as const }
      // The database was away for longer than this one's silence means its death. What it has is made to its end: the store takes it.
      if (!isLost) say(`${task.node} was offered to others meanwhile; goes on`)
      isLost = true
    }
  })

/** A process for a task. */
const oneTask = (options: WorkerOptions, taken: Taken) =>
  Effect.gen(function* () {
    const { name, program, store: place } = options
    const { boss, job, task } = taken
    const store = yield* ArtifactStore
    const attempt = task.died + job.retryCount + 1
    yield* openLog(store.directory, task.node, task.key)
    const log = attemptLog(store.directory, task.key, attempt)
    const asker = { name: "postgres", attempt, askedAt: task.askedAt }
    const words = taskWords({ key: task.key, node: { name: task.node }, forced: task.forced }, task.plan, place, asker)
    const child = yield* taskProcess(program, [...words, ...heardHere], log)
    let pending: ReadonlyArray<TaskMessage> = []
    const passOn = Effect.suspend(() => {
      const last = pending.findLast(({ _tag }) => _tag === "Progress")
      const messages = pending.filter((message) => message._tag !== "Progress" || message === last)
      pending = []
      return news(options, boss, task.key, messages)
    })
    yield* Effect.forkScoped(Effect.forever(Effect.zipRight(Effect.sleep(newsMilliseconds), passOn)))
    const working = endOf(child, (message) => {
      if (message._tag === "ReturnCores") return
      if (message._tag !== "AskCores") {
        pending = [...pending, message]
        return
      }
      // One task has the machine.
      const reply: TaskReply = { _tag: "HasCores", ask: message.ask }
      if (child.connected) child.send(reply)
    })
    const isDone = (message: TaskMessage) => message._tag === "Made" || message._tag === "Found"
    const workingOn = Effect.tap(working, (end) =>
      "message" in end && isDone(end.message) ? submitNext(options, taken) : Effect.void,
    )
    const end = yield* Effect.raceFirst(workingOn, beat(options, taken))
    yield* passOn
    if ("_tag" in end) return end
    const lines = lastLines(log)
    dropEmptyLog(log)
    yield* shareLog(task.key, log)
    if ("died" in end) return { _tag: "Died" as const, how: end.died, lines }
    const { message } = end
    const outcomeOf = (): PostgresOutcome => {
      switch (message._tag) {
        case "Made":
          return { _tag: "Done", seconds: message.seconds, found: false }
        case "Found":
          return { _tag: "Done", seconds: 0, found: true }
        case "Failed":
          return refusals.has(message.error)
            ? { _tag: "GivenBack", why: message.message, refused: true, worker: name }
            : { _tag: "Failed", error: message.error, message: message.message }
        default:
          return { _tag: "GivenBack", why: "another process is at work on it", refused: false, worker: name }
      }
    }
    return { _tag: "Outcome" as const, message, outcome: outcomeOf() }
  }).pipe(Effect.scoped)

/** Runs that left and wait for a task; of a database that does not answer, those that are known. */
const leftOf = ({ address }: WorkerOptions, { boss, job, queue, task }: Taken) =>
  asked(address, () => leftBy(boss, queue, job.id)).pipe(
    Effect.retry({ times: 5, while: () => true }),
    Effect.orElseSucceed(() => task.left ?? []),
  )

/** Gives out what follows a task that is made, for runs that left. It stays this worker's until then: should that end, another does it. */
const submitNext = (options: WorkerOptions, taken: Taken) =>
  Effect.gen(function* () {
    const { address, program, say, store: place } = options
    const { key, node } = taken.task
    const store = yield* ArtifactStore
    for (const { plan, run } of yield* leftOf(options, taken)) {
      const log = submitLog(store.directory, key)
      for (let tries = 1; tries <= mostSubmits; tries++) {
        yield* openLog(store.directory, node, key)
        const code = yield* Effect.scoped(
          Effect.flatMap(taskProcess(program, submitWords(plan, run, address, place), log), exitOf),
        )
        const why = lastLines(log).join(" ")
        dropEmptyLog(log)
        if (code === 0) break
        say(`what follows ${node} was not given out${tries < mostSubmits ? ", is tried again" : ""}: ${why}`)
        if (tries < mostSubmits) yield* Effect.sleep(submitMilliseconds)
      }
    }
  })

/** The exit code of a process that says nothing else. */
const exitOf = (child: ChildProcess): Effect.Effect<number | null> =>
  Effect.async<number | null>((resume) => {
    child.on("error", () => resume(Effect.succeed(null)))
    child.on("close", (code) => resume(Effect.succeed(code)))
  })

/**
 * Gives a task back. A run looks after it and offers it again; where that has left, this does.
 *
 * @param startAfter seconds for which it then rests
 */
const giveBack = async (
  { boss, job, queue, task }: Taken,
  outcome: Extract<PostgresOutcome, { readonly _tag: "GivenBack" }>,
  startAfter: number,
): Promise<void> => {
  const left = await leftBy(boss, queue, job.id)
  if (left.length === 0) return void (await boss.complete(queue, job, outcome))
  const again = { ...jobOf({ ...task, left, died: task.died + job.retryCount }), startAfter }
  // Both or neither: in between nobody would look after it.
  const transaction = await boss.getDb().beginTransaction()
  const { db } = transaction
  try {
    await boss.complete(queue, job, outcome, { db })
    await boss.insert(queue, [again], { db })
    await transaction.commit()
  } catch (error) {
    await transaction.rollback()
    throw error
  }
}

/** Where this machine's folder is not everybody's, what an attempt printed goes where the results go. */
const shareLog = (key: string, log: string) =>
  Effect.gen(function* () {
    const { remote } = yield* ArtifactStore
    if (remote === undefined || statSync(log, { throwIfNoEntry: false }) === undefined) return
    const text = readFileSync(log).subarray(-mostLogBytes).toString("utf8")
    yield* Effect.ignore(remote.putRecord(sharedLog(key), text, false))
  })
