import { existsSync } from "node:fs"
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  AdapterMisfit,
  addChange,
  baseFingerprint,
  describeCheckpoint,
  openWeights,
  readAdapter,
  readModelCard,
  requireTensors,
  writeModelFiles,
} from "../../neural/index.ts"
import type { StageRun } from "../../pipeline/index.ts"
import { AdapterCard, adapterCardFile, ModelCard, modelFiles } from "../../schemas/index.ts"
import type { MergeConfig, mergeInputs, mergeOutputs } from "./contract.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { attempt, fileError } from "./ModelFolder.ts"

const encodeCard = Schema.encodeSync(ModelCard)
const readme = "README.md"

/** The card of an adapter that was trained here; peft's own have none. */
const adapterCard = (folder: string) => {
  const path = join(folder, adapterCardFile)
  if (!existsSync(path)) return Effect.succeed(undefined)
  return Effect.flatMap(
    attempt(path, () => readFile(path, "utf8")),
    (text) => Effect.mapError(Schema.decode(Schema.parseJson(AdapterCard))(text), fileError(path)),
  )
}

/** Makes of a model's folder one with an adapter's changes in its weights; they pass through one buffer. */
export const mergeInto = (from: string, adapter: string, to: string, name: string) =>
  Effect.gen(function* () {
    const card = yield* readModelCard(from)
    const { head, input } = card
    if (head === undefined || card.precision !== "fp32") {
      return yield* new ModelUnsuitable({
        model: name,
        problem: "an adapter changes the weights of a checkpoint in fp32, and this is a ready graph, or in 8 bits",
        remedy: "Give the checkpoint as safetensors.",
      })
    }
    const { config, ...model } = yield* describeCheckpoint({ from, head, maximumTokens: input.maximumTokens })
    const { architecture } = config
    const loaded = yield* readAdapter(adapter, { architecture, head, maximumTokens: input.maximumTokens })
    const stored = yield* openWeights(from)
    const found = yield* requireTensors(
      stored,
      `${card.family} with the head ${head.kind}`,
      model.tensors,
      model.ignores,
    )
    const storedAs = (tensor: string): string => found.get(tensor)?.name ?? tensor
    const trained = yield* adapterCard(adapter)
    if (trained !== undefined) {
      const fingerprint = yield* baseFingerprint(stored, loaded.adapters, storedAs)
      if (fingerprint !== trained.base.fingerprint) {
        return yield* new AdapterMisfit({
          where: join(adapter, adapterCardFile),
          why: `it was trained beside other weights: those of ${trained.base.name} (${trained.base.origin}), with the fingerprint ${trained.base.fingerprint}, and ${card.name} has ${fingerprint}`,
          remedy: "Give the model that it was trained beside",
        })
      }
    }
    const changes = new Map(loaded.adapters.weights.map((weight) => [weight.name, weight]))
    yield* writeModelFiles(
      to,
      model,
      (tensor, slice, into) => {
        const own = loaded.weights.get(tensor)
        if (own !== undefined) return Effect.sync(() => into.set(own.subarray(slice.begin, slice.end)))
        const change = changes.get(tensor)
        return Effect.map(stored.floats(storedAs(tensor), { slice, into }), () => {
          if (change !== undefined) addChange(change, loaded.weights, slice, into)
        })
      },
      storedAs,
    )
    const madeAnew: ReadonlySet<string> = new Set([modelFiles.weights, modelFiles.graph, modelFiles.card, readme])
    for (const entry of yield* attempt(from, () => readdir(from, { withFileTypes: true }))) {
      const path = join(from, entry.name)
      if (!entry.isFile() || madeAnew.has(entry.name)) continue
      yield* attempt(path, () => copyFile(path, join(to, entry.name)))
    }
    const told = join(adapter, readme)
    if (existsSync(told)) yield* attempt(told, () => copyFile(told, join(to, readme)))
    const origin = trained?.origin ?? `${card.origin}, with an adapter`
    const path = join(to, modelFiles.card)
    yield* attempt(path, () => writeFile(path, `${JSON.stringify(encodeCard({ ...card, name, origin }), null, 1)}\n`))
    return { changed: loaded.adapters.weights.length, trained: loaded.adapters.full.length }
  }).pipe(Effect.scoped)

/** Makes a model with an adapter's changes in its weights. */
export const run: StageRun<MergeConfig, typeof mergeInputs, typeof mergeOutputs> = ({ config, inputs, outputs }) =>
  Effect.map(mergeInto(inputs.model.path, inputs.adapter.path, outputs.model, config.name), (facts) => ({ facts }))
