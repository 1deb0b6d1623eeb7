import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { renderInspection } from "../../cli/ModelInspection.ts"
import { layerOnnxRuntime, openTrainer, openWeights, readModelCard } from "../../neural/index.ts"
import { layerDuckDb } from "../../pipeline/index.ts"
import { ModelSettings, OptimizerSettings } from "../../schemas/index.ts"
import { inspectModel, modelFolder, modelOf, publishModel } from "../../stages/model/index.ts"
import { openPairScorer } from "../../stages/rerank/index.ts"
import { openTrainable } from "../../stages/train/trainedModel.ts"
import { Executor } from "../support/smallExperiment.ts"
import { amendJson } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const saved = join(import.meta.dirname, "../reference/sentence-transformers/folders")

/** A copy of a folder that sentence-transformers saved. */
const copied = (name: string): string => {
  const folder = join(temporaryFolder("dense"), name)
  cpSync(join(saved, name), folder, { recursive: true })
  return folder
}

const decodeSettings = Schema.decodeSync(ModelSettings)
const inspected = (source: string) => inspectModel(decodeSettings({ source }), () => {})

/** Makes the folder that a scorer reads. */
const made = (source: string, settings: Readonly<Record<string, unknown>> = {}) =>
  Effect.gen(function* () {
    const folder = join(temporaryFolder("dense-made"), "model")
    mkdirSync(folder, { recursive: true })
    const warnings = yield* modelFolder({ source, ...settings }, folder)
    return { folder, warnings }
  })

const failure = (source: string) =>
  Effect.match(made(source), { onFailure: (error) => error.message, onSuccess: () => "made" })

const pairs = [
  { query: "red stone", passage: "a blue stone in the garden" },
  { query: "blue", passage: "red query" },
]

const scores = (folder: string) =>
  Effect.scoped(
    Effect.flatMap(openPairScorer(folder, { device: "cpu", threads: 1 }), ({ score }) =>
      Effect.map(score(pairs), (scored) => scored.scores),
    ),
  )

const json = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"))

describe("modules Dense of sentence-transformers", () => {
  it.effect(
    "N503 layers are the head's, in their order, with the Normalize before each; weights are its module's",
    () =>
      Effect.gen(function* () {
        const found = yield* inspected(copied("bi-dense-orders"))
        expect(found.problems).toEqual([])
        expect(found.head).toEqual({
          kind: "embedding",
          dense: [
            { inputs: 8, outputs: 12, bias: true, activation: "GELU", normalizedInput: true },
            { inputs: 12, outputs: 9, bias: true, activation: "ReLU" },
            { inputs: 9, outputs: 5, bias: true, activation: "Sigmoid", normalizedInput: true },
          ],
          truncateDim: 4,
          similarity: "dot",
        })
        expect(found.weights?.fit).toEqual({ missing: [], misshaped: [], extra: [] })
        expect(found.parameters?.head).toBe(8 * 12 + 12 + 12 * 9 + 9 + 9 * 5 + 5)
        expect(renderInspection(found)).toMatch(/^head +embedding, mean · Dense 8 → 12, GELU · Dense 12 → 9, ReLU/m)
        const { folder } = yield* made(copied("bi-dense"))
        const weights = yield* openWeights(folder)
        const module = yield* openWeights(join(saved, "bi-dense/2_Dense"))
        for (const name of ["weight", "bias"]) {
          expect(yield* weights.floats(`head.dense.0.${name}`)).toEqual(yield* module.floats(`linear.${name}`))
        }
      }).pipe(Effect.scoped),
  )

  const refused: ReadonlyArray<readonly [content: Readonly<Record<string, unknown>>, message: RegExp]> = [
    [{ activation_function: "torch.nn.modules.activation.SiLU" }, /2_Dense\/config\.json: .*«torch\.nn.*SiLU».*Tanh/],
    [{ activation_function: "torch.nn.functional.tanh" }, /«torch\.nn\.functional\.tanh»/],
    [{ activation_function: "own.code.Tanh" }, /«own\.code\.Tanh»/],
    [{ use_residual: true }, /2_Dense\/config\.json: use_residual is true/],
    [{ module_input_name: "token_embeddings" }, /module_input_name is "token_embeddings"/],
    [{ module_output_name: "other" }, /module_output_name is "other"/],
    [{ in_features: 7 }, /module Dense 1 takes 7 numbers \(in_features\), and 8 come into it/],
    [{ out_features: 5 }, /head\.dense\.0\.weight.*\[6, 8\].*\[5, 8\]|head\.dense\.0\.weight.*\[5, 8\].*\[6, 8\]/],
    [{ out_features: 0 }, /out_features/],
    [{ bias: false }, /head\.dense\.0\.bias/],
    [{ bias: "yes" }, /bias/],
  ]
  for (const [content, message] of refused) {
    it.effect(`N504 of a Dense ${JSON.stringify(content)} is refused`, () =>
      Effect.gen(function* () {
        const folder = copied("bi-dense")
        amendJson(join(folder, "2_Dense/config.json"), content)
        expect(yield* failure(folder)).toMatch(message)
      }),
    )
  }

  it.effect(
    "N504 weights as pickle, modules that are not there, elsewhere or in another order are refused by words",
    () =>
      Effect.gen(function* () {
        const pickle = copied("bi-dense")
        renameSync(join(pickle, "2_Dense/model.safetensors"), join(pickle, "2_Dense/pytorch_model.bin"))
        expect(yield* failure(pickle)).toMatch(/2_Dense has no model\.safetensors; a pytorch_model\.bin.*never read/)
        const absent = copied("bi-dense")
        rmSync(join(absent, "2_Dense/config.json"))
        expect(yield* failure(absent)).toMatch(/a Dense at «2_Dense», but there is no 2_Dense\/config\.json/)
        const modules = (...names: ReadonlyArray<readonly [type: string, path: string]>) =>
          names.map(([type, path], idx) => ({
            idx,
            name: `${idx}`,
            path,
            type: `sentence_transformers.models.${type}`,
          }))
        const [first, second, third] = [
          ["Transformer", ""],
          ["Pooling", "1_Pooling"],
          ["Dense", "2_Dense"],
        ] as const
        for (const [list, message] of [
          [modules(first, third, second), /modules Transformer, Dense, Pooling, an order that is not built/],
          [
            modules(first, second, ["Dense", "2_Dense_1024"]),
            /Dense at «2_Dense_1024»; it is read at «<number>_Dense»/,
          ],
          [modules(first, second, ["LayerNorm", "2_LayerNorm"]), /module LayerNorm, which is not built/],
        ] as const) {
          const folder = copied("bi-dense")
          writeFileSync(join(folder, "modules.json"), JSON.stringify(list))
          expect(yield* failure(folder)).toMatch(message)
        }
        const cross = copied("bi-dense")
        amendJson(join(cross, "config_sentence_transformers.json"), { model_type: "CrossEncoder" })
        expect(yield* failure(cross)).toMatch(/Pooling, Dense behind a cross-encoder's Transformer/)
      }),
  )

  it.effect("N505 an exported model has the modules as sentence-transformers reads them, and is a source again", () =>
    Effect.gen(function* () {
      for (const [name, paths] of [
        ["bi-dense", ["2_Dense"]],
        ["bi-dense-orders", ["2_Normalize", "3_Dense", "4_Dense", "5_Normalize", "6_Dense"]],
      ] as const) {
        const { folder } = yield* made(copied(name))
        const files = yield* publishModel(folder, folder)
        for (const path of paths) {
          expect(files).toContain(`${path}/config.json`)
          const own = join(saved, name, path)
          if (!path.endsWith("Dense")) continue
          expect(json(join(folder, path, "config.json"))).toEqual(json(join(own, "config.json")))
          const written = yield* openWeights(join(folder, path))
          const theirs = yield* openWeights(own)
          for (const tensor of ["linear.weight", "linear.bias"]) {
            expect(yield* written.floats(tensor)).toEqual(yield* theirs.floats(tensor))
          }
        }
        const expected = yield* scores(folder)
        const again = yield* made(folder)
        expect(yield* scores(again.folder)).toEqual(expected)
        // Without the card and the layers in the checkpoint's own file it is a folder of sentence-transformers'.
        rmSync(join(folder, "model.json"))
        cpSync(join(saved, name, "model.safetensors"), join(folder, "model.safetensors"))
        expect(existsSync(join(folder, "model.json"))).toBe(false)
        expect(yield* scores((yield* made(folder)).folder)).toEqual(expected)
      }
    }).pipe(Effect.scoped),
  )

  it.effect("N506 layers are trained with the vectors, and a head that scores leaves them out and says so", () =>
    Effect.gen(function* () {
      const { folder, warnings } = yield* made(copied("bi-dense"))
      expect(warnings).toEqual([])
      const card = yield* readModelCard(folder)
      const { description, graph, read } = yield* openTrainable("model", folder, card)
      const weights = yield* read(graph.tensors.map(({ name }) => name))
      const trainer = yield* openTrainer({
        ...{ description, weights, loss: { kind: "infonce" }, dropout: 0, seed: 1, device: "cpu", threads: 1 },
        optimizer: Schema.decodeSync(OptimizerSettings)({ learningRate: 1e-2 }),
      })
      yield* trainer.step({
        ...{ step: 0, lists: 1, m: 2, learningRates: [1e-2] },
        ...{ texts: [{ ids: [2, 5, 6, 3] }, { ids: [2, 7, 8, 9, 3] }], queries: [{ ids: [2, 5, 3] }] },
        ...{ grades: Float32Array.of(1, 0), mask: Uint8Array.of(1, 1), others: Uint8Array.of(0, 1) },
      })
      const layer = "head.dense.0.weight"
      expect(trainer.weights().get(layer)).not.toEqual(weights.get(layer))
      const { node } = modelOf(copied("bi-dense"), 3).model
      const begun = yield* new Executor().make(node)
      expect(begun.facts["head"]).toBe("first-token")
      expect(begun.warnings).toEqual([
        expect.stringMatching(/modules Dense \(2_Dense\) are not used: the head first-token/),
      ])
    }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.provide(layerOnnxRuntime)),
  )

  it.effect(
    "N507 Qwen3-Embedding's and EmbeddingGemma's files say pooling, layers, prompts and the tokens around a text",
    () =>
      Effect.gen(function* () {
        const qwen = yield* inspected(join(saved, "bi-qwen3-embedding"))
        expect(qwen.problems).toEqual([])
        expect(qwen.head).toEqual({ kind: "embedding", pooling: "lasttoken", normalized: true })
        expect(qwen.tokenizer?.layouts?.single).toBe("text <|endoftext|>")
        const query = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
        expect(qwen.input?.texts).toEqual({ kind: "single", queryPrefix: query, passagePrefix: "" })
        const gemma = yield* inspected(join(saved, "bi-embedding-gemma"))
        expect(gemma.problems).toEqual([])
        expect(gemma.tokenizer?.layouts?.single).toBe("<bos> text <eos>")
        expect(gemma.head).toMatchObject({
          dense: [
            { inputs: 16, outputs: 24, bias: false, activation: "Identity" },
            { inputs: 24, outputs: 16, bias: false, activation: "Identity" },
          ],
          normalized: true,
        })
      }),
  )
})
