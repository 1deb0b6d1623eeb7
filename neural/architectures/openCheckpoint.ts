import { join } from "node:path"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { modelFiles } from "../../schemas/index.ts"
import { type CheckpointError, openWeights, type Weights } from "../checkpoints/index.ts"
import { denseTensor } from "./denseLayers.ts"
import type { Head } from "./Head.ts"

/**
 * The weights of a checkpoint's folder; where its head has linear layers, with those in the folders of the modules Dense, unless
 * the checkpoint has them itself.
 *
 * @param dense those folders, relative, in their order
 */
export const openCheckpoint = (
  folder: string,
  head: Head | undefined,
  dense: ReadonlyArray<string>,
): Effect.Effect<Weights, CheckpointError, Scope.Scope> =>
  Effect.gen(function* () {
    const weights = yield* openWeights(folder)
    if (head?.kind !== "embedding" || head.dense === undefined || dense.length === 0) return weights
    const tensors = new Map(weights.tensors)
    const apart = new Map<string, readonly [module: Weights, name: string]>()
    for (const [at, path] of dense.entries()) {
      const module = yield* openWeights(join(folder, path, modelFiles.weights))
      for (const tensor of module.tensors.values()) {
        const name = denseTensor(at, tensor.name)
        if (tensors.has(name)) continue
        tensors.set(name, { ...tensor, name })
        apart.set(name, [module, tensor.name])
      }
    }
    const placeOf = (name: string) => apart.get(name) ?? ([weights, name] as const)
    return {
      ...weights,
      tensors,
      floats: (name, options) => {
        const [module, own] = placeOf(name)
        return module.floats(own, options)
      },
      bytes: (name, into, from) => {
        const [module, own] = placeOf(name)
        return module.bytes(own, into, from)
      },
    }
  })
