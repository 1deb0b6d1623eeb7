import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { makePlan, planDocument } from "../../pipeline/index.ts"

/** The nodes of an experiment's plan by name: their settings and, by input, the nodes that they read. */
const planned = (...sets: ReadonlyArray<string>) =>
  Effect.runSync(
    Effect.gen(function* () {
      const given = [
        ...['retrieve.systems=["bm25"]', 'train.models=[{"scratch":"t5"}]', 'train.losses=["softmax","hybrid"]'],
        ...['train.before={"loss":"pairwise","steps":40,"learningRate":0.002}', "train.steps=100"],
      ]
      const settings = yield* readSettings({ datasets: [], device: "cpu", sets: [...given, ...sets] })
      const collections = yield* wireCollections(settings, [])
      const wired = yield* wiring(settings, () => experiment(settings, collections, { device: "cpu", name: "test" }))
      const { nodes } = planDocument(yield* makePlan(wired.targets))
      return new Map(
        nodes.flatMap((node) =>
          node._tag === "Source"
            ? []
            : [
                [
                  node.name,
                  {
                    config: node.config,
                    reads: Object.fromEntries(
                      node.inputs.map(({ artifacts, name }) => [name, artifacts.map((artifact) => artifact.node)]),
                    ),
                  },
                ] as const,
              ],
        ),
      )
    }),
  )

describe("a training before the others", () => {
  it("T94 is made once for each seed, with its own loss, steps and rate; all losses go on from it", () => {
    const nodes = planned("train.seeds=[1,2]")
    for (const seed of [1, 2]) {
      const before = nodes.get(`train.t5-before.${seed}`)
      expect(before?.config).toMatchObject({
        ...{ seed, steps: 40, loss: { kind: "pairwise" } },
        optimizer: { learningRate: 0.002, schedule: { warmup: 2 } },
      })
      for (const loss of ["softmax", "hybrid"]) {
        const after = nodes.get(`train.t5-${loss}.${seed}`)
        expect(after?.reads["model"]).toEqual([`train.t5-before.${seed}`])
        expect(after?.config).toMatchObject({ steps: 100, loss: { kind: loss }, optimizer: { learningRate: 1e-3 } })
      }
    }
    expect([...nodes.keys()].filter((name) => name.startsWith("train.t5-"))).toHaveLength(6)
    expect([...nodes.keys()]).not.toContain("rerank.t5-before.1")
  })

  it("T94 with adapters, its adapter is what the next begins with, over the same model", () => {
    const nodes = planned("train.lora.rank=4")
    const before = nodes.get("train.adapter.t5-before")
    const after = nodes.get("train.adapter.t5-hybrid")
    expect(before?.reads["start"]).toEqual([])
    expect(after?.reads["start"]).toEqual(["train.adapter.t5-before"])
    expect(after?.reads["model"]).toEqual(before?.reads["model"])
  })

  it("T94 points of a sweep that differ in their own loss alone go on from one", () => {
    const nodes = planned('train.loss.hybrid.alpha={"grid":[0.3,0.5]}')
    expect(nodes.get("train.t5-hybrid-alpha_0.3")?.reads["model"]).toEqual(["train.t5-before"])
    expect(nodes.get("train.t5-hybrid")?.reads["model"]).toEqual(["train.t5-before"])
  })
})
