import { stat } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import {
  type Architecture,
  checkVocabulary,
  describeCheckpoint,
  elements,
  type Head,
  headsOf,
  type LayoutPart,
  type ModelGraph,
  matchTensors,
  modelGraph,
  Onnx,
  openCheckpoint,
  openTokenizer,
  readConfig,
  type Tokenizer,
} from "../../neural/index.ts"
import type { Progress } from "../../pipeline/index.ts"
import { type ModelSettings, modelFiles } from "../../schemas/index.ts"
import type { ModelConfig } from "./contract.ts"
import type { Inspection, ParameterCounts, Sizes, TokenizerCard } from "./Inspection.ts"
import { inputOf } from "./inputOf.ts"
import { attempt, fileError, type ModelFolder, readGraph, readyGraph } from "./ModelFolder.ts"
import { readCheckpoint } from "./readCheckpoint.ts"
import { sourceFolder } from "./sourceFolder.ts"

/** The sizes of an architecture in the field's words, in the order in which they are told. */
const sizesOf = (architecture: Architecture): Sizes => {
  const { heads, innerWidth, layers, sizes, vocabulary, width } = architecture
  return { layers, width, heads, inner: innerWidth, vocabulary, ...sizes }
}

const isEmbedding = (name: string): boolean => /^shared\.|embed_tokens\.|_embeddings\./u.test(name)

const sizeOf = (tensors: ReadonlyArray<{ readonly shape: ReadonlyArray<number> }>): number =>
  tensors.reduce((sum, { shape }) => sum + elements(shape), 0)

/** Weights of the encoder without its embeddings, of these, and of the head. */
const parametersOf = (architecture: Architecture, head: Head | undefined): ParameterCounts => {
  const tensorsWith = (each: Head) =>
    Either.match(modelGraph({ architecture, head: each }), { onLeft: () => [], onRight: ({ tensors }) => tensors })
  // A mean of states adds no weights to the encoder's.
  const bare = tensorsWith({ kind: "embedding" })
  const all = head === undefined ? bare : tensorsWith(head)
  const own = new Set(bare.map(({ name }) => name))
  const added = all.filter(({ name }) => !own.has(name))
  const embedding = sizeOf(all.filter(({ name }) => isEmbedding(name)))
  return {
    encoder: sizeOf(all) - sizeOf(added) - embedding,
    embedding,
    ...(head === undefined ? {} : { head: sizeOf(added) }),
  }
}

/** A layout in words: `[CLS] query [SEP] passage [SEP]`. */
const layoutText = (parts: ReadonlyArray<LayoutPart>, tokenizer: Tokenizer, texts: readonly [string, string]): string =>
  parts
    .map((part) =>
      "ids" in part
        ? part.ids.map((id) => tokenizer.pieceOf(id) ?? String(id)).join(" ")
        : texts[part.text === "first" ? 0 : 1],
    )
    .join(" ")

const describeTokenizer = (tokenizer: Tokenizer): TokenizerCard => ({
  description: tokenizer.description,
  entries: tokenizer.vocabularySize,
  special: Object.fromEntries(Object.entries(tokenizer.special).filter(([, id]) => id !== undefined)),
  ...(tokenizer.layouts === undefined
    ? {}
    : {
        layouts: {
          single: layoutText(tokenizer.layouts.single, tokenizer, ["text", ""]),
          pair: layoutText(tokenizer.layouts.pair, tokenizer, ["query", "passage"]),
        },
      }),
  joinsTexts: tokenizer.encodeNext !== undefined,
})

/** The tensors in the files, and how they fit the architecture with a head. */
const inspectWeights = (
  source: ModelFolder,
  model: ModelGraph | undefined,
  head: Head | undefined,
  dense: ReadonlyArray<string>,
) =>
  Effect.gen(function* () {
    const { tensors } = yield* openCheckpoint(source.folder, head, dense)
    const dtypes: Record<string, { tensors: number; bytes: number }> = {}
    for (const { bytes, dtype } of tensors.values()) {
      const known = dtypes[dtype] ?? { tensors: 0, bytes: 0 }
      dtypes[dtype] = { tensors: known.tensors + 1, bytes: known.bytes + bytes }
    }
    if (model === undefined) return { dtypes }
    const { extra, missing, misshaped } = matchTensors(model.tensors, tensors, model.ignores)
    return { dtypes, fit: { missing, misshaped, extra } }
  }).pipe(Effect.scoped)

/** Looks at all that a model's files say; what cannot be read or does not fit is among the problems. */
export const inspect = (settings: ModelSettings, config: ModelConfig, progress: (progress: Progress) => void) =>
  Effect.gen(function* () {
    const source = yield* sourceFolder(settings.source, settings.revision, progress)
    const problems: Array<string> = []
    /** What can be found out, or nothing and one problem more. */
    const tried = <A>(effect: Effect.Effect<A, { readonly message: string }>): Effect.Effect<A | undefined> =>
      Effect.map(Effect.either(effect), (outcome) => {
        if (Either.isRight(outcome)) return outcome.right
        problems.push(outcome.left.message)
        return undefined
      })

    const files = yield* Effect.forEach(source.files, (name) =>
      Effect.map(
        attempt(join(source.folder, name), () => stat(join(source.folder, name))),
        ({ size }) => ({ name, bytes: size }),
      ),
    )
    const graphFile = readyGraph(source)
    const pretrained =
      graphFile === undefined || source.files.includes(modelFiles.config)
        ? yield* tried(readConfig(source.folder))
        : undefined
    const opened = yield* tried(openTokenizer(source.folder))
    const tokenizer = opened?.tokenizer
    const read = yield* tried(readCheckpoint(source, config, pretrained, opened, graphFile !== undefined))
    const head = read?.head
    const model =
      pretrained === undefined || graphFile !== undefined || read === undefined
        ? undefined
        : yield* tried(describeCheckpoint({ from: source.folder, ...(head === undefined ? {} : { head }) }))

    const path = join(source.folder, graphFile ?? "")
    const declared =
      graphFile === undefined
        ? undefined
        : yield* tried(Effect.try({ try: () => Onnx.readInterfaceFile(path), catch: fileError(path) }))
    const graph =
      graphFile === undefined || declared === undefined
        ? undefined
        : yield* tried(readGraph(source, graphFile, config.name))
    const weights =
      graphFile === undefined ? yield* tried(inspectWeights(source, model, head, read?.dense ?? [])) : undefined

    if (tokenizer !== undefined && pretrained !== undefined) {
      yield* tried(checkVocabulary(tokenizer, pretrained.architecture.vocabulary))
    }
    const input =
      tokenizer === undefined || read === undefined
        ? undefined
        : yield* tried(inputOf(config, { ...read.hints, head: model?.head.kind }, tokenizer))
    return {
      name: config.name,
      origin: source.origin,
      family: pretrained?.architecture.family ?? "onnx",
      files,
      ...(pretrained === undefined
        ? {}
        : {
            classes: pretrained.classes,
            sizes: sizesOf(pretrained.architecture),
            parameters: parametersOf(pretrained.architecture, model?.head),
          }),
      ...(weights === undefined ? {} : { weights }),
      ...(declared === undefined
        ? {}
        : {
            graph: {
              opsets: Object.fromEntries(
                [...declared.opsets].map(([domain, version]) => [domain || "ai.onnx", version]),
              ),
              producer: declared.producer,
              inputs: declared.inputs.map(valueText),
              outputs: declared.outputs.map(valueText),
              dataFiles: declared.dataFiles,
            },
          }),
      ...(tokenizer === undefined ? {} : { tokenizer: describeTokenizer(tokenizer) }),
      ...(pretrained === undefined || graphFile !== undefined ? {} : { heads: headsOf(pretrained.architecture) }),
      ...(model === undefined ? {} : { head: model.head }),
      ...(input === undefined ? {} : { input }),
      warnings: [...(graph?.warnings ?? []), ...(read?.warnings ?? [])],
      problems,
    } satisfies Inspection
  })

const valueText = ({ name, shape, type }: Onnx.DeclaredValue): string =>
  `${name} ${type ?? "of another type"} [${(shape ?? ["?"]).join(", ")}]`
