import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { renderInspection } from "../../cli/ModelInspection.ts"
import { layerDuckDb } from "../../pipeline/index.ts"
import { ModelSettings } from "../../schemas/index.ts"
import { inspectModel, modelOf } from "../../stages/model/index.ts"
import { Executor } from "../support/smallExperiment.ts"
import { amendJson, smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const decodeSettings = Schema.decodeSync(ModelSettings)

const inspected = (source: string, head?: (typeof ModelSettings.Encoded)["head"]) =>
  inspectModel(decodeSettings({ source, ...(head === undefined ? {} : { head }) }), () => {})

describe("looking at a model", () => {
  it.effect("N308 sizes, parameters, weights, tokenizer, heads and input of a checkpoint are told", () =>
    Effect.gen(function* () {
      const folder = smallModel("bert-cross")
      const found = yield* inspected(folder)
      expect(found.problems).toEqual([])
      expect(found).toMatchObject({
        name: "bert-cross",
        family: "bert",
        classes: ["BertForSequenceClassification"],
        sizes: { layers: 3, width: 24, heads: 3, inner: 40, vocabulary: 64, "token types": 2, positions: 512 },
        head: { kind: "classifier", labels: 1, label: 0 },
        input: { texts: { kind: "pair", template: "pair" }, maximumTokens: 512 },
        tokenizer: { entries: 63, special: { pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 }, joinsTexts: true },
      })
      expect(found.weights?.fit).toEqual({ missing: [], misshaped: [], extra: [] })
      // Positions 512, token types 2 and words 64, each 24 wide; pooler and classifier.
      expect(found.parameters).toMatchObject({ embedding: 578 * 24, head: 24 * 24 + 24 + 24 + 1 })
      const { encoder = 0, embedding = 0, head = 0 } = found.parameters ?? {}
      const made = yield* new Executor().make(modelOf(folder).model.node)
      expect(encoder + embedding + head).toBe(made.facts["parameters"])
      const text = renderInspection(found)
      expect(text).toMatch(/^architecture +bert · BertForSequenceClassification · layers 3 · width 24 · heads 3/m)
      expect(text).toMatch(/^fit +every tensor is there, none is too many$/m)
      expect(text).toMatch(/^head +classifier of 1 label$/m)
      expect(text).toMatch(/ possible +first-token, masked-mean, attention-pooling, embedding, classifier$/m)
    }).pipe(Effect.provide(layerDuckDb())),
  )

  it.effect(
    "N308 what a chosen head lacks is listed, tensor by tensor; so is what has another shape or is too many",
    () =>
      Effect.gen(function* () {
        const t5 = smallModel("t5-seq2seq-tied")
        const fit = (yield* inspected(t5, "attention-pooling")).weights?.fit
        expect(fit?.missing).toEqual(["head.attention.weight", "head.score.weight", "head.score.bias"])
        const unchosen = yield* inspected(t5)
        expect(unchosen.problems).toHaveLength(1)
        expect(unchosen.problems[0]).toMatch(/a head has to be chosen.*decoder-choice/)
        amendJson(join(t5, "config.json"), { d_ff: 41, num_layers: 2 })
        const shapes = (yield* inspected(t5, { kind: "decoder-logit", token: 3 })).weights?.fit
        expect(shapes?.misshaped[0]).toMatchObject({ found: [40, 24], expected: [41, 24] })
        expect(shapes?.extra).toContain("encoder.block.2.layer.0.SelfAttention.q.weight")
        const text = renderInspection(yield* inspected(t5, { kind: "decoder-logit", token: 3 }))
        expect(text).toMatch(/is \[40, 24\], not \[41, 24\]$/m)
        expect(text).toMatch(/unexpected: encoder\.block\.2/)
      }),
  )

  it.effect("N308 what cannot be read is a problem, and the rest is told all the same", () =>
    Effect.gen(function* () {
      const folder = smallModel("bert")
      rmSync(join(folder, "vocab.txt"))
      writeFileSync(join(folder, "model.safetensors"), readFileSync(join(folder, "model.safetensors")).subarray(0, 40))
      mkdirSync(join(folder, "1_Pooling"))
      writeFileSync(join(folder, "1_Pooling/config.json"), JSON.stringify({ include_prompt: "no" }))
      const found = yield* inspected(folder)
      expect(found.sizes).toMatchObject({ layers: 3 })
      expect(found.problems.join("\n")).toMatch(/no tokenizer[^]*1_Pooling[^]*header/)
      amendJson(join(folder, "config.json"), { model_type: "mamba" })
      expect((yield* inspected(folder)).problems.join("\n")).toMatch(/«mamba» is not known/)
      expect(yield* Effect.flip(inspected(join(folder, "nowhere")))).toMatchObject({ _tag: "UnknownModel" })
    }),
  )

  it.effect("N308 of a ready graph inputs, outputs and operator sets are told", () =>
    Effect.gen(function* () {
      const made = yield* new Executor().make(modelOf(smallModel("bert-cross")).model.node)
      const folder = temporaryFolder("ready")
      for (const file of ["model.onnx", "model.safetensors", "vocab.txt"]) {
        cpSync(join(made.outputs["model"]?.path ?? "", file), join(folder, file))
      }
      const found = yield* inspected(join(folder, "model.onnx"))
      expect(found).toMatchObject({ family: "onnx", problems: [] })
      expect(found.graph?.inputs).toEqual([
        "input_ids int64 [batch, sequence]",
        "attention_mask int64 [batch, sequence]",
        "token_type_ids int64 [batch, sequence]",
      ])
      expect(found.graph?.outputs).toEqual(["scores float32 [batch]"])
      expect(found.graph?.dataFiles).toEqual(["model.safetensors"])
      expect(found.graph?.opsets["ai.onnx"]).toBeGreaterThan(16)
      expect(renderInspection(found)).toMatch(/^graph +operators ai\.onnx \d+/m)
    }).pipe(Effect.provide(layerDuckDb())),
  )
})
