import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ArtifactStore, layerArtifactStore, type StorePlace } from "../pipeline/index.ts"
import { writeError } from "./Terminal.ts"

/** The store of a place, for a command that is no run: what the user should know of it is said on standard error. */
export const layerToldStore = (place: string | StorePlace) =>
  Layer.tap(layerArtifactStore(place), (context) => {
    const { notice } = Context.get(context, ArtifactStore)
    return notice === undefined ? Effect.void : writeError(`! ${notice}\n`)
  })
