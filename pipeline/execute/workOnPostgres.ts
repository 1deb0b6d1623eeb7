import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { endOf, lastLines, type TaskProgram, taskProcess, taskWords } from "./inChildren.ts"
import { type Labels, labelsText, meets, needsOfQueue } from "./Labels.ts"
import { asked, heartbeatSeconds, openBoss, type PostgresOutcome, PostgresTask } from "./PgBoss.ts"
import type { TaskReply } from "./TaskMessage.ts"

/** How a worker works. */
export interface WorkerOptions {
  readonly address: string
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

const decodeTask = Schema.decodeUnknownEither(PostgresTask)

/** Errors that say that this machine is not the right one: no attempt. */
const refusals = new Set(["CodeDiffers", "HardwareDiffers", "PlanUnreadable", "KeyUnknown", "NotInstalledError"])

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
        const outcome: PostgresOutcome = {
          _tag: "Failed",
          error: "TaskUnreadable",
          message: "a task of another form was in the queue",
        }
        yield* tell(() => boss.complete(queue, job.id, outcome))
        continue
      }
      const { key, node } = task.right
      say(`${node} ${key.slice(0, 12)} begins`)
      const beat = Effect.forever(
        Effect.zipRight(
          Effect.sleep((heartbeatSeconds * 1000) / 3),
          Effect.ignore(asked(address, () => boss.touch(queue, job.id))),
        ),
      )
      const giveBack: PostgresOutcome = {
        _tag: "GivenBack",
        why: "its worker was ended",
        refused: false,
        worker: options.name,
      }
      const end = yield* Effect.raceFirst(oneTask(options, task.right), beat).pipe(
        Effect.onInterrupt(() => Effect.ignore(asked(address, () => boss.complete(queue, job.id, giveBack)))),
      )
      if ("died" in end) {
        say(`${node} died by ${end.died}`)
        yield* tell(() => boss.fail(queue, job.id, { how: end.died, lines: end.lines }))
        continue
      }
      say(`${node} ${end.outcome._tag}`)
      yield* tell(() => boss.complete(queue, job.id, end.outcome))
    }
  }).pipe(Effect.scoped)

/** Waits for the database, and for the first run, which makes its tables. */
const opened = ({ address, say }: WorkerOptions) =>
  Effect.gen(function* () {
    for (let told = false; ; told = true) {
      const boss = yield* Effect.either(openBoss(address, false))
      if (Either.isRight(boss)) return boss.right
      if (boss.left.reason !== "Unreachable") return yield* boss.left
      if (!told) say(`${boss.left.message}; waits for it, and for a run that makes its tables`)
      yield* Effect.sleep(idleMilliseconds)
    }
  })

/** A process for a task. */
const oneTask = ({ name, program, store }: WorkerOptions, task: PostgresTask) =>
  Effect.scoped(
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "rankdag-task-"))),
        (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true })),
      )
      const log = join(folder, "output.log")
      const asker = { name: "postgres", attempt: 1, askedAt: task.askedAt }
      const words = taskWords(
        { key: task.key, node: { name: task.node }, forced: task.forced },
        task.plan,
        store,
        asker,
      )
      const child = yield* taskProcess(program, words, log)
      const end = yield* endOf(child, (message) => {
        // One task has the machine.
        if (message._tag !== "AskCores") return
        const reply: TaskReply = { _tag: "HasCores", ask: message.ask }
        if (child.connected) child.send(reply)
      })
      if ("died" in end) return { died: end.died, lines: lastLines(log) }
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
      return { outcome: outcomeOf() }
    }),
  )
