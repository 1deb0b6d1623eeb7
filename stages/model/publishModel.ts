import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Effect from "effect/Effect"
import {
  modelGraph,
  Onnx,
  openWeights,
  publishedGraph,
  readConfig,
  readModelCard,
  requireTensors,
} from "../../neural/index.ts"
import type { ModelCard } from "../../schemas/index.ts"
import { attempt } from "./ModelFolder.ts"

type Json = { readonly [name: string]: unknown } | ReadonlyArray<unknown>

const base = "sentence_transformers.base.modules"

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
      leavesOutPrompt = false,
      normalized = false,
      pooling = "mean",
      similarity = "cosine",
      truncateDim,
      ...others
    } = head
    // What no file here would say must not be lost: nothing then claims that the folder can be loaded.
    if (Object.keys(others).length > 0) return {}
    return {
      "modules.json": [
        transformer,
        module(1, "1_Pooling", "sentence_transformers.sentence_transformer.modules.pooling.Pooling"),
        ...(normalized ? [module(2, "2_Normalize", `${base}.normalize.Normalize`)] : []),
      ],
      "sentence_bert_config.json": transformerConfig("feature-extraction", "last_hidden_state", "token_embeddings"),
      "1_Pooling/config.json": {
        embedding_dimension: width,
        pooling_mode: pooling,
        include_prompt: !leavesOutPrompt,
      },
      ...(normalized ? { "2_Normalize/config.json": {} } : {}),
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
    yield* attempt(path, () => mkdir(dirname(path), { recursive: true }))
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
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, `${JSON.stringify(json, null, 1)}\n`)
      })
    })
    const data = place.kind === "outside" ? [`onnx/${weightsFile}`] : []
    return [graphFile, ...data, ...files.map(([name]) => name)].sort()
  }).pipe(Effect.scoped)
