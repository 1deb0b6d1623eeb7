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
  readConfig,
} from "../../neural/index.ts"
import type { StageResult } from "../../pipeline/index.ts"
import { InputSpec, inputFile, ModelCard, modelFiles } from "../../schemas/index.ts"
import type { ModelConfig, modelOutputs } from "./contract.ts"
import { inputOf } from "./inputOf.ts"
import { ModelUnsuitable } from "./ModelError.ts"
import { attempt, type ModelFolder, readGraph, readyGraph } from "./ModelFolder.ts"
import { readCheckpoint } from "./readCheckpoint.ts"

const tokenizerInto = (source: ModelFolder, opened: OpenedTokenizer, to: string) =>
  Effect.forEach(opened.files, (name) =>
    attempt(join(source.folder, name), () => copyFile(join(source.folder, name), join(to, name))),
  )

type Warn = (message: string) => void

/** What is known of a model besides its card's general part. */
type Made = Pick<ModelCard, "family" | "output" | "parameters" | "input"> & { readonly head?: Head }

/** A checkpoint in Hugging Face layout becomes a graph and float32 weights. */
const fromCheckpoint = (source: ModelFolder, config: ModelConfig, opened: OpenedTokenizer, to: string, warn: Warn) =>
  Effect.gen(function* () {
    const pretrained = yield* readConfig(source.folder)
    const { architecture } = pretrained
    const { dense, head: named, hints, warnings } = yield* readCheckpoint(source, config, pretrained, opened, false)
    // What is to be trained to score needs a head that does.
    const scoreless = named === undefined || named.kind === "embedding"
    const toTrain = config.freshHead !== undefined && config.head === undefined
    // A decoder's first token sees itself alone.
    const begun: Head = { kind: architecture.promptDecides === true ? "masked-mean" : "first-token" }
    const head: Head | undefined = toTrain && scoreless ? begun : named
    yield* checkVocabulary(opened.tokenizer, architecture.vocabulary)
    const input = yield* inputOf(config, { ...hints, head: head?.kind }, opened.tokenizer)
    warnings.forEach(warn)
    if (dense.length > 0 && head?.kind !== "embedding") {
      warn(
        `its modules Dense (${dense.join(", ")}) are not used: the head ${head?.kind ?? "that is trained"} makes a score of the tokens' states`,
      )
    }
    const seed = config.freshHead
    const converted = yield* convertCheckpoint({
      from: source.folder,
      to,
      dense,
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
const fromGraph = (
  source: ModelFolder,
  graph: string,
  config: ModelConfig,
  opened: OpenedTokenizer,
  to: string,
  warn: Warn,
) =>
  Effect.gen(function* () {
    if (config.head !== undefined || config.label !== undefined || config.freshHead !== undefined) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: "a ready graph has its head inside",
        remedy:
          config.freshHead === undefined
            ? "Leave head and label out."
            : "To train, give the checkpoint as safetensors.",
      })
    }
    const { declared, path, warnings: ofGraph } = yield* readGraph(source, graph, config.name)
    const pretrained = source.files.includes(modelFiles.config)
      ? yield* Effect.map(Effect.either(readConfig(source.folder)), Either.getOrUndefined)
      : undefined
    if (pretrained !== undefined) yield* checkVocabulary(opened.tokenizer, pretrained.architecture.vocabulary)
    const { hints, warnings } = yield* readCheckpoint(source, config, pretrained, opened, true)
    const input = yield* inputOf(config, { ...hints, head: undefined }, opened.tokenizer)
    for (const warning of [...ofGraph, ...warnings]) warn(warning)
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

/**
 * Makes the artifacts of a model of its folder.
 *
 * @param warn told what of the files may change scores unread; recorded with the result
 */
export const makeModel = (
  source: ModelFolder,
  config: ModelConfig,
  outputs: { readonly model: string; readonly tokenizer: string },
  warn: Warn,
) =>
  Effect.gen(function* () {
    const opened = yield* openTokenizer(source.folder)
    const graph = readyGraph(source)
    const made: Made =
      graph === undefined
        ? yield* fromCheckpoint(source, config, opened, outputs.model, warn)
        : yield* fromGraph(source, graph, config, opened, outputs.model, warn)
    const card: ModelCard = { form: 1, name: config.name, precision: "fp32", origin: source.origin, ...made }
    yield* tokenizerInto(source, opened, outputs.model)
    yield* tokenizerInto(source, opened, outputs.tokenizer)
    const write = (folder: string, name: string, json: unknown) =>
      attempt(join(folder, name), () => writeFile(join(folder, name), `${JSON.stringify(json, null, 1)}\n`))
    yield* write(outputs.model, modelFiles.card, encodeCard(card))
    // Texts are tokenized alike however they are shortened later: models that differ in that share the tokens.
    const { truncation: _, ...read } = card.input
    yield* write(outputs.tokenizer, inputFile, encodeInput(read))
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
