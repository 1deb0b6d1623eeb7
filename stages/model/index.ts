/** Models in: from a folder, from the hub, a ready ONNX graph, or from nothing, as `Kinds.Model` and `Kinds.Tokenizer`. */
import { resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Artifact, type Outputs, type Progress, sourceFiles, stage } from "../../pipeline/index.ts"
import {
  type Kinds,
  type ModelChoice,
  ModelSettings,
  modelName,
  type ScratchSettings,
  SystemName,
  type TrainedModel,
  tokenizerFiles,
} from "../../schemas/index.ts"
import { adapterFolder, isAdapterFolder } from "./AdapterFolder.ts"
import {
  AdapterFilesConfig,
  adapterFilesInputs,
  adapterFilesOutputs,
  FreezeConfig,
  freezeInputs,
  freezeOutputs,
  MergeConfig,
  ModelFilesConfig,
  ModelHubConfig,
  mergeInputs,
  mergeOutputs,
  modelFilesInputs,
  modelOutputs,
  QuantizeConfig,
  quantizeInputs,
  quantizeOutputs,
  ScratchConfig,
  scratchInputs,
  scratchOutputs,
  TrainTokenizerConfig,
  trainTokenizerInputs,
  trainTokenizerOutputs,
} from "./contract.ts"
import { ModelUnsuitable, UnknownModel } from "./ModelError.ts"
import { modelSource } from "./ModelSource.ts"

export type { Inspection, ParameterCounts, Sizes, TokenizerCard } from "./Inspection.ts"
export { type ModelError, ModelFileFailed, ModelUnsuitable, UnknownModel } from "./ModelError.ts"

/** A model, wired: what runs, and what tokenizes for it. */
export interface WiredModel extends Outputs<typeof modelOutputs> {
  readonly name: SystemName
  /** Of a model with an adapter's changes in its weights: the model without them, and the adapter. */
  readonly adapted?: { readonly base: Artifact<Kinds.Model>; readonly adapter: Artifact<Kinds.Adapter> }
}

/** A model from a checkpoint's folder, or a ready ONNX graph with a tokenizer. */
export const modelFromFiles = stage({
  name: "model",
  config: ModelFilesConfig,
  inputs: modelFilesInputs,
  outputs: modelOutputs,
  code: "stages/model/readModel.ts",
  load: () => import("./readModel.ts"),
})

/** A model from the hub, through Hugging Face's local cache. */
export const modelFromHub = stage({
  name: "model.hub",
  config: ModelHubConfig,
  inputs: {},
  outputs: modelOutputs,
  code: "stages/model/fetchModel.ts",
  load: () => import("./fetchModel.ts"),
})

/** A byte-pair encoding, trained on the passages and the train queries. */
export const trainTokenizer = stage({
  name: "tokenizer.bpe",
  config: TrainTokenizerConfig,
  inputs: trainTokenizerInputs,
  outputs: trainTokenizerOutputs,
  code: "stages/model/trainTokenizer.ts",
  load: () => import("./trainTokenizer.ts"),
  native: ["duckdb"],
})

/** A small model with random weights, for a tokenizer that was trained. */
export const modelFromNothing = stage({
  name: "model.scratch",
  config: ScratchConfig,
  inputs: scratchInputs,
  outputs: scratchOutputs,
  code: "stages/model/makeScratch.ts",
  load: () => import("./makeScratch.ts"),
})

/** A model with its weights in 8 bits. */
export const quantize = stage({
  name: "quantize",
  config: QuantizeConfig,
  inputs: quantizeInputs,
  outputs: quantizeOutputs,
  code: "stages/model/quantize.ts",
  load: () => import("./quantize.ts"),
})

/** A model's weights in fewer bits, for trainings in which they stay. */
export const freeze = stage({
  name: "freeze",
  config: FreezeConfig,
  inputs: freezeInputs,
  outputs: freezeOutputs,
  code: "stages/model/freeze.ts",
  load: () => import("./freeze.ts"),
})

/** A model with an adapter's changes in its weights. */
export const merge = stage({
  name: "merge",
  config: MergeConfig,
  inputs: mergeInputs,
  outputs: mergeOutputs,
  code: "stages/model/merge.ts",
  load: () => import("./merge.ts"),
})

/** An adapter from a folder, as peft writes it. */
export const adapterFromFiles = stage({
  name: "adapter",
  config: AdapterFilesConfig,
  inputs: adapterFilesInputs,
  outputs: adapterFilesOutputs,
  code: "stages/model/readAdapterFiles.ts",
  load: () => import("./readAdapterFiles.ts"),
})

const nameOf = (source: string): SystemName => modelName(resolve(source))

/** The settings of a model, where only its source was given. */
export const modelSettings = (choice: ModelChoice): ModelSettings =>
  typeof choice === "string" ? Schema.decodeSync(ModelSettings)({ source: choice }) : choice

/** Wires a model that stands under an adapter. */
export type BaseOf = (choice: ModelChoice, freshHead?: number) => WiredModel

/**
 * The settings of the model under an adapter.
 *
 * @throws UnknownModel, ModelUnsuitable
 */
const settingsUnder = (given: ModelSettings, freshHead: number | undefined) => {
  const { adapter: named, name: called, precision: _, ...settings } = given
  const found = adapterFolder(named ?? given.source)
  const base = named === undefined ? found.base : { source: given.source, revision: given.revision }
  if (base === undefined) {
    throw new ModelUnsuitable({
      model: given.source,
      problem: "the adapter's configuration does not say which model it is put over",
      remedy: "Say it: { source: …, adapter: … }.",
    })
  }
  const name = called ?? nameOf(named ?? given.source)
  // What it was trained with here: the adapter has the head's weights, which the model need not have.
  const head = settings.head ?? found.head
  const seed = freshHead ?? (found.head === undefined ? undefined : 0)
  const under = {
    ...settings,
    source: base.source,
    revision: base.revision ?? "main",
    ...(head === undefined ? {} : { head }),
  }
  const { revision: __, source: ___, ...own } = under
  return { config: { ...own, name, ...(seed === undefined ? {} : { freshHead: seed }) }, found, name, seed, under }
}

/** Wires a model with an adapter's changes in its weights. */
const adaptedModel = (given: ModelSettings, freshHead: number | undefined, baseOf: BaseOf): WiredModel => {
  const { found, name, seed, under } = settingsUnder(given, freshHead)
  const { model, tokenizer } = baseOf(under, seed)
  const files = sourceFiles({ name: `files.${name}.adapter`, root: found.folder, files: found.files })
  const { adapter } = adapterFromFiles({ files: found.files }, { files }, name)
  return { name, tokenizer, ...merge({ name }, { model, adapter }, name), adapted: { base: model, adapter } }
}

/**
 * Wires a model by its settings: a folder, an ONNX file, or a repository of the hub.
 *
 * @param freshHead the seed of a new head's weights, for a model that is to be trained
 * @param baseOf wires the model under an adapter, of which several may be over one. Default: each wires it anew
 * @throws UnknownModel, ModelUnsuitable
 */
export const modelOf = (choice: ModelChoice, freshHead?: number, baseOf?: BaseOf): WiredModel => {
  const { source, revision, name: given, precision: _, adapter, ...settings } = modelSettings(choice)
  if (adapter !== undefined || isAdapterFolder(source)) {
    return adaptedModel(modelSettings(choice), freshHead, baseOf ?? modelOf)
  }
  const name = given ?? nameOf(source)
  const config = { ...settings, name, ...(freshHead === undefined ? {} : { freshHead }) }
  const label = freshHead === undefined ? name : `${name}.head-${freshHead}`
  const found = modelSource(source)
  if (found.kind === "hub") {
    return { name, ...modelFromHub({ ...config, repository: found.repository, revision }, {}, label) }
  }
  if (revision !== "main") {
    throw new ModelUnsuitable({
      model: source,
      problem: `a folder has no revision «${revision}»`,
      remedy: "Leave revision out, or name a repository of the hub.",
    })
  }
  const { files, folder, graph } = found
  if (!tokenizerFiles.some((file) => files.includes(file))) {
    throw new ModelUnsuitable({
      model: source,
      problem: `it holds no tokenizer: none of ${tokenizerFiles.join(", ")}`,
      remedy: "Put the files of the tokenizer that the model was trained with beside its weights.",
    })
  }
  const listed = sourceFiles({ name: `files.${label}`, root: folder, files })
  const whole = { ...config, files, ...(graph === undefined ? {} : { graph }) }
  return { name, ...modelFromFiles(whole, { files: listed }, label) }
}

/** A model from nothing, wired for a collection: its tokenizer, and a model for each seed. */
export interface WiredScratch {
  readonly name: SystemName
  readonly tokenizer: Artifact<Kinds.Tokenizer>
  readonly model: (seed: number) => Artifact<Kinds.Model>
}

/**
 * Wires a model from nothing for a collection.
 *
 * @param label tells apart the nodes of several collections
 */
export const scratchOf = (
  settings: ScratchSettings,
  collection: { readonly passages: Artifact<Kinds.Passages>; readonly queries: Artifact<Kinds.Queries> },
  label: string,
): WiredScratch => {
  const { maximumTokens, name: given, vocabulary, ...shape } = settings
  const name = given ?? SystemName.make(shape.scratch)
  const { passages, queries } = collection
  const { tokenizer } = trainTokenizer({ vocabulary, maximumTokens }, { passages, queries }, `${name}${label}`)
  const model = (seed: number) => modelFromNothing({ ...shape, name, seed }, { tokenizer }, `${name}.${seed}${label}`)
  return { name, tokenizer, model: (seed) => model(seed).model }
}

/**
 * Looks at a model without making anything of it; of a repository of the hub the files are fetched into the cache.
 *
 * @param progress of the fetching
 */
export const inspectModel = (settings: ModelSettings, progress: (progress: Progress) => void) => {
  const {
    source,
    revision: _revision,
    name = nameOf(source),
    precision: _precision,
    adapter: _adapter,
    ...rest
  } = settings
  return Effect.flatMap(
    Effect.promise(() => import("./inspectModel.ts")),
    ({ inspect }) => inspect(settings, { ...rest, name }, progress),
  )
}

/** The sizes of a model that is to be trained, before it is made; of its weights nothing is read. */
export const describeUnmade = (model: TrainedModel) =>
  Effect.flatMap(
    Effect.promise(() => import("./describeUnmade.ts")),
    (loaded) => loaded.describeUnmade(model),
  )

/** What becomes of each field of a model's files, as Markdown: the tables of docs/MODELS.md. */
export const modelFieldTables: Effect.Effect<string> = Effect.map(
  Effect.promise(() => import("./fieldTables.ts")),
  ({ renderFieldTables }) => renderFieldTables(),
)

/** The families of models, what of them is proven, and repositories that people fetch, as text. */
export const modelList: Effect.Effect<string> = Effect.map(
  Effect.promise(() => import("./listModels.ts")),
  ({ renderModelList }) => renderModelList(),
)

/**
 * Writes beside the files of a model what `transformers.js` and `sentence-transformers` read: `onnx/model.onnx` and, where they know
 * its kind, how they are to use it.
 *
 * @param folder of a `Kinds.Model`
 * @param to where it was copied to
 * @returns the files that were written, relative to `to`
 */
export const publishModel = (folder: string, to: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./publishModel.ts")),
    (loaded) => loaded.publishModel(folder, to),
  )

/**
 * Makes the folder of a model (graph, weights, tokenizer, card) outside of any store, for scoring pairs of texts.
 *
 * @param settings as those of the configuration are written
 * @param to an empty folder
 * @returns what a reader of its scores has to know
 */
export const modelFolder = (settings: typeof ModelSettings.Encoded, to: string) =>
  Effect.gen(function* () {
    const decoded = yield* Schema.decode(ModelSettings, { onExcessProperty: "error" })(settings)
    const { source, revision: _, name = nameOf(source), adapter, ...rest } = decoded
    const { adaptedInto, modelInto } = yield* Effect.promise(() => import("./modelInto.ts"))
    if (adapter === undefined && !isAdapterFolder(source)) return yield* modelInto(decoded, { ...rest, name }, to)
    const { config, found, under } = yield* Effect.try({
      try: () => settingsUnder(decoded, undefined),
      catch: (error) => {
        if (error instanceof ModelUnsuitable || error instanceof UnknownModel) return error
        throw error
      },
    })
    return yield* adaptedInto(under, config, found.folder, to)
  })
