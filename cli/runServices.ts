import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import {
  ArtifactStore,
  builtFrom,
  hintsFileOf,
  layerArtifactStore,
  layerDuckDb,
  layerFingerprint,
  projectRoot,
} from "../pipeline/index.ts"

/**
 * A store, opened, and what running stages over it needs. What lies beside the results goes where the store says that it is.
 *
 * @param artifacts the folder that the user names
 * @param readOnly whether nothing is to be written, hints neither
 */
export const runServices = (artifacts: string, readOnly = false) =>
  Effect.map(Effect.provide(ArtifactStore, layerArtifactStore(artifacts)), (store) => ({
    store,
    services: Layer.mergeAll(
      Layer.succeed(ArtifactStore, store),
      layerDuckDb(),
      layerFingerprint({ projectRoot, hintsFile: hintsFileOf(store.directory), readOnly, builtFrom: builtFrom() }),
    ),
  }))
