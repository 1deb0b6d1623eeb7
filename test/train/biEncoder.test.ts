import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { readModelCard } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds, LoraSettings, SystemName } from "../../schemas/index.ts"
import { publishModel } from "../../stages/model/index.ts"
import { makeModel } from "../../stages/model/makeModel.ts"
import { mergeInto } from "../../stages/model/merge.ts"
import { sourceFolder } from "../../stages/model/sourceFolder.ts"
import { run as rerank } from "../../stages/rerank/rerank.ts"
import type { TrainConfig } from "../../stages/train/index.ts"
import { otherPassages } from "../../stages/train/stepLists.ts"
import { run as trainAdapter } from "../../stages/train/trainAdapter.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"
import {
  interruptedTraining,
  type SmallWorld,
  silent,
  smallConfig,
  smallTraining,
  vectorWorld,
} from "./smallTraining.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const world = Effect.runPromise(Effect.provide(vectorWorld(), layerDuckDb()))

const config: TrainConfig = {
  ...smallConfig,
  system: SystemName.make("bert-infonce"),
  loss: { kind: "infonce" },
  optimizer: {
    ...smallConfig.optimizer,
    groups: [{ name: "all", pattern: ".", scale: 1, frozen: false }],
  },
}

const contents = (folder: string): ReadonlyMap<string, string> =>
  new Map(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  )

/** The scores of the dev candidates by a model's folder, by query and passage. */
const rerankedBy = (model: string, { dev, tokenizer, tokens }: SmallWorld) =>
  Effect.gen(function* () {
    const outputs = { run: temporaryFolder("run") }
    const inputs = { model: storedFolder(Kinds.Model, model), tokenizer, tokens, candidates: dev }
    const asked = { system: config.system, hardware: config.hardware, precision: "fp32" as const }
    yield* rerank({ config: asked, inputs, outputs, ...silent() })
    return yield* readRows(storedFolder(Kinds.Run, outputs.run))
  })

describe("training a bi-encoder", () => {
  it.effect(
    "T91 gives a bi-encoder's folder, with prompts and head, the same bytes again; what is measured is what it scores",
    () =>
      live(
        Effect.gen(function* () {
          const given = yield* Effect.promise(() => world)
          const { outputs, result } = yield* smallTraining(given, config)
          expect(contents((yield* smallTraining(given, config)).outputs.model)).toEqual(contents(outputs.model))
          const [before, card] = [yield* readModelCard(given.model.path), yield* readModelCard(outputs.model)]
          expect(card).toMatchObject({ output: "embeddings", head: before.head, input: before.input })
          expect(card.input.texts).toEqual({ kind: "single", queryPrefix: "bread ", passagePrefix: "roses " })
          const readme = readFileSync(join(outputs.model, "README.md"), "utf8")
          expect(readme).toContain("Query (behind `bread `) and passage (behind `roses `) apart")
          const log = yield* readRows(storedFolder(Kinds.TrainingLog, outputs.log))
          // What was measured is what the model's folder then scores.
          const kept = log.find(({ series, step }) => series === "dev.RR@10" && step === result.facts?.["keptStep"])
          const rows = yield* rerankedBy(outputs.model, given)
          expect(rows).toHaveLength(6 * 30)
          expect(rows.every(({ score }) => score <= 1 + 1e-6)).toBe(true)
          const relevant = new Set(
            (yield* readRows(given.qrels)).flatMap(({ docid, grade, qid }) => (grade > 0 ? [`${qid} ${docid}`] : [])),
          )
          const first = [...new Set(rows.map(({ qid }) => qid))].map((of) =>
            Math.min(
              ...rows.flatMap(({ docid, qid, rank }) => (qid === of && relevant.has(`${qid} ${docid}`) ? rank : [])),
            ),
          )
          const reciprocal = first.reduce((sum, rank) => sum + (rank <= 10 ? 1 / rank : 0), 0) / first.length
          expect(kept?.value).toBeCloseTo(reciprocal, 12)
        }),
      ),
  )

  it.effect(
    "T61 an interrupted training of a bi-encoder ends with the same bytes, mined negatives and dropout too",
    () =>
      live(
        Effect.gen(function* () {
          const given = yield* Effect.promise(() => world)
          const sources = [
            { kind: "mined", from: 1, to: 15, share: 1 },
            { kind: "candidates", from: 1, share: 1 },
          ] as const
          const curriculum = [{ name: "only", until: 1, sources }] as const
          const asked = {
            ...config,
            loss: { kind: "hybrid", alpha: 0.7, k: 5, scope: "all" },
            embedding: { inBatch: 0.3, temperature: 0.1 },
            dropout: 0.1,
            tokensPerMicroBatch: 200,
            lists: { ...config.lists, curriculum, mineEvery: 5 },
          }
          const whole = yield* smallTraining(given, asked)
          const scratch = yield* interruptedTraining(given, asked, 7)
          const resumed = yield* smallTraining(given, asked, scratch)
          expect(contents(resumed.outputs.model)).toEqual(contents(whole.outputs.model))
          expect(contents(resumed.outputs.log)).toEqual(contents(whole.outputs.log))
        }),
      ),
  )

  it.effect("T92 by adapters alike: the merged folder is a bi-encoder that sentence-transformers' files speak of", () =>
    live(
      Effect.gen(function* () {
        const given = yield* Effect.promise(() => world)
        const outputs = { adapter: temporaryFolder("adapter"), log: temporaryFolder("log") }
        const lora = Schema.decodeUnknownSync(LoraSettings)({ rank: 4 })
        yield* trainAdapter({
          config: { ...config, lora },
          inputs: { ...given, start: [], base: [] },
          outputs,
          ...silent(),
        })
        expect(existsSync(join(outputs.adapter, "head.safetensors"))).toBe(false)
        const peft: unknown = JSON.parse(readFileSync(join(outputs.adapter, "adapter_config.json"), "utf8"))
        expect(peft).toMatchObject({ task_type: "FEATURE_EXTRACTION", modules_to_save: null })
        const merged = temporaryFolder("merged")
        yield* mergeInto(given.model.path, outputs.adapter, merged, "bert-infonce")
        const ours = yield* rerankedBy(merged, given)
        // As sentence-transformers reads it: without what rankdag knows of it.
        expect(yield* publishModel(merged, merged)).toContain("1_Pooling/config.json")
        const published = temporaryFolder("published")
        cpSync(merged, published, { recursive: true })
        for (const name of ["model.json", "model.onnx"]) rmSync(join(published, name))
        const again = temporaryFolder("again")
        const source = yield* sourceFolder(published, "main", () => {})
        yield* makeModel(source, { name: SystemName.make("again") }, { model: again, tokenizer: again }, () => {})
        expect((yield* readModelCard(again)).input).toMatchObject((yield* readModelCard(merged)).input)
        const theirs = yield* rerankedBy(again, given)
        ours.forEach(({ docid, score }, i) => {
          expect(theirs[i]?.docid).toBe(docid)
          expect(Math.abs((theirs[i]?.score ?? Number.NaN) - score)).toBeLessThan(1e-6)
        })
      }),
    ),
  )

  it("T93 a passage counts against a query once, and not where it is relevant to it, or its own", () => {
    const data = {
      qids: ["a", "b"],
      kinds: ["question", "question"] as const,
      queryTexts: Uint32Array.of(0, 1),
      starts: Uint32Array.of(0, 3, 5),
      passages: Uint32Array.of(10, 11, 12, 12, 13),
      ranks: Uint32Array.of(1, 2, 3, 1, 2),
      scores: new Float64Array(5),
      grades: Int32Array.of(2, 0, 1, 1, -1),
      teacher: undefined,
      own: Int32Array.of(14, -1),
      passageCount: 20,
    }
    // Of a the passages 10, 11 and none; of b 12, 11 and 14: 12 answers a too, 11 comes twice, 14 is a's own.
    const others = otherPassages(data, [0, 1], Int32Array.of(10, 11, -1, 12, 11, 14))
    expect([...others.subarray(0, 6)]).toEqual([0, 1, 0, 0, 0, 0])
    expect([...others.subarray(6)]).toEqual([1, 0, 0, 0, 1, 1])
  })
})
