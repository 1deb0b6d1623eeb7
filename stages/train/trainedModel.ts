import { copyFile, readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  describeCheckpoint,
  type ModelDescription,
  type ModelGraph,
  openWeights,
  requireTensors,
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
  readonly weights: ReadonlyMap<string, Float32Array>
  /** The name that a weight has in the checkpoint. */
  readonly storedAs: (name: string) => string
}

/** Reads a model's folder; refuses what cannot be trained. */
export const readTrainable = (system: string, folder: string, card: ModelCard) =>
  Effect.gen(function* () {
    const { head, input } = card
    const refuse = (why: string, remedy: string) => new ModelNotTrainable({ system, why, remedy })
    if (head === undefined) {
      return yield* refuse(
        "it is a ready ONNX graph, of which the weights are not known",
        "Give the checkpoint as safetensors with its config.json",
      )
    }
    if (card.output === "embeddings") {
      return yield* refuse(
        "it gives vectors, not scores",
        "Give its settings a head, as in { source: …, head: first-token }, which then begins with fresh weights",
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
    const weights = new Map<string, Float32Array>()
    for (const { name } of graph.tensors) weights.set(name, yield* stored.floats(storedAs(name)))
    return {
      card,
      description: { architecture, head, maximumTokens: input.maximumTokens },
      graph,
      weights,
      storedAs,
    } satisfies TrainableModel
  }).pipe(Effect.scoped)

const written = (path: string, body: () => Promise<void>): Effect.Effect<void, CheckpointFailed> =>
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
      (name, slice, into) =>
        Effect.sync(() => {
          const floats = weights.get(name)
          if (floats !== undefined) into.set(floats.subarray(slice.begin, slice.end))
        }),
      model.storedAs,
    )
    const json = `${JSON.stringify(Schema.encodeSync(ModelCard)(card), null, 1)}\n`
    yield* written(join(to, modelFiles.card), () => writeFile(join(to, modelFiles.card), json))
    yield* written(join(to, "README.md"), () => writeFile(join(to, "README.md"), readme))
  })
