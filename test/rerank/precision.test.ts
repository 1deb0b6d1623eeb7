import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { exitCodeOf } from "../../cli/ExitCode.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Agreement, EvaluationSummary, Kinds, precisionsOf } from "../../schemas/index.ts"
import { AgreementCount } from "../../stages/rerank/agreementOf.ts"
import { Executor, inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel, widened } from "../support/smallModels.ts"
import { storedFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const small: SmallCollection = {
  passages: {
    d1: "the old tower of the harbour",
    d2: "fresh bread at the market",
    d3: "quiet roses in a garden by the river",
    d4: "the old tower of the harbour",
  },
  queries: { q1: "harbour tower", q2: "roses" },
}

const source = await widened(smallModel("bert-cross"))
const cross = () => ({ source, name: "cross" })

const agreementAt = (path: string) =>
  Schema.decodeSync(Schema.parseJson(Agreement))(readFileSync(join(path, "agreement.json"), "utf8"))

describe("precision", () => {
  it("N600 several precisions are a list or a text with commas, each once, in their order", () => {
    expect(precisionsOf("int8")).toEqual(["int8"])
    expect(precisionsOf("int8,fp32,int8")).toEqual(["int8", "fp32"])
    expect(precisionsOf(["weights8", "fp32"])).toEqual(["weights8", "fp32"])
  })

  it.effect(
    "N600 each precision is a row, in its key and among its facts; N606 what it agrees in with fp32 stands under the table, with the test",
    () =>
      live(
        Effect.gen(function* () {
          const wired = yield* wireSmall(small, [cross()], "rerank.precision=fp32,int8")
          const executor = new Executor()
          const rowsOf = (name: string) =>
            Effect.flatMap(executor.make(nodeNamed(wired, name)), ({ facts, outputs }) =>
              Effect.map(readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? "")), (rows) => ({ facts, rows })),
            )
          const own = yield* rowsOf("rerank.cross.int8")
          const full = yield* rowsOf("rerank.cross")
          expect([own.facts["precision"], full.facts["precision"]]).toEqual(["int8", "fp32"])
          expect(own.rows.map(({ system }) => system)[0]).toBe("cross.int8")
          const node = nodeNamed(wired, "rerank.cross.int8")
          const before = nodeNamed(wired, "rerank.cross")
          expect(inputNamed(node, "model").node.name).toBe("quantize.cross.int8")
          expect(inputNamed(before, "model").node.name).toBe("model.cross")
          const scores = new Map(full.rows.map(({ docid, qid, score }) => [`${qid} ${docid}`, score]))
          const differences = own.rows.map(({ docid, qid, score }) =>
            Math.abs(score - (scores.get(`${qid} ${docid}`) ?? 9)),
          )
          expect(Math.max(...differences)).toBeGreaterThan(0)
          const copies = own.rows.filter(({ docid, qid }) => qid === "q1" && (docid === "d1" || docid === "d4"))
          expect(new Set(copies.map(({ score }) => score)).size).toBe(1)

          const summary = yield* executor.make(wired.summary.node)
          const { notes } = Schema.decodeSync(Schema.parseJson(EvaluationSummary))(
            readFileSync(join(summary.outputs["summary"]?.path ?? "", "summary.json"), "utf8"),
          )
          const made = yield* executor.artifact(inputNamed(wired.summary.node, "agreements"))
          const found = agreementAt(made.path)
          expect(found).toMatchObject({
            system: "cross.int8",
            precision: "int8",
            reference: "cross",
            whole: true,
            pairs: 8,
            queries: 2,
          })
          expect(found.largest).toBeCloseTo(Math.max(...differences), 10)
          const [note] = notes.filter(({ text }) => text.startsWith("cross.int8 in int8, beside cross: "))
          expect(note?.text).toMatch(
            /% of pairs are ordered alike.*nDCG@10 0\.\d{4} in fp32, 0\.\d{4} so \(paired t, p [\d.]+\)$/u,
          )
        }),
      ),
    60_000,
  )

  it.effect("N606 where fp32 is no row the first pairs are scored in both; none where that is set", () =>
    live(
      Effect.gen(function* () {
        const wired = yield* wireSmall(small, [{ ...cross(), precision: "int8" }], "rerank.agreement=5")
        expect(wired.runs.map(({ node }) => node.name)).toContain("rerank.cross")
        const executor = new Executor()
        const artifact = yield* executor.artifact(inputNamed(wired.summary.node, "agreements"))
        expect(agreementAt(artifact.path)).toMatchObject({ system: "cross", whole: false, pairs: 5, queries: 2 })
        const none = yield* wireSmall(small, [cross()], "rerank.precision=int8", "rerank.agreement=0")
        expect(() => inputNamed(none.summary.node, "agreements")).toThrow("reads no agreements")
      }),
    ),
  )

  it("N606 pairs that fp32 tells apart are counted, queries by their first passage", () => {
    const count = new AgreementCount()
    // Of three pairs that differ one is turned round, one tied; the fourth is a tie already.
    count.add({ reference: [3, 2, 2], referenceRanks: [1, 2, 3], own: [2.5, 2.5, 2], ownRanks: [2, 1, 3] })
    count.add({ reference: [1, 0], referenceRanks: [1, 2], own: [1, 0.5], ownRanks: [1, 2] })
    count.add({ reference: [], referenceRanks: [], own: [], ownRanks: [] })
    const { deviation, ...found } = count.found
    expect(found).toEqual({ pairs: 5, queries: 2, alike: 2 / 3, first: 0.5, largest: 0.5 })
    expect(deviation).toBeCloseTo(Math.sqrt((1.4 ** 2 + 0.4 ** 2 * 2 + 0.6 ** 2 + 1.6 ** 2) / 5), 12)
    expect(new AgreementCount().found).toMatchObject({ alike: 1, first: 1, largest: 0, deviation: 0 })
  })

  it.effect("N607 8 bits on a device that lacks them is an error of the command line, before anything runs", () =>
    Effect.gen(function* () {
      const settings = yield* readSettings({
        datasets: ["synthetic"],
        device: "webgpu",
        sets: ["rerank.precision=int8,fp32"],
      })
      const collections = yield* wireCollections(settings, [])
      const refused = yield* Effect.either(
        wiring(settings, () => experiment(settings, collections, { device: "webgpu", name: "a card" })),
      )
      const error = Either.isLeft(refused) ? refused.left : undefined
      expect(error?.message).toContain("int8 is not built for webgpu, only for the CPU. Say --device cpu")
      expect(exitCodeOf(error)).toBe(2)
    }),
  )

  it.effect(
    "T89 weights that stay in fewer bits are one node for all trainings beside a model, and the CPU's alone",
    () =>
      Effect.gen(function* () {
        const sets = ["train.lora.base=bf16", 'train.models=[{"scratch":"t5"}]', 'train.losses=["softmax","hybrid"]']
        const settings = yield* readSettings({ datasets: ["synthetic"], device: "cpu", sets })
        const collections = yield* wireCollections(settings, [])
        const on = (device: "cpu" | "cuda") =>
          Effect.either(wiring(settings, () => experiment(settings, collections, { device, name: "" })))
        const refused = yield* on("cuda")
        expect(Either.isLeft(refused) ? refused.left.message : "").toContain(
          "train.lora.base: bf16 is not built for cuda",
        )
        const { datasets } = yield* Effect.flatten(on("cpu"))
        const trained = datasets.flatMap((dataset) => dataset.trained)
        const frozen = trained.map(({ log }) => {
          const { node } = log
          const inputs = node._tag === "StageNode" ? node.inputs : []
          return inputs.find(({ name }) => name === "base")?.artifacts.map((artifact) => artifact.node.name)
        })
        expect(trained.length).toBe(2)
        expect(frozen).toEqual([["freeze.t5.bf16"], ["freeze.t5.bf16"]])
      }),
  )
})
