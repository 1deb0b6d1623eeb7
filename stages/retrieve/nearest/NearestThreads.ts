import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Worker } from "node:worker_threads"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { VectorTable } from "../../../neural/index.ts"
import { SearchFailed } from "../RetrieveError.ts"
import type { FoundParts, Search } from "./searchBlocks.ts"

/** What a thread is started with. */
export interface NearestThread {
  readonly folder: string
  readonly nameStarts: Float64Array
}

/** What a thread found of each group, or why it did not. */
export type NearestReply = { readonly parts: ReadonlyArray<FoundParts> } | { readonly why: string }

const threadUrl = new URL("./nearestThread.js", import.meta.url)

/** The thread's file: beside this module, or, where this module was bundled into another, in the project above it. */
const threadFile = (): string | undefined => {
  const beside = fileURLToPath(threadUrl)
  if (existsSync(beside)) return beside
  for (let folder = dirname(beside); folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "stages", "retrieve", "nearest", "nearestThread.js")
    if (existsSync(file)) return file
  }
  return undefined
}

/** Threads that take part in searches of one table; each is started when it is first asked. */
export class NearestThreads {
  readonly #table: NearestThread
  readonly #workers: Array<Worker> = []

  private constructor({ folder, nameStarts }: VectorTable) {
    this.#table = { folder, nameStarts }
  }

  /** None is started yet; all end with the scope. */
  static open(table: VectorTable): Effect.Effect<NearestThreads, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => new NearestThreads(table)),
      (threads) => Effect.promise(() => Promise.all(threads.#workers.map((worker) => worker.terminate()))),
    )
  }

  /** Asks this many threads to take part, from now on: what each finds. */
  ask(search: Search, threads: number): ReadonlyArray<Effect.Effect<ReadonlyArray<FoundParts>, SearchFailed>> {
    const file = threads > 0 ? threadFile() : undefined
    if (file === undefined) return []
    while (this.#workers.length < threads) {
      const worker = new Worker(file)
      worker.postMessage(this.#table)
      this.#workers.push(worker)
    }
    return this.#workers.slice(0, threads).map((worker) => {
      const answer = new Promise<ReadonlyArray<FoundParts>>((resolve, reject) => {
        worker.once("message", (reply: NearestReply) => {
          if ("parts" in reply) resolve(reply.parts)
          else reject(new Error(reply.why))
        })
        worker.once("error", reject)
        worker.once("exit", (code) => reject(new Error(`a search thread ended with code ${code}`)))
      })
      // Whoever waits for it is told; until then nothing is to be said of it.
      answer.catch(() => undefined)
      worker.postMessage(search)
      return Effect.tryPromise({
        try: () => answer,
        catch: (cause) => new SearchFailed({ system: "dense", answered: 0, cause }),
      })
    })
  }
}
