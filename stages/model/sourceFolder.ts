import * as Effect from "effect/Effect"
import type { Progress } from "../../pipeline/index.ts"
import { fetchFolder } from "./fetchModel.ts"
import { UnknownModel } from "./ModelError.ts"
import type { ModelFolder } from "./ModelFolder.ts"
import { modelSource } from "./ModelSource.ts"

/** The files of a model, where they are; of a repository of the hub, in the cache, into which they are fetched. */
export const sourceFolder = (source: string, revision: string, progress: (progress: Progress) => void) =>
  Effect.gen(function* () {
    const found = yield* Effect.try({
      try: () => modelSource(source),
      catch: (error) => {
        if (error instanceof UnknownModel) return error
        throw error
      },
    })
    if (found.kind === "hub") return (yield* fetchFolder(found.repository, revision, progress)).source
    const { files, folder, graph } = found
    return { folder, files, graph, origin: folder } satisfies ModelFolder
  })
