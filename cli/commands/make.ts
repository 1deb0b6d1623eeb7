import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { type AskedKey, describeOwner, type MadeKey, makeKey, nextTask } from "../../pipeline/index.ts"
import { UsageError } from "../Arguments.ts"
import { checkHardware } from "../HardwareDiffers.ts"
import { makeRunDisplay } from "../RunDisplay.ts"
import { runServices } from "../runServices.ts"
import { messageOf, openTaskChannel } from "../TaskChannel.ts"
import { errorOutput, writeOut } from "../Terminal.ts"
import { rewirePlan } from "../wirePlan.ts"
import { artifactsOption } from "./options.ts"

/** Another process is at work on the key. */
export class KeyHeld extends Schema.TaggedError<KeyHeld>()("KeyHeld", { key: Schema.String, owner: Schema.String }) {
  override get message(): string {
    return `${this.key.slice(0, 12)} is being made by another process (${this.owner}). Try again when that has ended.`
  }
}

/** `make`: one result by its key, as every task on any machine makes it. */
export const makeCommand = Command.make(
  "make",
  {
    key: Args.text({ name: "key" }).pipe(
      Args.withDescription(
        "The action key, 64 hexadecimal digits; next, the one that the process says that starts this one",
      ),
    ),
    plan: Options.text("plan").pipe(Options.withDescription("Name of a plan that a run stored below plans/")),
    node: Options.text("node").pipe(
      Options.optional,
      Options.withDescription("The node that has the key; left out, it is looked for"),
    ),
    artifacts: artifactsOption,
    force: Options.boolean("force").pipe(Options.withDescription("Make it although its result is stored")),
    asker: Options.text("asker").pipe(
      Options.optional,
      Options.withDescription("For the record: who asks, for which time and since when, as in slurm:1:1767225600000"),
    ),
    events: Options.text("events").pipe(
      Options.optional,
      Options.withDescription("Where events go, as lines of JSON: a file, or ipc, to the process that starts this one"),
    ),
  },
  ({ artifacts, asker, events, force, key: named, node, plan: hash }) =>
    Effect.gen(function* () {
      const channel = openTaskChannel(Option.getOrUndefined(events))
      const next = named === nextTask ? channel.next : undefined
      if (named === nextTask && next === undefined) {
        const problem = `make ${nextTask}: ${nextTask} is what a process is told that starts another. Name a key.`
        return yield* new UsageError({ argument: "key", problem })
      }
      const shown = Option.isNone(events)
      const { services } = yield* runServices(artifacts)
      const { key, made } = yield* Effect.gen(function* () {
        const { plan, stored } = yield* rewirePlan(hash)
        const said = next === undefined ? undefined : yield* next
        const asked: AskedKey = said ?? {
          key: named,
          forced: force,
          ...Option.match(node, { onNone: () => ({}), onSome: (node) => ({ node }) }),
        }
        const by = said?.asker ?? Option.getOrUndefined(Option.map(asker, askerOf))
        const display = yield* Effect.acquireRelease(
          Effect.sync(() => makeRunDisplay(shown ? "auto" : "plain", errorOutput)),
          (opened) => Effect.sync(opened.close),
        )
        const made = yield* makeKey(plan, stored, asked, {
          purpose: "make",
          inJob: channel.inJob,
          check: checkHardware,
          ...(by === undefined ? {} : { asker: by }),
          onEvent: (event) => {
            if (shown) display.onEvent(event)
            const message = messageOf(event)
            if (message !== undefined) channel.say(message)
          },
        })
        return { key: asked.key, made }
      }).pipe(
        Effect.scoped,
        Effect.provide(services),
        Effect.tapError((error) =>
          Effect.sync(() => channel.say({ _tag: "Failed", error: error._tag, message: error.message })),
        ),
      )
      if (made._tag === "Held") {
        channel.say({ _tag: "Held" })
        const owner = made.owner === "unknown" ? "unknown" : describeOwner(made.owner)
        return yield* new KeyHeld({ key, owner })
      }
      channel.say(made._tag === "Made" ? { _tag: "Made", seconds: made.seconds } : { _tag: "Found" })
      if (shown) yield* writeOut(`${outcome(made, key)}\n`)
    }).pipe(Effect.scoped),
).pipe(Command.withDescription("Makes one result of a stored plan by its key, as tasks on other machines do"))

/** `slurm:1:1767225600000`. */
const askerOf = (text: string) => {
  const [name = "", attempt, askedAt] = text.split(":")
  return { name, attempt: Math.trunc(Number(attempt)) || 1, askedAt: Number(askedAt) || Date.now() }
}

const outcome = (made: MadeKey, key: string): string =>
  made._tag === "Made" ? `${key} made in ${made.seconds} s` : `${key} is in the store`
