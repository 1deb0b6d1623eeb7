import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { openWeights } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds, ModelCard, type NegativeSource, SystemName } from "../../schemas/index.ts"
import type { TrainConfig } from "../../stages/train/index.ts"
import { amendJson } from "../support/smallModels.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"
import { freshWorld, interruptedTraining, smallConfig, smallTraining, smallWorld } from "./smallTraining.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const cardOf = (folder: string): ModelCard =>
  Schema.decodeSync(Schema.parseJson(ModelCard))(readFileSync(join(folder, "model.json"), "utf8"))

/** All files of a folder with their bytes. */
const contents = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  )

const phase = (...sources: readonly [NegativeSource, ...NegativeSource[]]): Pick<TrainConfig, "lists"> => ({
  lists: { ...smallConfig.lists, curriculum: [{ name: "only", until: 1, sources }] },
})

describe("training", () => {
  it.effect("N574 a query that leaves no room for a passage shares it, counted and told; strict, it is an error", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const folder = temporaryFolder("narrow")
        cpSync(world.model.path, folder, { recursive: true })
        amendJson(join(folder, "model.json"), { input: { ...cardOf(folder).input, maximumTokens: 5 } })
        const narrow = { ...world, model: storedFolder(Kinds.Model, folder) }
        const short = { ...smallConfig, steps: 2, checkpointEvery: 2 }
        const { result, warnings } = yield* smallTraining(narrow, short)
        expect(Number(result.facts?.["queriesWithoutRoom"])).toBeGreaterThan(1)
        expect(warnings).toContainEqual(
          expect.stringMatching(/^\d+ of \d+ queries, \S+ the first, would leave no room .* within 5 tokens/),
        )
        const error = yield* Effect.flip(smallTraining(narrow, { ...short, strict: true }))
        expect(`${error._tag}: ${error.message}`).toMatch(
          /^TrainingTextUnusable: .*leaves no room for a passage within 5/,
        )
      }),
    ),
  )

  it.effect("T60 gives a model under its base's names, its log, and a card; the same again gives the same bytes", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const { outputs, progress, result, warnings } = yield* smallTraining(world)
        expect(warnings).toEqual([])
        expect(progress.at(-1)).toMatch(/^loss .* · lr .* · \|g\| .* lists\/s · .* tokens\/s$/)
        const again = yield* smallTraining(world)
        expect(contents(again.outputs.model)).toEqual(contents(outputs.model))
        expect(contents(again.outputs.log)).toEqual(contents(outputs.log))

        const names = (folder: string) =>
          Effect.scoped(Effect.map(openWeights(folder), ({ tensors }) => [...tensors.keys()].sort()))
        expect(yield* names(outputs.model)).toEqual(yield* names(world.model.path))
        const card = yield* Schema.decode(Schema.parseJson(ModelCard))(
          readFileSync(join(outputs.model, "model.json"), "utf8"),
        )
        expect(card.name).toBe("t5-softmax")
        expect(card.origin).toContain("trained from t5 (from nothing, matching initialisation, seed 1)")
        const readme = readFileSync(join(outputs.model, "README.md"), "utf8")
        expect(readme).toContain("24 train queries (16 questions, 8 browse)")
        expect(readme).toContain("## Measures on the dev split")
        expect(existsSync(join(outputs.model, "tokenizer.json"))).toBe(true)

        const rows = yield* readRows(storedFolder(Kinds.TrainingLog, outputs.log))
        const series = new Set(rows.map((row) => row.series))
        for (const name of [
          "loss",
          "loss.softmax",
          "learningRate.embedding",
          "gradientNorm",
          "dev.nDCG@10",
          "dev.RR@10.browse",
        ]) {
          expect([...series]).toContain(name)
        }
        const losses = rows.filter((row) => row.series === "loss")
        expect(losses.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1))
        expect(rows.filter((row) => row.series === "dev.nDCG@10").map(({ step }) => step)).toEqual([0, 6, 12])
        expect(result.facts).toMatchObject({ queries: 24, steps: 12 })
      }),
    ),
  )

  it.effect("T61 an interrupted training goes on from its checkpoint and ends with the same bytes, mining too", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld("t5gemma")
        const config: TrainConfig = {
          ...smallConfig,
          ...phase({ kind: "mined", from: 1, to: 15, share: 1 }, { kind: "random", from: 1, share: 1 }),
          dropout: 0.1,
        }
        const whole = yield* smallTraining(world, { ...config, lists: { ...config.lists, mineEvery: 5 } })
        for (const steps of [3, 7]) {
          const scratch = yield* interruptedTraining(
            world,
            { ...config, lists: { ...config.lists, mineEvery: 5 } },
            steps,
          )
          const resumed = yield* smallTraining(world, { ...config, lists: { ...config.lists, mineEvery: 5 } }, scratch)
          expect(contents(resumed.outputs.model)).toEqual(contents(whole.outputs.model))
          expect(contents(resumed.outputs.log)).toEqual(contents(whole.outputs.log))
        }
      }),
    ),
  )

  it.effect("T98 with several steps in a run it learns the same, and interrupted it goes on to the same bytes", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const config: TrainConfig = { ...smallConfig, checkpointEvery: 5, dropout: 0.1, stepsPerRun: 4 }
        const { stepsPerRun: _one, ...single } = config
        const whole = yield* smallTraining(world, config)
        const apart = yield* smallTraining(world, single)
        const losses = (folder: string) =>
          Effect.map(readRows(storedFolder(Kinds.TrainingLog, folder)), (rows) =>
            rows.filter(({ series }) => series === "loss").map(({ value }) => Number(value)),
          )
        const [own, other] = [yield* losses(whole.outputs.log), yield* losses(apart.outputs.log)]
        expect(own.length).toBe(12)
        own.forEach((loss, step) => expect(Math.abs(loss - other[step]!)).toBeLessThan(1e-4))
        const scratch = yield* interruptedTraining(world, config, 7)
        const resumed = yield* smallTraining(world, config, scratch)
        expect(contents(resumed.outputs.model)).toEqual(contents(whole.outputs.model))
        expect(contents(resumed.outputs.log)).toEqual(contents(whole.outputs.log))

        expect(whole.warnings).toEqual([])
        const parts = yield* smallTraining(world, { ...config, tokensPerMicroBatch: 64 })
        expect(parts.warnings.join()).toMatch(
          /train\.stepsPerRun: .* one by one; train\.tokensPerMicroBatch=\d+ has room/,
        )
      }),
    ),
  )

  it.effect("T62 a loss that is not finite stops the training with the last good weights, naming step and lists", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const hot = { ...smallConfig.optimizer, learningRate: 1e30, clip: 0 }
        const { result, warnings } = yield* smallTraining(world, { ...smallConfig, optimizer: hot })
        expect(warnings.join()).toMatch(/at step \d+ the loss is .*, for the lists of q\d\d, q\d\d/)
        expect(result.facts).toMatchObject({ keptStep: 0 })
        const unwatched = { ...smallConfig, optimizer: hot, validate: { ...smallConfig.validate, every: 0 } }
        const error = yield* Effect.flip(smallTraining(world, unwatched))
        expect(error._tag).toBe("TrainingDiverged")
        expect(error.message).toContain("Lower train.optimizer.learningRate")
      }),
    ),
  )

  it.effect("T63 stops when patience is at its end, and keeps the weights that measured best", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const validate = { ...smallConfig.validate, every: 1, patience: 2 }
        const frozen = { ...smallConfig.optimizer, learningRate: 0 }
        const { result } = yield* smallTraining(world, { ...smallConfig, validate, optimizer: frozen })
        expect(result.facts).toMatchObject({ steps: 2, keptStep: 0 })
      }),
    ),
  )

  const contradictions: ReadonlyArray<readonly [string, Partial<TrainConfig>, string]> = [
    ["a list longer than the candidates", { lists: { ...smallConfig.lists, size: 31 } }, "do not fill a list of 31"],
    [
      "a warm-up without end",
      { optimizer: { ...smallConfig.optimizer, schedule: { kind: "linear", warmup: 12, end: 0 } } },
      "the warm-up of 12 steps",
    ],
    [
      "a group that fits no weight",
      { optimizer: { ...smallConfig.optimizer, groups: [{ name: "x", pattern: "decoder", scale: 1, frozen: false }] } },
      "decoder",
    ],
    [
      "several steps of a run by adafactor",
      { stepsPerRun: 4, optimizer: { ...smallConfig.optimizer, kind: "adafactor" } },
      "train.stepsPerRun",
    ],
    [
      "several steps of a run that update touched rows alone",
      { stepsPerRun: 4, optimizer: { ...smallConfig.optimizer, embeddings: "touched" } },
      "train.stepsPerRun",
    ],
    [
      "several steps of a run on WebGPU",
      { stepsPerRun: 4, hardware: { device: "webgpu", name: "" } },
      "WebGPU's provider has no Loop",
    ],
    [
      "vectors of a model that gives none",
      { embedding: { inBatch: 0.5 } },
      "train.embedding.inBatch: its head masked-mean",
    ],
    ["a loss without its teacher", { loss: { kind: "marginmse" } }, "train.teacher"],
    ["a source without its teacher", phase({ kind: "teacher", from: 1, share: 1 }), "a source takes a teacher's ranks"],
    [
      "a filter without a measure",
      { lists: { ...smallConfig.lists, filter: { by: "first-stage" } } },
      "neither a margin nor a ratio",
    ],
    [
      "patience with nothing to wait for",
      { validate: { ...smallConfig.validate, every: 0, patience: 3 } },
      "nothing is measured",
    ],
    [
      "a curriculum that ends early",
      {
        lists: {
          ...smallConfig.lists,
          curriculum: [{ name: "a", until: 0.5, sources: [{ kind: "candidates", from: 1, share: 1 }] }],
        },
      },
      "ends at step 6 of 12",
    ],
  ]
  it.effect.each(contradictions)("T64 %s is an error that says what to do", ([, changed, says]) =>
    live(
      Effect.gen(function* () {
        const error = yield* Effect.flip(smallTraining(yield* smallWorld(), { ...smallConfig, ...changed }))
        expect(error.message).toContain(says)
      }),
    ),
  )

  it.effect("T64 grades that are all equal are an error", () =>
    live(
      Effect.gen(function* () {
        const error = yield* Effect.flip(smallTraining(yield* freshWorld("t5", () => 1)))
        expect(error._tag).toBe("NothingToLearn")
        expect(error.message).toContain("of 24 train queries none has candidates of different grades")
      }),
    ),
  )

  it.effect("T64 a checkpoint of another configuration in its place is an error", () =>
    live(
      Effect.gen(function* () {
        const world = yield* smallWorld()
        const scratch = temporaryFolder("scratch")
        yield* smallTraining(world, smallConfig, scratch)
        const other = { ...smallConfig, system: SystemName.make("other"), seed: 2 }
        const error = yield* Effect.flip(smallTraining(world, other, scratch))
        expect(error._tag).toBe("CheckpointForeign")
        writeFileSync(join(scratch, "checkpoint-00000008.bin"), "damaged")
        writeFileSync(join(scratch, "checkpoint-00000004.bin"), "damaged")
        const { warnings } = yield* smallTraining(world, smallConfig, scratch)
        expect(warnings.join()).toContain("is damaged")
      }),
    ),
  )

  it.effect("T65 a ready graph is refused with what to do", () =>
    live(
      Effect.gen(function* () {
        const world = yield* freshWorld()
        const path = join(world.model.path, "model.json")
        const card: unknown = JSON.parse(readFileSync(path, "utf8"))
        writeFileSync(path, JSON.stringify({ ...Object(card), head: undefined, family: "onnx" }))
        expect((yield* Effect.flip(smallTraining(world))).message).toContain("it is a ready ONNX graph")
      }),
    ),
  )
})
