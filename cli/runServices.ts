import * as Context from "effect/Context"
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
  type StorePlace,
} from "../pipeline/index.ts"

/**
 * A store, opened for as long as the scope lasts, and what running stages over it needs. What lies beside the results goes where the
 * store says that it is.
 *
 * @param artifacts where the user says that it is
 * @param readOnly whether nothing is to be written, hints neither
 */
export const runServices = (artifacts: string | StorePlace, readOnly = false) =>
  Effect.map(Layer.build(layerArtifactStore(artifacts)), (context) => {
    const store = Context.get(context, ArtifactStore)
    return {
      store,
      services: Layer.mergeAll(
        Layer.succeed(ArtifactStore, store),
        layerDuckDb(),
        layerFingerprint({ projectRoot, hintsFile: hintsFileOf(store.directory), readOnly, builtFrom: builtFrom() }),
      ),
    }
  })
