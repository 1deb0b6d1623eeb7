import { writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import {
  denseTensor,
  modelGraph,
  Onnx,
  openWeights,
  publishedGraph,
  readConfig,
  readModelCard,
  requireTensors,
  type Weights,
  writeSafetensors,
} from "../../neural/index.ts"
import { type DenseActivation, type DenseLayer, type ModelCard, makeFolders, modelFiles } from "../../schemas/index.ts"
import { attempt } from "./ModelFolder.ts"

type Json = { readonly [name: string]: unknown } | ReadonlyArray<unknown>

const base = "sentence_transformers.base.modules"

const activationModule = (activation: DenseActivation): string =>
  `torch.nn.modules.${activation === "Identity" ? "linear" : "activation"}.${activation}`

/** A module behind the pooling. */
interface Module {
  readonly path: string
  readonly type: string
  readonly config: Json
  /** Which of the head's layers it is. */
  readonly layer?: number
}

/** The modules behind the pooling in their order, numbered from 2 on. */
const modulesBehind = (dense: ReadonlyArray<DenseLayer>, normalized: boolean): ReadonlyArray<Module> => {
  const modules: Array<Module> = []
  const normalize = () =>
    modules.push({ path: `${modules.length + 2}_Normalize`, type: "normalize.Normalize", config: {} })
  for (const [layer, { activation, bias, inputs, normalizedInput, outputs }] of dense.entries()) {
    if (normalizedInput === true) normalize()
    const config = {
      in_features: inputs,
      out_features: outputs,
      bias,
      activation_function: activationModule(activation),
      module_input_name: "sentence_embedding",
      module_output_name: "sentence_embedding",
    }
    modules.push({ path: `${modules.length + 2}_Dense`, type: "dense.Dense", config, layer })
  }
  if (normalized) normalize()
  return modules
}

/** What `sentence-transformers` 6 reads beside a checkpoint, by file; nothing where it has no such model. */
const sentenceTransformersFiles = ({ head, input }: ModelCard, width: number): Readonly<Record<string, Json>> => {
  const { maximumTokens, texts } = input
  const module = (idx: number, path: string, type: string) => ({ idx, name: String(idx), path, type })
  const transformer = module(0, "", `${base}.transformer.Transformer`)
  const transformerConfig = (task: string, output: string, name: string) => ({
    transformer_task: task,
    modality_config: { text: { method: "forward", method_output_name: output } },
    module_output_name: name,
    max_seq_length: maximumTokens,
  })
  if (head?.kind === "embedding" && texts.kind === "single") {
    const {
      kind: _,
      dense = [],
      leavesOutPrompt = false,
      normalized = false,
      pooling = "mean",
      similarity = "cosine",
      truncateDim,
      ...others
    } = head
    // What no file here would say must not be lost: nothing then claims that the folder can be loaded.
    if (Object.keys(others).length > 0) return {}
    const behind = modulesBehind(dense, normalized)
    return {
      "modules.json": [
        transformer,
        module(1, "1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
        ...behind.map(({ path, type }, at) => module(at + 2, path, `${base}.${type}`)),
      ],
      "sentence_bert_config.json": transformerConfig("feature-extraction", "last_hidden_state", "token_embeddings"),
      "1_Pooling/config.json": {
        embedding_dimension: width,
        pooling_mode: pooling,
        include_prompt: !leavesOutPrompt,
      },
      ...Object.fromEntries(behind.map(({ config, path }) => [`${path}/config.json`, config])),
      "config_sentence_transformers.json": {
        model_type: "SentenceTransformer",
        prompts: { query: texts.queryPrefix, document: texts.passagePrefix },
        default_prompt_name: null,
        similarity_fn_name: similarity,
        ...(truncateDim === undefined ? {} : { truncate_dim: truncateDim }),
      },
    }
  }
  if (head?.kind === "classifier" && texts.kind === "pair" && texts.template === "pair") {
    const { queryPrefix = "" } = texts
    return {
      "modules.json": [transformer],
      "sentence_bert_config.json": transformerConfig("sequence-classification", "logits", "scores"),
      "config_sentence_transformers.json": {
        model_type: "CrossEncoder",
        // Its scores are then the logits, as here.
        activation_fn: "torch.nn.modules.linear.Identity",
        prompts: queryPrefix === "" ? {} : { query: queryPrefix },
        default_prompt_name: queryPrefix === "" ? null : "query",
      },
    }
  }
  return {}
}

/** The graph where `transformers.js` and `optimum` look for it, and the file of its weights where they are too large for it. */
const graphFile = "onnx/model.onnx"
const weightsFile = "model.onnx_data"

/** The weights of the modules Dense, as their own files; which were written. */
const writeDense = (weights: Weights, dense: ReadonlyArray<DenseLayer>, normalized: boolean, to: string) =>
  Effect.forEach(
    modulesBehind(dense, normalized).flatMap(({ layer, path }) => (layer === undefined ? [] : [{ layer, path }])),
    ({ layer, path }) =>
      Effect.gen(function* () {
        const names = ["weight", ...(dense[layer]?.bias === true ? ["bias"] : [])]
        const tensors = yield* Effect.forEach(names, (name) =>
          Effect.map(weights.floats(denseTensor(layer, name)), (floats) => ({
            name: `linear.${name}`,
            dtype: "F32" as const,
            shape: weights.tensors.get(denseTensor(layer, name))?.shape ?? [],
            data: () => [floats],
          })),
        )
        const file = `${path}/${modelFiles.weights}`
        yield* writeSafetensors(join(to, file), tensors)
        return file
      }),
  )

/** Writes what other programs read beside a model's files. A ready graph stays what it is. */
export const publishModel = (folder: string, to: string) =>
  Effect.gen(function* () {
    const card = yield* readModelCard(folder)
    const { head, input } = card
    if (head === undefined) return []
    const { architecture } = yield* readConfig(folder)
    const { maximumTokens } = input
    const { graph, tensors } = yield* publishedGraph({ architecture, head, maximumTokens })
    const weights = yield* openWeights(folder)
    const own = yield* modelGraph({ architecture, head, maximumTokens })
    const read = new Set(own.tensors.map(({ name }) => name))
    const needed = tensors.filter(({ name }) => read.has(name) || !name.endsWith("bias"))
    const found = yield* requireTensors(weights, `${card.family} with the head ${head.kind}`, needed, () => true)
    const place = Onnx.placeBySize(tensors, weightsFile)
    const path = join(to, graphFile)
    yield* attempt(path, async () => makeFolders(dirname(path)))
    yield* Onnx.writeModel(path, graph, place, (name, slice, into) => {
      const stored = found.get(name)?.name
      // Where the first token's state is all that is taken, the last layer's keys have no bias: it adds the same to all of a token's
      // attention, and nothing comes of it.
      if (stored === undefined) return Effect.sync(() => into.fill(0, 0, slice.end - slice.begin))
      return weights.floats(stored, { slice, into })
    })
    const files = Object.entries(sentenceTransformersFiles(card, architecture.width))
    yield* Effect.forEach(files, ([name, json]) => {
      const file = join(to, name)
      return attempt(file, async () => {
        makeFolders(dirname(file))
        await writeFile(file, `${JSON.stringify(json, null, 1)}\n`)
      })
    })
    const weightFiles =
      head.kind === "embedding" && files.length > 0
        ? yield* writeDense(weights, head.dense ?? [], head.normalized === true, to)
        : []
    const data = place.kind === "outside" ? [`onnx/${weightsFile}`] : []
    return [graphFile, ...data, ...files.map(([name]) => name), ...weightFiles].sort()
  }).pipe(Effect.scoped)
