import { copyFile, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  checkVocabulary,
  convertCheckpoint,
  type Head,
  initialHead,
  type OpenedTokenizer,
  openTokenizer,
  positionLimit,
  readConfig,
} from "../../neural/index.ts"
import type { StageResult } from "../../pipeline/index.ts"
import { InputSpec, inputFile, ModelCard, modelFiles } from "../../schemas/index.ts"
import { checkPooling } from "./checkPooling.ts"
import type { ModelConfig, modelOutputs } from "./contract.ts"
import { type InputHints, inputOf } from "./inputOf.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { attempt, chooseHead, type ModelFolder, readGraph, readHints, readJson, readyGraph } from "./ModelFolder.ts"

const tokenizerInto = (source: ModelFolder, opened: OpenedTokenizer, to: string) =>
  Effect.forEach(opened.files, (name) =>
    attempt(join(source.folder, name), () => copyFile(join(source.folder, name), join(to, name))),
  )

/** What is known of a model besides its card's general part. */
type Made = Pick<ModelCard, "family" | "output" | "parameters" | "input"> & { readonly head?: Head }

/** A checkpoint in Hugging Face layout becomes a graph and float32 weights. */
const fromCheckpoint = (source: ModelFolder, config: ModelConfig, opened: OpenedTokenizer, to: string) =>
  Effect.gen(function* () {
    const pretrained = yield* readConfig(source.folder)
    const { architecture } = pretrained
    const { head: saved, hints } = yield* readHints(source, pretrained)
    const named = chooseHead(config.head, pretrained, saved)
    // What is to be trained to score needs a head that does.
    const scoreless = named === undefined || named.kind === "embedding"
    const toTrain = config.freshHead !== undefined && config.head === undefined
    const head: Head | undefined = toTrain && scoreless ? { kind: "first-token" } : named
    if (head?.kind === "embedding") yield* checkPooling(source, config.name)
    yield* checkVocabulary(opened.tokenizer, architecture.vocabulary)
    const input = yield* inputOf(config, { ...hints, head: head?.kind }, opened.tokenizer)
    const seed = config.freshHead
    const converted = yield* convertCheckpoint({
      from: source.folder,
      to,
      ...(head === undefined ? {} : { head }),
      maximumTokens: input.maximumTokens,
      ...(seed === undefined ? {} : { freshHead: (name, shape) => initialHead(seed, { name, shape }) }),
    })
    const path = join(source.folder, modelFiles.config)
    yield* attempt(path, () => copyFile(path, join(to, modelFiles.config)))
    const { output, parameters } = converted
    return { family: architecture.family, head: converted.head, output, parameters, input } satisfies Made
  })

/** A ready graph is taken as it is, once its inputs and output are those of a cross-encoder. */
const fromGraph = (source: ModelFolder, graph: string, config: ModelConfig, opened: OpenedTokenizer, to: string) =>
  Effect.gen(function* () {
    if (config.head !== undefined || config.freshHead !== undefined) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "a ready graph has its head inside",
        remedy: config.freshHead === undefined ? "Leave head out." : "To train, give the checkpoint as safetensors.",
      })
    }
    const { declared, path } = yield* readGraph(source, graph, config.name)
    const pretrained = source.files.includes(modelFiles.config)
      ? yield* Effect.map(Effect.either(readConfig(source.folder)), Either.getOrUndefined)
      : undefined
    if (pretrained !== undefined) yield* checkVocabulary(opened.tokenizer, pretrained.architecture.vocabulary)
    const hints: InputHints = {
      family: pretrained?.architecture.family ?? "onnx",
      head: undefined,
      saved: (yield* readJson(source, modelFiles.card, ModelCard))?.input,
      stated: undefined,
      positions: pretrained === undefined ? undefined : positionLimit(pretrained.architecture),
    }
    const input = yield* inputOf(config, hints, opened.tokenizer)
    for (const file of declared.dataFiles) {
      const from = join(dirname(path), file)
      if (basename(file) !== file) {
        const problem = `its weights lie outside its folder, at ${file}`
        return yield* new ModelUnsuitable({ model: config.name, problem, remedy: "Put them beside the graph." })
      }
      yield* attempt(from, () => copyFile(from, join(to, file)))
    }
    yield* attempt(path, () => copyFile(path, join(to, modelFiles.graph)))
    return { family: "onnx", output: "scores", parameters: 0, input } satisfies Made
  })

const encodeCard = Schema.encodeSync(ModelCard)
const encodeInput = Schema.encodeSync(InputSpec)

/** Makes the artifacts of a model of its folder. */
export const makeModel = (
  source: ModelFolder,
  config: ModelConfig,
  outputs: { readonly model: string; readonly tokenizer: string },
) =>
  Effect.gen(function* () {
    const opened = yield* openTokenizer(source.folder)
    const graph = readyGraph(source)
    const made: Made =
      graph === undefined
        ? yield* fromCheckpoint(source, config, opened, outputs.model)
        : yield* fromGraph(source, graph, config, opened, outputs.model)
    const card: ModelCard = { form: 1, name: config.name, precision: "fp32", origin: source.origin, ...made }
    yield* tokenizerInto(source, opened, outputs.model)
    yield* tokenizerInto(source, opened, outputs.tokenizer)
    const write = (folder: string, name: string, json: unknown) =>
      attempt(join(folder, name), () => writeFile(join(folder, name), `${JSON.stringify(json, null, 1)}\n`))
    yield* write(outputs.model, modelFiles.card, encodeCard(card))
    yield* write(outputs.tokenizer, inputFile, encodeInput(card.input))
    return {
      facts: {
        origin: card.origin,
        parameters: card.parameters,
        head: card.head?.kind ?? "inside",
        maximumTokens: card.input.maximumTokens,
        tokenizer: opened.tokenizer.description,
      },
    } satisfies StageResult<typeof modelOutputs>
  })
