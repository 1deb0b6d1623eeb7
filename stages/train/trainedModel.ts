import { copyFile, readdir, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  type CheckpointError,
  describeCheckpoint,
  type ModelDescription,
  type ModelGraph,
  type Onnx,
  openWeights,
  requireTensors,
  type Weights,
  writeModelFiles,
} from "../../neural/index.ts"
import { causeText, ModelCard, modelFiles } from "../../schemas/index.ts"
import type { Tensors } from "./TensorFile.ts"
import { CheckpointFailed, ModelNotTrainable } from "./TrainError.ts"

/** A model that can be trained: what it is, and the weights it begins with. */
export interface TrainableModel {
  readonly card: ModelCard
  readonly description: ModelDescription
  readonly graph: ModelGraph
  /** Its checkpoint, open. */
  readonly stored: Weights
  /** The name that a weight has in the checkpoint. */
  readonly storedAs: (name: string) => string
  /** Where in a file of its folder the weights lie as 32-bit floats. */
  readonly locations: ReadonlyMap<string, Onnx.ExternalLocation>
  readonly read: (names: readonly string[]) => Effect.Effect<ReadonlyMap<string, Float32Array>, CheckpointError>
}

/** Opens a model's folder, until the scope closes; refuses what cannot be trained. */
export const openTrainable = (system: string, folder: string, card: ModelCard) =>
  Effect.gen(function* () {
    const { head, input } = card
    const refuse = (why: string, remedy: string) => new ModelNotTrainable({ system, why, remedy })
    if (head === undefined) {
      return yield* refuse(
        "it is a ready ONNX graph, of which the weights are not known",
        "Give the checkpoint as safetensors with its config.json",
      )
    }
    const { config, ...graph } = yield* describeCheckpoint({
      from: folder,
      head,
      maximumTokens: input.maximumTokens,
    })
    const { architecture } = config
    const stored = yield* openWeights(folder)
    const found = yield* requireTensors(
      stored,
      `${card.family} with the head ${head.kind}`,
      graph.tensors,
      graph.ignores,
    )
    const storedAs = (name: string): string => found.get(name)?.name ?? name
    return {
      card,
      description: { architecture, head, maximumTokens: input.maximumTokens },
      graph,
      stored,
      storedAs,
      locations: new Map(
        [...found].flatMap(([name, { dtype, file, offset }]) =>
          dtype === "F32" ? [[name, { file: basename(file), offset }] as const] : [],
        ),
      ),
      read: (names) =>
        Effect.gen(function* () {
          const weights = new Map<string, Float32Array>()
          for (const name of names) weights.set(name, yield* stored.floats(storedAs(name)))
          return weights
        }),
    } satisfies TrainableModel
  })

export const written = (path: string, body: () => Promise<void>): Effect.Effect<void, CheckpointFailed> =>
  Effect.tryPromise({
    try: body,
    catch: (cause) =>
      new CheckpointFailed({
        path,
        during: "writing",
        why: causeText(cause),
        remedy: "Make room on the disk and run again: training goes on from its last checkpoint",
      }),
  })

const ownFiles: ReadonlySet<string> = new Set([modelFiles.card, modelFiles.graph, modelFiles.weights, "README.md"])

/** Writes a trained model: what the base has beside its weights, the weights under their names, the graph, and cards. */
export const writeTrained = (
  base: string,
  to: string,
  model: TrainableModel,
  weights: Tensors,
  card: ModelCard,
  readme: string,
) =>
  Effect.gen(function* () {
    const beside = yield* Effect.promise(() => readdir(base, { withFileTypes: true }))
    for (const { name } of beside.filter((entry) => entry.isFile() && !ownFiles.has(entry.name))) {
      yield* written(join(to, name), () => copyFile(join(base, name), join(to, name)))
    }
    yield* writeModelFiles(
      to,
      model.graph,
      (name, slice, into) => {
        const floats = weights.get(name)
        return floats === undefined
          ? model.stored.floats(model.storedAs(name), { slice, into })
          : Effect.sync(() => into.set(floats.subarray(slice.begin, slice.end)))
      },
      model.storedAs,
    )
    const json = `${JSON.stringify(Schema.encodeSync(ModelCard)(card), null, 1)}\n`
    yield* written(join(to, modelFiles.card), () => writeFile(join(to, modelFiles.card), json))
    yield* written(join(to, "README.md"), () => writeFile(join(to, "README.md"), readme))
  })
