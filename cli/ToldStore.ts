import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore, layerArtifactStore } from "../pipeline/index.ts"
import { writeError } from "./Terminal.ts"

/** The store of a folder, for a command that is no run: what the user should know of the folder is said on standard error. */
export const layerToldStore = (directory: string) =>
  Layer.tap(layerArtifactStore(directory), (context) => {
    const { notice } = Context.get(context, ArtifactStore)
    return notice === undefined ? Effect.void : writeError(`! ${notice}\n`)
  })
