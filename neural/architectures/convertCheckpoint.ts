import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type CheckpointError, openWeights, requireTensors, type TensorsMismatch } from "../checkpoints/index.ts"
import type { ModelWriteFailed } from "../onnx/index.ts"
import { placeBySize, writeModel } from "../onnx/index.ts"
import { ConfigInvalid, HeadUnsuitable, type UnknownArchitecture } from "./ArchitectureError.ts"
import { decodeConfig, type PretrainedConfig } from "./config.ts"
import { type Head, headOf, headsOf } from "./Head.ts"
import { type ModelGraph, modelGraph } from "./Model.ts"

/** The file of a converted model, and the one beside it that large weights lie in. */
export const modelFile = "model.onnx"
export const modelDataFile = "model.onnx.data"

export interface Conversion {
  /** A folder in Hugging Face layout: config.json and safetensors. */
  readonly from: string
  /** The folder that `model.onnx` is written to; it exists. */
  readonly to: string
  /** Default: what the checkpoint was saved with, where its class says it. */
  readonly head?: Head
  readonly maximumTokens?: number
}

export interface ConvertedModel extends ModelGraph {
  readonly config: PretrainedConfig
  readonly head: Head
}

const Json = Schema.parseJson()

/** Reads the `config.json` of a checkpoint's folder. */
export const readConfig = (folder: string): Effect.Effect<PretrainedConfig, ConfigInvalid | UnknownArchitecture> =>
  Effect.gen(function* () {
    const path = join(folder, "config.json")
    const refuse = (why: string): ConfigInvalid => new ConfigInvalid({ modelType: "model", field: path, why })
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, "utf8"),
      catch: (cause) => refuse(cause instanceof Error ? cause.message : String(cause)),
    })
    const json = yield* Schema.decode(Json)(text).pipe(Effect.mapError(() => refuse("it is not JSON")))
    return yield* decodeConfig(json)
  })

/**
 * Makes an inference graph of a checkpoint, with its weights as 32-bit floats. They pass through one buffer, so a model of
 * any size is converted in little memory.
 */
export const convertCheckpoint = (
  conversion: Conversion,
): Effect.Effect<
  ConvertedModel,
  CheckpointError | TensorsMismatch | ConfigInvalid | UnknownArchitecture | HeadUnsuitable | ModelWriteFailed
> =>
  Effect.gen(function* () {
    const { from, maximumTokens, to } = conversion
    const config = yield* readConfig(from)
    const { architecture } = config
    const head = conversion.head ?? headOf(config)
    if (head === undefined) {
      const why = "its configuration does not say which head it has"
      return yield* new HeadUnsuitable({ family: architecture.family, head: "none", why, heads: headsOf(architecture) })
    }
    const model = yield* modelGraph({ architecture, head, ...(maximumTokens === undefined ? {} : { maximumTokens }) })
    const weights = yield* openWeights(from)
    const expectedBy = `${architecture.family} with the head ${head.kind}`
    const found = yield* requireTensors(weights, expectedBy, model.tensors, model.ignores)
    yield* writeModel(
      join(to, modelFile),
      model.graph,
      placeBySize(model.tensors, modelDataFile),
      (name, slice, into) => weights.floats(found.get(name)?.name ?? name, { slice, into }),
    )
    return { ...model, config, head }
  }).pipe(Effect.scoped)
