import { type ChildProcess, spawn } from "node:child_process"
import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from "node:fs"
import { relative } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import type { Cores, Json, StageError } from "../plan/index.ts"
import { type Executor, type MadeNode, type NodeMaking, type NodeTask, reasonOf, storePlan } from "../run/index.ts"
import type { Owner } from "../store/index.ts"
import { type ShownTask, showMessage } from "./showTask.ts"
import { TaskDied, TaskFailed } from "./TaskError.ts"
import { attemptLog, dropEmptyLog, openLog } from "./TaskLog.ts"
import { decodeTaskMessage, isEnd, type TaskMessage, type TaskReply } from "./TaskMessage.ts"

/** How another process of this program is started. */
export interface TaskProgram {
  /** Absolute path of an executable, and what comes before the words of the command line. */
  readonly command: ReadonlyArray<string>
}

/** How often a task is tried whose process dies; an error of its own comes again, and is not tried again. */
export const mostAttempts = 3

/** In place of a key: the one that the process will be told. */
export const nextTask = "next"

/** The words of a task: `make <key> --plan …`. */
export const taskWords = (
  { key, node, forced }: Pick<NodeTask, "key" | "forced"> & { readonly node: { readonly name: string } },
  plan: string,
  /** Words that name the store. */
  store: ReadonlyArray<string>,
  asker: { readonly name: string; readonly attempt: number; readonly askedAt: number },
): ReadonlyArray<string> => [
  "make",
  key,
  "--plan",
  plan,
  "--node",
  node.name,
  ...store,
  "--asker",
  `${asker.name}:${asker.attempt}:${asker.askedAt}`,
  ...(forced ? ["--force"] : []),
]

/** The words of what goes on with a run that left: `submit --plan …`. */
export const submitWords = (
  plan: string,
  run: string,
  executor: string,
  store: ReadonlyArray<string>,
): ReadonlyArray<string> => ["submit", "--plan", plan, "--run", run, "--executor", executor, ...store]

/** The last lines of a log. */
export const lastLines = (path: string, count = 8): ReadonlyArray<string> => {
  try {
    return readFileSync(path, "utf8")
      .trimEnd()
      .split("\n")
      .filter((line) => line !== "")
      .slice(-count)
  } catch {
    return []
  }
}

/** How a process ended without a result, in words. */
const ending = (code: number | null, signal: NodeJS.Signals | null): string =>
  signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

type Ended = { readonly message: TaskMessage } | { readonly died: string }

/** Waits until a child has ended, and hands over what it says. */
export const endOf = (child: ChildProcess, onMessage: (message: TaskMessage) => void): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    let last: TaskMessage | undefined
    child.on("message", (data) => {
      const message = Option.getOrUndefined(Either.getRight(decodeTaskMessage(data)))
      if (message === undefined) return
      if (isEnd(message)) last = message
      else onMessage(message)
    })
    child.on("error", (error) => resume(Effect.succeed({ died: error.message })))
    const ended = (code: number | null, signal: NodeJS.Signals | null) =>
      resume(Effect.succeed(last === undefined ? { died: ending(code, signal) } : { message: last }))
    child.on("close", ended)
    // One that waited may have gone before anybody listened.
    if (hasEnded(child)) ended(child.exitCode, child.signalCode)
  })

/** How long an interrupted child may clean up. */
const graceMilliseconds = 10_000

/** Asks a child to end, as Ctrl-C does, and waits until it has. */
const childEnd = (child: ChildProcess): Effect.Effect<void> =>
  Effect.async<void>((resume) => {
    const done = () => resume(Effect.void)
    if (hasEnded(child)) return done()
    child.once("close", done)
    child.kill("SIGTERM")
    const timer = setTimeout(() => child.kill("SIGKILL"), graceMilliseconds)
    child.once("close", () => clearTimeout(timer))
  })

/** Words by which a task tells what it does to the process that started it. */
export const heardHere: ReadonlyArray<string> = ["--events", "ipc"]

const started = (
  [executable = process.execPath, ...before]: ReadonlyArray<string>,
  words: ReadonlyArray<string>,
  output: number | "pipe",
): ChildProcess => spawn(executable, [...before, ...words], { stdio: ["ignore", output, output, "ipc"] })

/**
 * A process for a task, which ends with the scope.
 *
 * @param words the task's part of the command line
 * @param log a file for what it prints
 */
export const taskProcess = ({ command }: TaskProgram, words: ReadonlyArray<string>, log: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const file = openSync(log, "w")
      const child = started(command, words, file)
      closeSync(file)
      return child
    }),
    childEnd,
  )

/** A process that was started before there was a task for it. */
interface Waiting {
  readonly child: ChildProcess
  readonly ready: Promise<void>
}

/**
 * Processes that have loaded the program and the plan, which takes half a second, while those before them work: one always waits.
 *
 * @returns one that ends with its scope; it does what it is sent when it is ready, and what it prints is added to a log
 */
const waitingProcesses = ({ command }: TaskProgram, words: ReadonlyArray<string>) => {
  let next: Waiting | undefined
  const start = (): Waiting => {
    const child = started(command, words, "pipe")
    const ready = new Promise<void>((resolve) => {
      const hear = (data: unknown): void => {
        if (!Option.exists(Either.getRight(decodeTaskMessage(data)), ({ _tag }) => _tag === "Ready")) return
        child.off("message", hear)
        resolve()
      }
      child.on("message", hear)
    })
    return { child, ready }
  }
  const take = (log: string, task: TaskReply) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        const { child, ready } = next === undefined || hasEnded(next.child) ? start() : next
        next = start()
        writeFileSync(log, "")
        for (const output of [child.stdout, child.stderr])
          output?.on("data", (bytes: Buffer) => appendFileSync(log, bytes))
        void ready.then(() => child.connected && child.send(task))
        return child
      }),
      childEnd,
    )
  return Effect.as(
    Effect.addFinalizer(() => (next === undefined ? Effect.void : childEnd(next.child))),
    take,
  )
}

/**
 * Each node in a process of its own, which ends with this one. A process that dies is tried again, three times at most.
 *
 * @param recipe of what the program makes the plan again
 */
export const inChildren =
  (program: TaskProgram, recipe: Json): Executor =>
  (making, plan) =>
    Effect.gen(function* () {
      const hash = yield* storePlan(plan, recipe, making.session)
      const words = ["make", nextTask, "--plan", hash, "--artifacts", making.store.directory, ...heardHere]
      const processFor = yield* waitingProcesses(program, words)
      return (task) => makeInChild(making, task, processFor)
    })

type ProcessFor = Effect.Effect.Success<ReturnType<typeof waitingProcesses>>

const makeInChild = (making: NodeMaking, task: NodeTask, processFor: ProcessFor) =>
  Effect.gen(function* () {
    const { emit, session, store } = making
    const { forced, key, node } = task
    const askedAt = Date.now()
    const reason = yield* reasonOf(making, task, yield* store.lookup(node.stage.name, key, "sizes"))
    let died = 0
    let told = false
    const once = (
      cores: Cores | undefined,
    ): Effect.Effect<Either.Either<MadeNode, Owner | "unknown" | "died">, StageError> =>
      Effect.scoped(
        Effect.gen(function* () {
          const failed = making.stoppedBy()
          if (failed !== undefined) return Either.right({ _tag: "Stopped" as const, failed })
          const owner = yield* session.holderOf(key)
          if (owner !== undefined) return Either.left(owner)
          yield* openLog(store.directory, node.name, key)
          const log = attemptLog(store.directory, key, died + 1)
          const asker = { name: "children", attempt: died + 1, askedAt }
          const child = yield* processFor(log, { _tag: "Make", key, node: node.name, forced, asker })
          const onMessage = yield* taskListener(making, { task, reason, started: false }, child, cores)
          const end = yield* endOf(child, onMessage)
          dropEmptyLog(log)
          if ("died" in end) {
            if (++died < mostAttempts) return Either.left("died" as const)
            const where = relative(store.directory, log)
            return yield* new TaskDied({
              node: node.name,
              attempts: died,
              how: end.died,
              lines: lastLines(log),
              log: where,
            })
          }
          const { message } = end
          if (message._tag === "Failed") return yield* Effect.fail(new TaskFailed(message.error, message.message))
          if (message._tag !== "Made" && message._tag !== "Found")
            return Either.left((yield* session.holderOf(key)) ?? "unknown")
          const made = yield* store.readManifest(node.stage.name, key)
          // Damaged or gone in this moment: the task is given again, and finds that out.
          if (made._tag !== "Found") return Either.left("unknown" as const)
          const { manifest } = made
          return Either.right(
            message._tag === "Found"
              ? { _tag: "Found" as const, manifest, isLocal: true }
              : { _tag: "Made" as const, manifest, reason, seconds: message.seconds, isLocal: true },
          )
        }),
      )
    for (let tries = 0; ; tries++) {
      const got = yield* making.inJob(node, once)
      if (Either.isRight(got)) return got.right
      if (got.left !== "died" && !told) {
        told = true
        emit({ _tag: "NodeWaiting", node: node.name, owner: got.left === "unknown" ? undefined : got.left })
      }
      // A process that is started for nothing costs more than a look at the lock.
      for (
        let waited = 0;
        got.left !== "died" && waited < 40 && (yield* session.holderOf(key)) !== undefined;
        waited++
      ) {
        yield* Effect.sleep("250 millis")
      }
      yield* Effect.sleep(Math.min(1000, 50 * 2 ** tries))
    }
  })

/** Passes on what a task says, and gives it the cores that it asks for as they become free. */
const taskListener = (making: NodeMaking, shown: ShownTask, child: ChildProcess, cores: Cores | undefined) =>
  Effect.gen(function* () {
    const asks = new Map<number, Scope.CloseableScope>()
    const fork = yield* FiberSet.makeRuntime<never>()
    const hasCores = (ask: number) =>
      Effect.sync(() => {
        const reply: TaskReply = { _tag: "HasCores", ask }
        if (child.connected) child.send(reply)
      })
    yield* Effect.addFinalizer(() =>
      Effect.forEach([...asks.values()], (scope) => Scope.close(scope, Exit.void), { discard: true }),
    )
    return (message: TaskMessage): void => {
      switch (message._tag) {
        case "AskCores": {
          if (cores === undefined) return void fork(hasCores(message.ask))
          if (message.all) return void fork(Effect.zipRight(cores.all, hasCores(message.ask)))
          const taking = Effect.flatMap(Scope.make(), (scope) => {
            asks.set(message.ask, scope)
            return Effect.zipRight(Scope.extend(cores.another, scope), hasCores(message.ask))
          })
          return void fork(taking)
        }
        case "ReturnCores": {
          const scope = asks.get(message.ask)
          asks.delete(message.ask)
          if (scope !== undefined) fork(Scope.close(scope, Exit.void))
          return
        }
        default:
          // What became of it is seen to when the process has ended.
          return showMessage(making, shown, message)
      }
    }
  })
