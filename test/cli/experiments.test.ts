import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { experimentJsonSchema, readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { makePlan } from "../../pipeline/index.ts"
import { wireSmall } from "../support/smallExperiment.ts"

const folder = join(import.meta.dirname, "../../experiments")

describe("experiments", () => {
  it("L2 every ready configuration decodes", () => {
    const files = readdirSync(folder).filter((file) => file.endsWith(".json") && file !== "schema.json")
    expect(files).toContain("default.json")
    for (const file of files) {
      const settings = Effect.runSync(readSettings({ configFile: join(folder, file), datasets: [], sets: [] }))
      expect(settings.datasets.length).toBeGreaterThan(0)
    }
  })

  it("L2 the off-the-shelf models are planned without being fetched, each with the head that its repository needs", () => {
    const file = join(folder, "off-the-shelf.json")
    const planned = Effect.gen(function* () {
      const settings = yield* readSettings({ configFile: file, datasets: [], device: "cpu", sets: [] })
      const collections = yield* wireCollections(settings, [])
      const wired = yield* wiring(settings, () => experiment(settings, collections, { device: "cpu", name: "" }))
      return yield* makePlan(wired.targets)
    })
    const { nodes } = Effect.runSync(planned)
    const configs = new Map(nodes.map(({ node }) => [node.name, node._tag === "StageNode" ? node.config : {}]))
    expect(configs.get("model.hub.minilm-l6")).toMatchObject({ repository: "cross-encoder/ms-marco-MiniLM-L6-v2" })
    expect(configs.get("model.hub.monot5-base")).toMatchObject({ head: "decoder-choice" })
    for (const system of ["tinybert-l2", "minilm-l6", "monot5-base"]) expect(configs.has(`rerank.${system}`)).toBe(true)
  })

  it("L42 two systems of one name are refused, whichever way they came by it", () => {
    const small = { passages: { d1: "bread" }, queries: { q1: "bread" } }
    const refused = (...models: ReadonlyArray<unknown>) => Effect.runSync(Effect.flip(wireSmall(small, models)))
    const twice = [
      { source: "one/cross", name: "cross" },
      { source: "other/cross", revision: "v2", name: "cross" },
    ]
    expect(refused(...twice).message).toMatch(/Two systems are called «cross»\. Give one another name/)
    const revisions = [{ source: "one/cross" }, { source: "one/cross", revision: "v2" }]
    expect(refused(...revisions).message).toContain("Two systems are called «cross»")
    expect(refused({ source: "one/cross", name: "given" }).message).toContain("«given»")
  })

  it("L57 models of one name are told apart by the folders above", () => {
    const small = { passages: { d1: "bread" }, queries: { q1: "bread" } }
    const wired = Effect.runSync(
      wireSmall(small, ["one/cross", { source: "other/cross", revision: "v2" }, "one/third"]),
    )
    const names = wired.runs.flatMap(({ node }) => /^rerank\.(.+)$/.exec(node.name)?.[1] ?? [])
    expect(names).toEqual(["one-cross", "other-cross", "third"])
  })

  it("L2 the JSON Schema for editors is the one that the settings are decoded by (`tsx dag.ts schema` writes it)", () => {
    const written: unknown = JSON.parse(readFileSync(join(folder, "schema.json"), "utf8"))
    expect(written).toEqual(JSON.parse(JSON.stringify(experimentJsonSchema())))
  })
})
