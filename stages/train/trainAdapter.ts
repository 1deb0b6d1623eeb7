import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  AdapterMisfit,
  type Adapters,
  baseFingerprint,
  initialFactors,
  openWeights,
  planAdapters,
  readAdapter,
  writeAdapter,
} from "../../neural/index.ts"
import type { StageContext } from "../../pipeline/index.ts"
import { AdapterCard, adapterCardFile, type ModelCard, modelFiles } from "../../schemas/index.ts"
import { TrainAdapterConfig, type trainAdapterInputs, type trainAdapterOutputs } from "./contract.ts"
import { modelReadme } from "./modelReadme.ts"
import { runTraining, type TrainedPart } from "./runTraining.ts"
import { type TrainableModel, written } from "./trainedModel.ts"
import { trainingHash } from "./trainingHash.ts"

type Context = StageContext<TrainAdapterConfig, typeof trainAdapterInputs, typeof trainAdapterOutputs>

const encodeConfig = Schema.encodeSync(TrainAdapterConfig)
const encodeCard = Schema.encodeSync(AdapterCard)

/** Whether an adapter that was made elsewhere is what the settings ask for. */
const differing = (planned: Adapters, found: Adapters): string | undefined => {
  const wanted = new Map(planned.weights.map((weight) => [weight.name, weight]))
  for (const { module, name, rank, scale } of found.weights) {
    const own = wanted.get(name)
    if (own === undefined) return `it changes ${module}, which is no target`
    if (own.rank !== rank) return `its change of ${module} has rank ${rank}, and ${own.rank} is asked for`
    if (Math.abs(own.scale / scale - 1) > 1e-6)
      return `its change of ${module} is scaled by ${scale}, and not by ${own.scale}`
  }
  const have = new Set(found.weights.map(({ name }) => name))
  const missing = planned.weights.find(({ name }) => !have.has(name))
  return missing === undefined ? undefined : `it does not change ${missing.module}`
}

/** The factors and what is trained in full; all else stays in the model's file. */
const partOf = (model: TrainableModel, { config, inputs }: Context) =>
  Effect.gen(function* () {
    const planned = yield* planAdapters(model.description, config.lora)
    const [start] = inputs.start
    const loaded = start === undefined ? undefined : yield* readAdapter(start.path, model.description)
    const why = loaded && differing(planned, loaded.adapters)
    if (why !== undefined) {
      const remedy = "Set rank, alpha, rslora and targets as it has them, or begin with its merged model"
      return yield* new AdapterMisfit({
        where: "train.lora",
        why: `the adapter to begin with does not fit: ${why}`,
        remedy,
      })
    }
    const full = [...new Set([...planned.full, ...(loaded?.adapters.full ?? [])])]
    const adapters = { ...planned, full }
    const kept = new Set(full)
    const held = model.graph.tensors.flatMap(({ name }) => (kept.has(name) || !model.locations.has(name) ? [name] : []))
    const weights = new Map([
      ...(yield* model.read(held)),
      ...initialFactors(adapters, config.seed),
      ...(loaded?.weights ?? []),
    ])
    const fingerprint = yield* baseFingerprint(model.stored, adapters, model.storedAs)
    const [frozen] = inputs.base
    const mapped =
      frozen === undefined
        ? { folder: inputs.model.path, locations: model.locations }
        : { folder: frozen.path, locations: yield* locationsIn(frozen.path), storage: config.lora.base }
    return { adapters, weights, base: { ...mapped, fingerprint } } satisfies TrainedPart
  })

/** Where in a file of weights each of them is. */
const locationsIn = (folder: string) =>
  Effect.map(
    openWeights(join(folder, modelFiles.weights)),
    ({ tensors }) =>
      new Map([...tensors.values()].map(({ name, offset }) => [name, { file: modelFiles.weights, offset }])),
  )

/** Where peft is to look for the base: the hub's repository and commit, or the model's name. */
const baseOf = ({ name, origin }: ModelCard): { readonly name: string; readonly revision?: string } => {
  const [, repository, revision] = /^hub (\S+) at commit (\w+)/u.exec(origin) ?? []
  return repository === undefined || revision === undefined ? { name } : { name: repository, revision }
}

/** Trains adapters beside a model's weights. */
export const run = (context: Context) =>
  runTraining({
    ...context,
    training: trainingHash(encodeConfig(context.config), context.inputs),
    log: context.outputs.log,
    partOf: (model) => partOf(model, context),
    write: ({ facts, model, origin, part, weights }) =>
      Effect.gen(function* () {
        const { adapters, base } = part
        if (adapters === undefined || base === undefined) return yield* Effect.dieMessage("a training without adapters")
        const { config, outputs } = context
        const to = outputs.adapter
        yield* writeAdapter(to, {
          description: model.description,
          tensors: model.graph.tensors,
          adapters,
          settings: config.lora,
          weights,
          storedAs: model.storedAs,
          base: baseOf(facts.base),
        })
        const card: AdapterCard = {
          form: 1,
          name: config.system,
          base: {
            name: facts.base.name,
            origin: facts.base.origin,
            fingerprint: base.fingerprint,
            ...(config.lora.base === "fp32" ? {} : { storage: config.lora.base }),
          },
          head: model.description.head,
          parameters: [...weights.values()].reduce((sum, { length }) => sum + length, 0),
          origin,
        }
        const files = {
          [adapterCardFile]: `${JSON.stringify(encodeCard(card), null, 1)}\n`,
          "README.md": modelReadme(facts, card),
        }
        for (const [name, text] of Object.entries(files)) {
          const path = join(to, name)
          yield* written(path, () => writeFile(path, text))
        }
      }),
  })
