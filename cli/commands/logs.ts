import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { ArtifactStore, newestRun, sharedLog } from "../../pipeline/index.ts"
import { didYouMean } from "../../schemas/index.ts"
import { writeError, writeOut } from "../Terminal.ts"
import { layerToldStore } from "../ToldStore.ts"
import { artifactsOption } from "./options.ts"

/** No attempt at this node left anything that it printed. */
export class NoLog extends Schema.TaggedError<NoLog>()("NoLog", {
  node: Schema.String,
  known: Schema.Array(Schema.String),
}) {
  override get message(): string {
    const nearest = didYouMean(this.node, this.known)
    return this.known.includes(this.node)
      ? `No attempt at ${this.node} printed anything that is kept: what is made in the run's own process prints there, and a process that prints nothing leaves nothing.`
      : `No run of this store had a node «${this.node}».${nearest}`
  }
}

/** Files of what attempts printed, the newest last. */
const logsOf = (folder: string): ReadonlyArray<string> =>
  existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(".log"))
        .map((file) => join(folder, file))
        .sort((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    : []

/** `logs`: what the last attempt at a node printed, wherever it ran. */
export const logsCommand = Command.make(
  "logs",
  {
    node: Args.text({ name: "node" }).pipe(Args.withDescription("A node's name, or the beginning of a key")),
    artifacts: artifactsOption,
  },
  ({ artifacts, node }) =>
    Effect.gen(function* () {
      const store = yield* ArtifactStore
      const known = new Set<string>()
      let keys = /^[0-9a-f]{6,64}$/.test(node)
        ? (existsSync(join(store.directory, "logs")) ? readdirSync(join(store.directory, "logs")) : []).filter((key) =>
            key.startsWith(node),
          )
        : []
      // A node that failed has no key in the record of its run; whoever asked for it left it beside the log.
      const asked = join(store.directory, "logs", "nodes", `${node}.key`)
      if (existsSync(asked)) keys = [readFileSync(asked, "utf8").trim()]
      if (keys.length === 0) {
        const run = yield* newestRun((record) => {
          for (const { name } of record.nodes) known.add(name)
          return record.nodes.some((each) => each.name === node && each.key !== undefined)
        })
        keys = run?.nodes.flatMap((each) => (each.name === node && each.key !== undefined ? [each.key] : [])) ?? []
      }
      const [last] = keys.flatMap((key) => logsOf(join(store.directory, "logs", key))).slice(-1)
      if (last === undefined && store.remote !== undefined) {
        for (const key of keys) {
          const text = yield* store.remote.readRecord(sharedLog(key))
          if (text === undefined) continue
          yield* writeError(`· ${store.remote.address}/${sharedLog(key)}\n`)
          return yield* writeOut(text)
        }
      }
      if (last === undefined) return yield* new NoLog({ node, known: keys.length > 0 ? [node] : [...known] })
      yield* writeError(`· ${last}\n`)
      yield* writeOut(readFileSync(last, "utf8"))
    }).pipe(Effect.provide(layerToldStore(artifacts)), Effect.scoped),
).pipe(Command.withDescription("Prints what the last attempt at a node printed, wherever it ran"))
