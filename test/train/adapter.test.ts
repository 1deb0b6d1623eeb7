import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { join, relative } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import {
  layerOnnxRuntime,
  openScorer,
  openTrainer,
  openWeights,
  readAdapter,
  readModelCard,
} from "../../neural/index.ts"
import { type DuckDb, layerDuckDb } from "../../pipeline/index.ts"
import { AdapterCard, Kinds, LoraSettings, ModelSettings } from "../../schemas/index.ts"
import { run as freeze } from "../../stages/model/freeze.ts"
import { modelOf } from "../../stages/model/index.ts"
import { mergeInto } from "../../stages/model/merge.ts"
import type { TrainAdapterConfig } from "../../stages/train/index.ts"
import { run as trainAdapter } from "../../stages/train/trainAdapter.ts"
import { openTrainable } from "../../stages/train/trainedModel.ts"
import { Executor } from "../support/smallExperiment.ts"
import { amendJson } from "../support/smallModels.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"
import { type SmallWorld, silent, smallConfig, smallWorld } from "./smallTraining.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const config = (lora: object = {}, given: Partial<TrainAdapterConfig> = {}): TrainAdapterConfig => ({
  ...smallConfig,
  steps: 6,
  optimizer: { ...smallConfig.optimizer, groups: [{ name: "all", pattern: ".", scale: 1, frozen: false }] },
  lora: Schema.decodeUnknownSync(LoraSettings)({ rank: 4, ...lora }),
  ...given,
})

/** Not watched: the last weights are kept. */
const unwatched = { validate: { ...smallConfig.validate, every: 0 } }

const adapterOf = (
  world: SmallWorld,
  asked = config(),
  start: ReadonlyArray<string> = [],
  scratch = temporaryFolder("scratch"),
  base: ReadonlyArray<string> = [],
) =>
  Effect.gen(function* () {
    const outputs = { adapter: temporaryFolder("adapter"), log: temporaryFolder("log") }
    const begun: Array<number | undefined> = []
    const inputs = {
      ...world,
      start: start.map((folder) => storedFolder(Kinds.Adapter, folder)),
      base: base.map((folder) => storedFolder(Kinds.FrozenWeights, folder)),
    }
    const result = yield* trainAdapter({
      config: asked,
      inputs,
      outputs,
      ...silent(),
      scratch,
      progress: ({ resumedAt }) => begun.push(resumedAt),
    })
    return { folder: outputs.adapter, result, begun: begun[0] }
  })

const bytesOf = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  )

describe("training adapters", () => {
  it.effect(
    "T84 gives peft's files, the head apart and a card; the same again the same bytes; the base is not copied",
    () =>
      live(
        Effect.gen(function* () {
          const world = yield* smallWorld()
          const { folder, result } = yield* adapterOf(world)
          expect(readdirSync(folder).sort()).toEqual([
            "README.md",
            "adapter.json",
            "adapter_config.json",
            "adapter_model.safetensors",
            "head.safetensors",
          ])
          expect(bytesOf((yield* adapterOf(world)).folder)).toEqual(bytesOf(folder))
          expect(JSON.parse(readFileSync(join(folder, "adapter_config.json"), "utf8"))).toMatchObject({
            base_model_name_or_path: "t5",
            lora_alpha: 8,
            peft_type: "LORA",
            r: 4,
            target_modules: ["k", "o", "q", "v", "wi", "wo"],
          })
          const card = yield* Schema.decode(Schema.parseJson(AdapterCard))(
            readFileSync(join(folder, "adapter.json"), "utf8"),
          )
          expect(card.base.name).toBe("t5")
          expect(result.facts).toHaveProperty(["dev.nDCG@10"])
          const tensors = yield* Effect.scoped(
            Effect.map(openWeights(join(folder, "adapter_model.safetensors")), (weights) => [
              ...weights.tensors.values(),
            ]),
          )
          expect(tensors.every(({ name }) => name.startsWith("base_model.model.encoder.block."))).toBe(true)
          const numbers = tensors.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0)
          expect(card.parameters).toBe(numbers + 33)
        }),
      ),
  )

  it.effect("T61 adapters go on from a checkpoint, which has nothing of the base, and end with the same bytes", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const scratch = temporaryFolder("scratch")
        const { folder } = yield* adapterOf(world, config(), [], scratch)
        const [checkpoint = ""] = readdirSync(scratch).filter((name) => name.startsWith("checkpoint"))
        const base = statSync(join(world.model.path, "model.safetensors")).size
        expect(statSync(join(scratch, checkpoint)).size).toBeLessThan(base)
        const { begun, folder: again, result } = yield* adapterOf(world, config(), [], scratch)
        expect(begun).toBe(4)
        expect(result.facts?.steps).toBe(6)
        expect(bytesOf(again)).toEqual(bytesOf(folder))
      }),
    ),
  )

  it.effect("T89 beside weights in fewer bits; the card says which, and it is put into the weights as they were", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const frozen = temporaryFolder("frozen")
        const { model } = world
        yield* freeze({ config: { base: "bf16" }, inputs: { model }, outputs: { weights: frozen }, ...silent() })
        const asked = config({ base: "bf16" }, unwatched)
        const { folder } = yield* adapterOf(world, asked, [], temporaryFolder("scratch"), [frozen])
        const plain = yield* adapterOf(world, config({}, unwatched))
        const cardOf = (from: string): unknown => JSON.parse(readFileSync(join(from, "adapter.json"), "utf8"))
        const { base } = Schema.decodeUnknownSync(AdapterCard)(cardOf(folder))
        expect(base).toEqual({ ...Schema.decodeUnknownSync(AdapterCard)(cardOf(plain.folder)).base, storage: "bf16" })
        expect(bytesOf(folder).get("adapter_model.safetensors")).not.toBe(
          bytesOf(plain.folder).get("adapter_model.safetensors"),
        )
        yield* mergeInto(model.path, folder, temporaryFolder("merged"), "merged")
      }),
    ),
  )

  it.effect(
    "T85 the merged model scores as the trainer with its adapters does; beside other weights they are refused",
    () =>
      live(
        Effect.gen(function* () {
          const world = yield* smallWorld()
          const { folder } = yield* adapterOf(world, config({}, unwatched))
          const merged = temporaryFolder("merged")
          yield* mergeInto(world.model.path, folder, merged, "t5-softmax")
          const texts = [{ ids: [5, 6, 7, 8, 1] }, { ids: [9, 10, 11, 1] }]
          const card = yield* readModelCard(world.model.path)
          const scores = yield* Effect.gen(function* () {
            const model = yield* openTrainable("t5", world.model.path, card)
            const { adapters, weights } = yield* readAdapter(folder, model.description)
            const rest = yield* model.read(model.graph.tensors.map(({ name }) => name))
            const trainer = yield* openTrainer({
              description: model.description,
              adapters,
              weights: new Map([...rest, ...weights]),
              loss: { kind: "softmax" },
              optimizer: config().optimizer,
              dropout: 0,
              seed: 1,
              device: "cpu",
            })
            const scorer = yield* openScorer({ path: join(merged, "model.onnx") }, { device: "cpu" })
            const base = yield* openScorer({ path: join(world.model.path, "model.onnx") }, { device: "cpu" })
            return {
              adapted: yield* trainer.score(texts),
              merged: yield* scorer.score(texts),
              base: yield* base.score(texts),
            }
          }).pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))
          scores.merged.forEach((score, i) => {
            expect(Math.abs(score - scores.adapted[i]!)).toBeLessThan(1e-5)
            expect(Math.abs(score - scores.base[i]!)).toBeGreaterThan(1e-3)
          })
          expect((yield* readModelCard(merged)).name).toBe("t5-softmax")
          expect(existsSync(join(merged, "tokenizer.json"))).toBe(true)

          const other = temporaryFolder("other")
          yield* mergeInto(world.model.path, folder, other, "other")
          const refusal = yield* Effect.flip(mergeInto(other, folder, temporaryFolder("refused"), "twice"))
          expect(refusal.message).toMatch(/adapter\.json: it was trained beside other weights: those of t5 .*other has/)
        }),
      ),
  )

  it.effect("T86 an adapter is a start: without a step it comes back; one of other ranks or targets is refused", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const { folder } = yield* adapterOf(world, config({}, unwatched))
        const still = { ...config().optimizer, learningRate: 0 }
        const again = yield* adapterOf(world, config({}, { ...unwatched, optimizer: still, steps: 2 }), [folder])
        for (const file of ["adapter_model.safetensors", "head.safetensors", "adapter_config.json"]) {
          expect(bytesOf(again.folder).get(file)).toBe(bytesOf(folder).get(file))
        }
        const refused = (lora: object) =>
          Effect.map(Effect.flip(adapterOf(world, config(lora), [folder])), ({ message }) => message)
        expect(yield* refused({ rank: 2 })).toMatch(/train\.lora: .*its change of \S+ has rank 4, and 2 is asked for/)
        expect(yield* refused({ targets: ["q", "v"] })).toMatch(/it changes \S+\.k, which is no target/)
        expect(yield* refused({ alpha: 1 })).toMatch(/is scaled by 2, and not by 0\.25/)
      }),
    ),
  )

  it.effect(
    "T87 a model's settings may name an adapter: its changes are in the weights, and training goes on from it",
    () =>
      live(
        Effect.gen(function* () {
          const world = yield* smallWorld()
          const { folder } = yield* adapterOf(world, config({}, unwatched))
          const merged = temporaryFolder("merged")
          yield* mergeInto(world.model.path, folder, merged, "with")
          const settings = Schema.decodeSync(ModelSettings)
          const wired = modelOf(settings({ source: world.model.path, adapter: folder, name: "with" }))
          const { outputs } = yield* new Executor().make(wired.model.node)
          const weights = (from: string): string => readFileSync(join(from, "model.safetensors")).toString("base64")
          expect(weights(outputs["model"]?.path ?? "")).toBe(weights(merged))
          expect(wired.adapted?.adapter.node.name).toBe("adapter.with")
          expect(() => modelOf(folder)).toThrow(/does not say which model it is put over/)
          amendJson(join(folder, "adapter_config.json"), {
            base_model_name_or_path: relative(folder, world.model.path),
          })
          expect(modelOf(folder).adapted?.base.node.name).toBe(modelOf(world.model.path, 0).model.node.name)
          const absent = settings({ source: world.model.path, adapter: join(folder, "..", "none") })
          expect(() => modelOf(absent)).toThrow(/there is no such folder/)
        }),
      ),
  )
})
