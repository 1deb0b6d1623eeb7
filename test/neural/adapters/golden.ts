import { readdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type Adapters, readAdapter } from "../../../neural/adapters/index.ts"
import type { ModelDescription } from "../../../neural/architectures/index.ts"
import { modelGraph } from "../../../neural/architectures/index.ts"
import { openWeights, requireTensors } from "../../../neural/checkpoints/index.ts"
import type { TrainerOptions, TrainingStep } from "../../../neural/training/index.ts"
import { headOfKind, modelsFolder, readConfig, readGolden, readJson } from "../architectures/golden.ts"
import { optimizer } from "../training/smallTraining.ts"

/** What `test/reference/adapters/generate.py` made, a folder a case. */
export const adaptersFolder = join(import.meta.dirname, "../../reference/adapters")

export const adapterCases = readdirSync(adaptersFolder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort()

const Golden = Schema.Struct({
  model: Schema.String,
  head: Schema.String,
  texts: Schema.Array(Schema.Array(Schema.Array(Schema.Number))),
  scores: Schema.Array(Schema.Number),
  losses: Schema.Array(Schema.Number),
  rate: Schema.Number,
})

/** A case: the model, the adapter beside it, and the two lists it was trained on. */
export const adapterCase = (name: string) =>
  Effect.gen(function* () {
    const folder = join(adaptersFolder, name)
    const golden = Schema.decodeUnknownSync(Golden)(readJson(folder, "golden.json"))
    const { architecture, labels } = readConfig(golden.model)
    const head = headOfKind(golden.head, readGolden(golden.model), labels)
    const description: ModelDescription = { architecture, head }
    const adapter = yield* readAdapter(folder, description)
    const [first = []] = golden.texts
    const step: TrainingStep = {
      step: 0,
      lists: golden.texts.length,
      m: first.length,
      texts: golden.texts.flat().map((ids) => ({ ids, types: ids.map(() => 0) })),
      grades: Float32Array.from(golden.texts.flat(), (_, item) => (item % first.length === 0 ? 1 : 0)),
      mask: new Uint8Array(golden.texts.flat().length).fill(1),
      learningRates: [golden.rate],
    }
    return { folder, golden, description, adapter, step, base: join(modelsFolder, golden.model) }
  })

/**
 * A trainer's options for a case; the base's weights are fed, or lie in its file.
 *
 * @param from a folder with the base's weights under their names; the case's own if nothing is said
 */
export const optionsOf = (
  name: string,
  place: "fed" | "file",
  given: Partial<TrainerOptions> = {},
  from?: string,
): Effect.Effect<TrainerOptions & { readonly adapters: Adapters }, unknown> =>
  Effect.gen(function* () {
    const { adapter, base: own, description } = yield* adapterCase(name)
    const base = from ?? own
    const model = yield* modelGraph(description)
    const stored = yield* openWeights(base)
    const found = yield* requireTensors(stored, name, model.tensors, model.ignores)
    const full = new Set(adapter.adapters.full)
    // The head that the case does not save is trained, too, from where the model has it.
    const heads = model.tensors.flatMap(({ name: each }) => (/^(?:head\.score|classifier)\./u.test(each) ? [each] : []))
    const weights = new Map<string, Float32Array>()
    const locations = new Map<string, { readonly file: string; readonly offset: number }>()
    for (const [tensor, { name: storedName, offset }] of found) {
      if (place === "fed" || full.has(tensor) || heads.includes(tensor))
        weights.set(tensor, yield* stored.floats(storedName))
      locations.set(tensor, { file: "model.safetensors", offset })
    }
    for (const [tensor, values] of adapter.weights) weights.set(tensor, values)
    return {
      description,
      adapters: { ...adapter.adapters, full: [...new Set([...adapter.adapters.full, ...heads])] },
      weights,
      ...(place === "file" ? { base: { folder: base, locations, fingerprint: name } } : {}),
      loss: { kind: "softmax" } as const,
      optimizer: optimizer(),
      dropout: 0,
      seed: 7,
      device: "cpu" as const,
      threads: 2,
      ...given,
    }
  }).pipe(Effect.scoped)

/** The gradients of a case by our names. */
export const goldenGradients = (name: string): Effect.Effect<ReadonlyMap<string, Float32Array>, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const { description } = yield* adapterCase(name)
    const model = yield* modelGraph(description)
    const ownName = new Map(
      model.tensors.flatMap(({ aliases, name: own }) => [own, ...aliases].map((each) => [each, own])),
    )
    const stored = yield* openWeights(join(adaptersFolder, name, "gradients.safetensors"))
    const gradients = new Map<string, Float32Array>()
    for (const tensor of stored.tensors.keys()) {
      const bare = tensor.replace(/^base_model\.model\./u, "")
      const factor = /\.lora_[AB]\.weight$/u.exec(bare)?.[0]
      const weight = factor === undefined ? bare : bare.replace(factor, ".weight")
      const own = ownName.get(weight)
      if (own === undefined) throw new Error(`nothing is called ${weight}`)
      gradients.set(factor === undefined ? own : own.replace(/\.weight$/u, factor), yield* stored.floats(tensor))
    }
    return gradients
  })
