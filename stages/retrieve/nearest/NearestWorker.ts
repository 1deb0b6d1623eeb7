/** A thread of `NearestThreads`: its first message is the table that it opens, each later one a search that it takes part in. */
import { parentPort } from "node:worker_threads"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openVectorTable } from "../../../neural/index.ts"
import { causeText } from "../../../schemas/index.ts"
import type { NearestReply, NearestThread } from "./NearestThreads.ts"
import { type Search, searchBlocks } from "./searchBlocks.ts"

parentPort?.once("message", ({ folder, nameStarts }: NearestThread) => {
  const reply = (given: NearestReply): void => parentPort?.postMessage(given)
  const searches = Effect.gen(function* () {
    const passages = yield* openVectorTable(folder, nameStarts)
    return yield* Effect.async<never>(() => {
      parentPort?.on("message", (search: Search) => {
        const found = Effect.provide(
          searchBlocks(passages, search, () => undefined),
          layerOnnxRuntime,
        )
        Effect.runPromise(found).then(
          (parts) => reply({ parts }),
          (cause: unknown) => reply({ why: causeText(cause) }),
        )
      })
    })
  })
  Effect.runPromise(Effect.scoped(searches)).catch((cause: unknown) => reply({ why: causeText(cause) }))
})
