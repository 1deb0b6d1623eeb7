// A process that runs the small plan: to be killed, interrupted and run beside another. Arguments: one JSON document.
import fs from "node:fs"
import fsPromises from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { run } from "../../pipeline/index.ts"
import { diamond, type Mischief, make, planOf, services, setMischief } from "./smallDag.ts"

interface Arguments {
  readonly store: string
  readonly mischief: Mischief
  readonly jobs?: number
  /** Which plan: the diamond, or its first node alone. */
  readonly plan: "diamond" | "single"
  /** SIGKILL to the own process before the change to the file system with this number, counted from 1. */
  readonly killAt?: number
}

const given: Arguments = JSON.parse(process.argv[2] ?? "{}")

/** Every call that changes the file system is counted, and the one before which to die is not made, or made by half. */
const dieAt = (at: number): void => {
  let calls = 0
  const die = (): void => {
    if (++calls >= at) process.kill(process.pid, "SIGKILL")
  }
  const changing = ["mkdir", "rename", "link", "unlink", "symlink", "rm", "chmod", "fsync", "open"]
  const wrap = (target: Record<string, (...given: Array<unknown>) => unknown>, name: string): void => {
    const original = target[name]
    if (original === undefined) return
    target[name] = (...args) => {
      // Opening for reading changes nothing.
      if (!name.startsWith("open") || (typeof args[1] === "string" && args[1] !== "r")) die()
      return original(...args)
    }
  }
  const sync: Record<string, (...given: Array<unknown>) => unknown> = Object(fs)
  const promises: Record<string, (...given: Array<unknown>) => unknown> = Object(fsPromises)
  for (const name of changing) {
    wrap(sync, `${name}Sync`)
    wrap(promises, name)
  }
  const write = fs.writeFileSync
  fs.writeFileSync = (file, data, options) => {
    if (calls + 1 >= at && typeof data === "string") write(file, data.slice(0, data.length / 2), options)
    die()
    write(file, data, options)
  }
  syncBuiltinESMExports()
}

setMischief(given.mischief)
const single = () => planOf({ eval: make({ node: "a", text: "a", used: true }, {}, "a").text })
const program = run(given.plan === "single" ? single() : diamond(), {
  jobs: given.jobs ?? 2,
  onEvent: (event) => {
    const node = "node" in event ? event.node : undefined
    process.stderr.write(`${event._tag} ${String(node)}\n`)
  },
}).pipe(Effect.provide(services(given.store)))

if (given.killAt !== undefined) dieAt(given.killAt)
const fiber = Effect.runFork(program)
process.on("SIGINT", () => Effect.runFork(Fiber.interruptFork(fiber)))
fiber.addObserver((exit) => {
  if (Exit.isSuccess(exit)) {
    const { nodes } = exit.value
    process.stdout.write(JSON.stringify(Object.fromEntries(nodes.map((node) => [node.name, node.status]))))
    process.exitCode = 0
  } else process.exitCode = Exit.isInterrupted(exit) ? 130 : 1
})
