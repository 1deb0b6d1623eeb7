import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { causeText, gitLfsPointer, modelFiles } from "../../schemas/index.ts"
import {
  type CheckpointError,
  elements,
  openWeights,
  requireTensors,
  type TensorsMismatch,
  writeSafetensors,
} from "../checkpoints/index.ts"
import { type ModelWriteFailed, type ReadWeight, writeModel } from "../onnx/index.ts"
import { ConfigInvalid, HeadUnsuitable, type UnknownArchitecture } from "./ArchitectureError.ts"
import { decodeConfig, type PretrainedConfig } from "./config.ts"
import { type Head, headOf, headsOf } from "./Head.ts"
import { type ModelGraph, modelGraph } from "./Model.ts"
import { openCheckpoint } from "./openCheckpoint.ts"

export interface Conversion {
  /** A folder in Hugging Face layout: config.json and safetensors. */
  readonly from: string
  /** The folder that `model.safetensors` and `model.onnx` are written to; it exists. */
  readonly to: string
  /** Default: what the checkpoint was saved with, where its class says it. */
  readonly head?: Head
  /** The folders within `from` of the modules Dense whose layers the head has, in their order. */
  readonly dense?: ReadonlyArray<string>
  readonly maximumTokens?: number
  /** Gives the head's weights where the checkpoint has none: they are to be trained. Default: that is an error. */
  readonly freshHead?: (name: string, shape: readonly number[]) => Float32Array<ArrayBuffer>
}

export interface ConvertedModel extends ModelGraph {
  readonly config: PretrainedConfig
  readonly head: Head
  /** Floats of all its weights. */
  readonly parameters: number
}

const Json = Schema.parseJson()

/** Reads the `config.json` of a checkpoint's folder. */
export const readConfig = (folder: string): Effect.Effect<PretrainedConfig, ConfigInvalid | UnknownArchitecture> =>
  Effect.gen(function* () {
    const path = join(folder, modelFiles.config)
    const refuse = (why: string): ConfigInvalid => new ConfigInvalid({ modelType: "model", field: path, why })
    const text = yield* Effect.tryPromise({
      try: () => readFile(path, "utf8"),
      catch: (cause) => refuse(causeText(cause)),
    })
    const pointer = gitLfsPointer(text)
    if (pointer !== undefined) return yield* refuse(`${pointer.problem}. ${pointer.remedy}`)
    const json = yield* Schema.decode(Json)(text).pipe(Effect.mapError(() => refuse("it is not JSON")))
    return yield* decodeConfig(json)
  })

/** As many floats of a weight are in memory at once. */
const atOnce = 2 ** 22

/** A weight's floats, part by part, through one buffer. */
async function* parts<E>(read: ReadWeight<E>, name: string, count: number): AsyncGenerator<Float32Array> {
  const buffer = new Float32Array(Math.min(atOnce, count))
  for (let begin = 0; begin < count; begin += buffer.length) {
    const end = Math.min(count, begin + buffer.length)
    const part = buffer.subarray(0, end - begin)
    const exit = await Effect.runPromiseExit(read(name, { begin, end }, part))
    if (Exit.isFailure(exit)) throw Cause.squash(exit.cause)
    yield part
  }
}

/**
 * Writes a model's files: its weights as 32-bit floats in `model.safetensors`, and `model.onnx`, which uses them where they
 * lie there. The weights pass through one buffer.
 *
 * @param storedAs the name that a weight has in the safetensors file: the checkpoint's, by default the graph's
 */
export const writeModelFiles = <E>(
  to: string,
  model: ModelGraph,
  read: ReadWeight<E>,
  storedAs: (name: string) => string = (name) => name,
): Effect.Effect<void, CheckpointError | ModelWriteFailed> =>
  Effect.gen(function* () {
    const path = join(to, modelFiles.weights)
    // Tied weights are one tensor under one name.
    const stored = new Map(model.tensors.map((tensor) => [storedAs(tensor.name), tensor]))
    yield* writeSafetensors(
      path,
      [...stored].map(([name, { name: own, shape }]) => ({
        name,
        dtype: "F32" as const,
        shape,
        data: () => parts(read, own, elements(shape)),
      })),
    )
    const { tensors } = yield* openWeights(path)
    const locations = new Map(
      model.tensors.flatMap(({ name }) => {
        const place = tensors.get(storedAs(name))
        return place === undefined ? [] : [[name, { file: modelFiles.weights, offset: place.offset }] as const]
      }),
    )
    yield* writeModel(join(to, modelFiles.graph), model.graph, { kind: "located", locations }, () => Effect.void)
  }).pipe(Effect.scoped)

/** What a checkpoint's folder says of its model, and the graph that goes with it; its weights are not looked at. */
export const describeCheckpoint = (
  conversion: Pick<Conversion, "from" | "head" | "maximumTokens">,
): Effect.Effect<Omit<ConvertedModel, "parameters">, ConfigInvalid | UnknownArchitecture | HeadUnsuitable> =>
  Effect.gen(function* () {
    const { from, maximumTokens } = conversion
    const config = yield* readConfig(from)
    const { architecture } = config
    const head = conversion.head ?? headOf(config)
    if (head === undefined) {
      const why = "its configuration does not say which head it has"
      return yield* new HeadUnsuitable({ family: architecture.family, why, heads: headsOf(architecture) })
    }
    const model = yield* modelGraph({ architecture, head, ...(maximumTokens === undefined ? {} : { maximumTokens }) })
    return { ...model, config, head }
  })

const isHead = (name: string): boolean => name.startsWith("head.")

/**
 * Makes an inference graph of a checkpoint, with its weights as 32-bit floats under the checkpoint's names. They pass through
 * one buffer, so a model of any size is converted in little memory.
 */
export const convertCheckpoint = (
  conversion: Conversion,
): Effect.Effect<
  ConvertedModel,
  CheckpointError | TensorsMismatch | ConfigInvalid | UnknownArchitecture | HeadUnsuitable | ModelWriteFailed
> =>
  Effect.gen(function* () {
    const { freshHead, from, to } = conversion
    const model = yield* describeCheckpoint(conversion)
    const weights = yield* openCheckpoint(from, model.head, conversion.dense ?? [])
    const expectedBy = `${model.config.architecture.family} with the head ${model.head.kind}`
    const own = model.tensors.filter(({ name }) => isHead(name) && !weights.tensors.has(name))
    const made = new Map(
      freshHead === undefined ? [] : own.map(({ name, shape }) => [name, freshHead(name, shape)] as const),
    )
    const needed = model.tensors.filter(({ name }) => !made.has(name))
    const found = yield* requireTensors(weights, expectedBy, needed, model.ignores)
    const storedAs = (name: string): string => found.get(name)?.name ?? name
    const read: ReadWeight<CheckpointError> = (name, slice, into) => {
      const floats = made.get(name)
      return floats === undefined
        ? weights.floats(storedAs(name), { slice, into })
        : Effect.sync(() => into.set(floats.subarray(slice.begin, slice.end)))
    }
    yield* writeModelFiles(to, model, read, storedAs)
    return { ...model, parameters: model.tensors.reduce((sum, { shape }) => sum + elements(shape), 0) }
  }).pipe(Effect.scoped)
