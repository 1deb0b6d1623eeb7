import { appendFileSync } from "node:fs"
import { hostname } from "node:os"
import { dirname } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  type Cores,
  decodeTaskReply,
  type Jobs,
  makeJobs,
  type RunEvent,
  type TaskMessage,
  type TaskReply,
} from "../pipeline/index.ts"
import { makeFolders } from "../schemas/index.ts"

/** Where a task says what becomes of it. */
export interface TaskChannel {
  readonly say: (message: TaskMessage) => void
  /** How it comes to what a node occupies. */
  readonly inJob: Jobs["inJob"]
  /** What to make, where this process was started before that was known; absent where nobody will say. */
  readonly next?: Effect.Effect<NextTask>
}

type NextTask = Extract<TaskReply, { readonly _tag: "Make" }>

/** A task of its own takes what the machine has. */
const own = (): Jobs["inJob"] => makeJobs(1, false).inJob

/** To the process that started this one, which also says what cores there are. */
const ipcChannel = (): TaskChannel => {
  const waiting = new Map<number, () => void>()
  let toMake = (_task: NextTask): void => {}
  let asked = 0
  const say = (message: TaskMessage): void => {
    // A parent that is gone ends this process, and needs to be told nothing.
    if (process.connected) process.send?.(message, undefined, undefined, () => {})
  }
  process.on("message", (data) => {
    const reply = decodeTaskReply(data)
    if (Either.isLeft(reply)) return
    if (reply.right._tag === "Make") return toMake(reply.right)
    const { ask } = reply.right
    waiting.get(ask)?.()
    waiting.delete(ask)
    if (waiting.size === 0) process.channel?.unref()
  })
  // Whoever started this one waits for its end, and so may not keep it from it.
  process.channel?.unref()
  const ask = (all: boolean) =>
    Effect.async<number>((resume) => {
      const number = asked++
      process.channel?.ref()
      waiting.set(number, () => resume(Effect.succeed(number)))
      say({ _tag: "AskCores", ask: number, all })
      return Effect.sync(() => say({ _tag: "ReturnCores", ask: number }))
    })
  const cores: Cores = {
    another: Effect.asVoid(
      ask(false).pipe(
        Effect.tap((number) => Effect.addFinalizer(() => Effect.sync(() => say({ _tag: "ReturnCores", ask: number })))),
      ),
    ),
    all: Effect.asVoid(ask(true)),
  }
  const next = Effect.async<NextTask>((resume) => {
    process.channel?.ref()
    toMake = (task) => {
      process.channel?.unref()
      resume(Effect.succeed(task))
    }
    say({ _tag: "Ready" })
  })
  return { say, inJob: (node, effect) => effect(node.occupies === "cores" ? cores : undefined), next }
}

/** To a file, a line of JSON each. */
const fileChannel = (path: string): TaskChannel => {
  makeFolders(dirname(path))
  return {
    say: (message) => appendFileSync(path, `${JSON.stringify(message)}\n`),
    inJob: own(),
  }
}

/** The channel that `--events` names: `ipc`, or a file; none where it is left out. */
export const openTaskChannel = (named: string | undefined): TaskChannel => {
  if (named === undefined) return { say: () => {}, inJob: own() }
  return named === "ipc" ? ipcChannel() : fileChannel(named)
}

/** What an event of a run is, said by its task; nothing of one that only a run has. */
export const messageOf = (event: RunEvent): TaskMessage | undefined => {
  switch (event._tag) {
    case "NodeStarted":
      return { _tag: "Started", host: hostname(), at: Date.now() }
    case "NodeProgress":
      return { _tag: "Progress", progress: event.progress }
    case "NodeWarning":
      return { _tag: "Warning", message: event.message }
    case "ArtifactDamaged":
      return { _tag: "Damaged", damage: event.damage }
    default:
      return undefined
  }
}
