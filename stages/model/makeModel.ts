import { copyFile, readFile, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import {
  checkVocabulary,
  convertCheckpoint,
  type Head,
  headOf,
  initialHead,
  Onnx,
  type OpenedTokenizer,
  openTokenizer,
  type PretrainedConfig,
  positionLimit,
  readConfig,
  scorerInterface,
} from "../../neural/index.ts"
import type { StageResult } from "../../pipeline/index.ts"
import { type HeadName, InputSpec, inputFile, ModelCard, modelFiles } from "../../schemas/index.ts"
import type { ModelConfig, modelOutputs } from "./index.ts"
import { type InputHints, inputOf } from "./inputOf.ts"
import { ModelFileFailed, ModelUnsuitable } from "./ModelError.ts"

/** A model's files, where they are, and what is to be made of them. */
export interface ModelFolder {
  readonly folder: string
  /** Relative names, sorted. */
  readonly files: ReadonlyArray<string>
  /** The ready graph's file, where one was named. */
  readonly graph: string | undefined
  /** In words, for the card. */
  readonly origin: string
}

const fileError = (path: string) => (cause: unknown) =>
  new ModelFileFailed({ path, why: cause instanceof Error ? cause.message : String(cause) })

const attempt = <A>(path: string, body: () => Promise<A>): Effect.Effect<A, ModelFileFailed> =>
  Effect.tryPromise({ try: body, catch: fileError(path) })

/** Reads a JSON file of the folder, if it has it. */
const readJson = <A, I>(
  { files, folder }: ModelFolder,
  name: string,
  schema: Schema.Schema<A, I>,
): Effect.Effect<A | undefined, ModelFileFailed> => {
  if (!files.includes(name)) return Effect.succeed(undefined)
  const path = join(folder, name)
  return Effect.flatMap(
    attempt(path, () => readFile(path, "utf8")),
    (text) => Effect.mapError(Schema.decode(Schema.parseJson(schema))(text), fileError(path)),
  )
}

const SentenceBert = Schema.Struct({ max_seq_length: Schema.optional(Schema.NullOr(Schema.Number)) })
/** A file of `sentence-transformers` says by flags how it pools, a newer one by names. */
const Pooling = Schema.Record({ key: Schema.String, value: Schema.Unknown })
const Modules = Schema.Array(Schema.Struct({ type: Schema.String }))
const Comparison = Schema.Struct({ similarity_fn_name: Schema.optional(Schema.NullOr(Schema.String)) })

const builtModules: ReadonlySet<string> = new Set(["Transformer", "Pooling", "Normalize"])

const isMean = (pooling: typeof Pooling.Type): boolean => {
  const { pooling_mode: named } = pooling
  const flags = Object.entries(pooling).flatMap(([name, on]) => (on === true ? [name] : []))
  const modes = [named ?? flags.filter((name) => name.startsWith("pooling_mode_"))].flat()
  return modes.length === 1 && (modes[0] === "mean" || modes[0] === "pooling_mode_mean_tokens")
}

/** Refuses a model of sentence-transformers whose scores would come out wrong in silence. */
const checkPooling = (source: ModelFolder, name: string): Effect.Effect<void, ModelFileFailed | ModelUnsuitable> =>
  Effect.gen(function* () {
    const pooling = yield* readJson(source, "1_Pooling/config.json", Pooling)
    const modules = ((yield* readJson(source, "modules.json", Modules)) ?? []).map(
      ({ type }) => type.split(".").at(-1) ?? type,
    )
    const compared = (yield* readJson(source, "config_sentence_transformers.json", Comparison))?.similarity_fn_name
    const strange = modules.find((type) => !builtModules.has(type))
    const problem =
      pooling !== undefined && !isMean(pooling)
        ? "its 1_Pooling/config.json pools otherwise than by the mean of the tokens"
        : strange !== undefined
          ? `its modules.json has a module ${strange}`
          : // Of vectors of length 1 the product is the cosine.
            (compared ?? "cosine") !== "cosine" && !modules.includes("Normalize")
            ? `its vectors are compared by «${compared}»`
            : undefined
    if (problem === undefined) return
    return yield* new ModelUnsuitable({
      model: name,
      problem: `${problem}, which is not built`,
      remedy: "Take a bi-encoder with mean pooling and cosine, or export this one to ONNX as a cross-encoder.",
    })
  })

/** A head by name, with the rest of it from the checkpoint's configuration. */
const headNamed = (
  named: Head | HeadName | undefined,
  config: PretrainedConfig,
  saved: Head | undefined,
): Head | undefined => {
  if (named === undefined) return saved ?? headOf(config)
  if (typeof named !== "string") return named
  if (saved?.kind === named) return saved
  switch (named) {
    case "classifier":
      return { kind: named, labels: config.labels, label: config.labels === 1 ? 0 : 1 }
    case "decoder-logit":
    case "decoder-choice":
      return Schema.decodeSync(headSchema)({ kind: named })
    default:
      return { kind: named }
  }
}

const headSchema = ModelCard.fields.head.from

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
    const saved = yield* readJson(source, modelFiles.card, ModelCard)
    const named = headNamed(config.head, pretrained, saved?.head)
    // What is to be trained to score needs a head that does.
    const scoreless = named === undefined || named.kind === "embedding"
    const toTrain = config.freshHead !== undefined && config.head === undefined
    const head: Head | undefined = toTrain && scoreless ? { kind: "first-token" } : named
    if (head?.kind === "embedding") yield* checkPooling(source, config.name)
    yield* checkVocabulary(opened.tokenizer, architecture.vocabulary)
    const stated = (yield* readJson(source, "sentence_bert_config.json", SentenceBert))?.max_seq_length
    const hints: InputHints = {
      family: architecture.family,
      head: head?.kind,
      saved: saved?.input,
      stated: stated ?? undefined,
      positions: positionLimit(architecture),
    }
    const input = yield* inputOf(config, hints, opened.tokenizer)
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
    const path = join(source.folder, graph)
    const declared = yield* Effect.try({ try: () => Onnx.readInterfaceFile(path), catch: fileError(path) })
    const described = (values: ReadonlyArray<Onnx.DeclaredValue>) =>
      values.map(({ name, type, shape }) => ({ name, type, shape: shape ?? ["?"] }))
    const { output } = yield* scorerInterface(path, described(declared.inputs), described(declared.outputs))
    const width = output.shape[1]
    if (typeof width === "number" && width > 1) {
      return yield* new ModelUnsuitable({
        model: config.name,
        problem: `its output ${output.name} has ${width} numbers for each text, and which is the score is not said`,
        remedy: "Export it with one output, or give the checkpoint as safetensors with its config.json.",
      })
    }
    const pretrained = source.files.includes(modelFiles.config)
      ? yield* Effect.map(Effect.either(readConfig(source.folder)), Either.getOrUndefined)
      : undefined
    if (pretrained !== undefined) yield* checkVocabulary(opened.tokenizer, pretrained.architecture.vocabulary)
    const hints: InputHints = {
      family: pretrained?.architecture.family ?? "onnx",
      head: undefined,
      saved: undefined,
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
    const safetensors = source.graph === undefined && source.files.some((name) => name.includes(".safetensors"))
    const graph = source.graph ?? source.files.find((name) => name.endsWith("model.onnx")) ?? modelFiles.graph
    const made: Made = safetensors
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
