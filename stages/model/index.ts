/** Models in: from a folder, from the hub, a ready ONNX graph, or from nothing, as `Kinds.Model` and `Kinds.Tokenizer`. */
import { existsSync, readdirSync, statSync } from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type Artifact, type Outputs, type Progress, sourceFiles, stage } from "../../pipeline/index.ts"
import {
  Head,
  HeadName,
  Kinds,
  type ModelChoice,
  ModelSettings,
  ScratchSettings,
  SystemName,
} from "../../schemas/index.ts"
import { folderFiles } from "./folderFiles.ts"
import { ModelUnsuitable, UnknownModel } from "./ModelError.ts"

export type { Inspection, ParameterCounts, Sizes, TokenizerCard } from "./Inspection.ts"
export { type ModelError, ModelFileFailed, ModelUnsuitable, UnknownModel } from "./ModelError.ts"

const { template, bos, eos, queryPrefix, passagePrefix, maximumTokens } = ModelSettings.fields

const asSet = {
  name: SystemName,
  head: Schema.optionalWith(Schema.Union(HeadName, Head), { exact: true }),
  template,
  bos,
  eos,
  queryPrefix,
  passagePrefix,
  maximumTokens,
  /** Seed of the weights that a head begins with which is to be trained; absent, a missing head is an error. */
  freshHead: Schema.optionalWith(Schema.NonNegativeInt, { exact: true }),
}

/** What the stages read of a model's settings. */
export const ModelConfig = Schema.typeSchema(Schema.Struct(asSet))
export type ModelConfig = typeof ModelConfig.Type

export const ModelFilesConfig = Schema.typeSchema(
  Schema.Struct({
    ...asSet,
    /** Relative names, sorted. */
    files: Schema.Array(Schema.String),
    /** The ready graph's file, where one was named. */
    graph: Schema.optionalWith(Schema.String, { exact: true }),
  }),
)
export type ModelFilesConfig = typeof ModelFilesConfig.Type

export const ModelHubConfig = Schema.typeSchema(
  Schema.Struct({ ...asSet, repository: Schema.String, revision: Schema.String }),
)
export type ModelHubConfig = typeof ModelHubConfig.Type

export const modelOutputs = { model: Kinds.Model, tokenizer: Kinds.Tokenizer }

/** A model, wired: what runs, and what tokenizes for it. */
export interface WiredModel extends Outputs<typeof modelOutputs> {
  readonly name: SystemName
}

/** A model from a checkpoint's folder, or a ready ONNX graph with a tokenizer. */
export const modelFromFiles = stage({
  name: "model",
  config: ModelFilesConfig,
  inputs: { files: Kinds.SourceFiles },
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

/** What the stage reads of a model from nothing. */
export const TrainTokenizerConfig = Schema.typeSchema(
  Schema.Struct({ vocabulary: ScratchSettings.fields.vocabulary, maximumTokens: ScratchSettings.fields.maximumTokens }),
)
export type TrainTokenizerConfig = typeof TrainTokenizerConfig.Type

export const trainTokenizerInputs = { passages: Kinds.Passages, queries: Kinds.Queries }

export const trainTokenizerOutputs = { tokenizer: Kinds.Tokenizer }

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

const { vocabulary: _vocabulary, maximumTokens: _maximumTokens, ...scratchShape } = ScratchSettings.fields

/** What the stage reads of a model from nothing: its shape, and the seed of its weights. */
export const ScratchConfig = Schema.typeSchema(
  Schema.Struct({ ...scratchShape, name: SystemName, seed: Schema.NonNegativeInt }),
)
export type ScratchConfig = typeof ScratchConfig.Type

export const scratchInputs = { tokenizer: Kinds.Tokenizer }

export const scratchOutputs = { model: Kinds.Model }

/** A small model with random weights, for a tokenizer that was trained. */
export const modelFromNothing = stage({
  name: "model.scratch",
  config: ScratchConfig,
  inputs: scratchInputs,
  outputs: scratchOutputs,
  code: "stages/model/makeScratch.ts",
  load: () => import("./makeScratch.ts"),
})

const looksLocal = /^[./~]|^[A-Za-z]:[\\/]/u
const repositoryName = /^[\w.-]+(?:\/[\w.-]+)?$/u

/** The name in the table: the last part of the source, in the letters that names may have. */
const nameOf = (source: string): SystemName => {
  const last = basename(resolve(source)).replace(/\.onnx$/u, "")
  const name = last.replaceAll(/[^\p{L}\p{N}._@+-]+/gu, "-").replace(/^[^\p{L}\p{N}]+/u, "")
  return SystemName.make(name === "" ? "model" : name)
}

/** The settings of a model, where only its source was given. */
export const modelSettings = (choice: ModelChoice): ModelSettings =>
  typeof choice === "string" ? Schema.decodeSync(ModelSettings)({ source: choice }) : choice

/** What a source is: a folder's files with an ONNX graph named or not, or a repository of the hub. */
export type ModelSource =
  | { readonly kind: "files"; readonly folder: string; readonly files: ReadonlyArray<string>; readonly graph?: string }
  | { readonly kind: "hub"; readonly repository: string }

/**
 * Finds out what a source is; of folders, only the listing is read.
 *
 * @throws UnknownModel
 */
export const modelSource = (source: string): ModelSource => {
  const path = resolve(source)
  if (existsSync(path)) {
    const isFile = statSync(path).isFile()
    if (isFile && !path.endsWith(".onnx")) {
      throw new UnknownModel({ source, problem: "it is a file, and no ONNX graph", seen: [] })
    }
    const folder = isFile ? dirname(path) : path
    const graph = isFile ? basename(path) : undefined
    const files = folderFiles(folder, graph)
    if ("problem" in files) throw new UnknownModel({ source, ...files })
    return { kind: "files", folder, files: files.names, ...(graph === undefined ? {} : { graph }) }
  }
  if (!looksLocal.test(source) && repositoryName.test(source)) return { kind: "hub", repository: source }
  const above = dirname(path)
  const seen = existsSync(above) ? readdirSync(above).map((name) => join(dirname(source), name)) : []
  throw new UnknownModel({ source, problem: "there is no such folder", seen: seen.sort() })
}

/**
 * Wires a model by its settings: a folder, an ONNX file, or a repository of the hub.
 *
 * @param freshHead the seed of a new head's weights, for a model that is to be trained
 * @throws UnknownModel
 */
export const modelOf = (choice: ModelChoice, freshHead?: number): WiredModel => {
  const { source, revision, name: given, ...settings } = modelSettings(choice)
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
  const { source, revision: _, name = nameOf(source), ...rest } = settings
  return Effect.flatMap(
    Effect.promise(() => import("./inspectModel.ts")),
    ({ inspect }) => inspect(settings, { ...rest, name }, progress),
  )
}
