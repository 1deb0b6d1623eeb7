import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { wireCollections, wiring } from "../../cli/collections.ts"
import { experimentJsonSchema, readSettings } from "../../cli/Settings.ts"
import { experiment } from "../../experiment.ts"
import { makePlan } from "../../pipeline/index.ts"
import { describeUnmade } from "../../stages/model/index.ts"
import { plannedMemory } from "../../stages/train/index.ts"
import { wireSmall } from "../support/smallExperiment.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const folder = join(import.meta.dirname, "../../experiments")

const Described = Schema.parseJson(Schema.Struct({ description: Schema.String }))

const t5 = (d_model: number, d_ff: number, num_layers: number, num_heads: number) => ({
  model_type: "t5",
  d_model,
  d_kv: 64,
  d_ff,
  num_layers,
  num_heads,
  vocab_size: 32_128,
  feed_forward_proj: "relu",
})

const t5gemma = (hidden: number, inner: number, layers: number, heads: number, groups: number, headSize: number) => ({
  model_type: "t5gemma",
  encoder: {
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: groups,
    head_dim: headSize,
    vocab_size: 256_000,
  },
})

/** The sizes in the configurations of these repositories, of T5Gemma's the encoder's. */
const published = new Map<string, unknown>([
  ["google-t5/t5-base", t5(768, 3072, 12, 12)],
  ["google-t5/t5-large", t5(1024, 4096, 24, 16)],
  ["google/t5gemma-s-s-ul2", t5gemma(512, 1024, 8, 8, 8, 64)],
  ["google/t5gemma-b-b-ul2", t5gemma(768, 2048, 12, 12, 12, 64)],
  ["google/t5gemma-2b-2b-ul2", t5gemma(2304, 9216, 26, 8, 4, 256)],
])

/** What the trainings of a configuration are planned to take on a graphics card: gigabytes of the card and of the host. */
const plannedOf = (file: string) =>
  Effect.gen(function* () {
    const settings = yield* readSettings({ configFile: join(folder, file), datasets: [], sets: [] })
    const collections = yield* wireCollections(settings, [])
    const card = { device: "cuda", name: "a card" } as const
    const { datasets } = yield* wiring(settings, () => experiment(settings, collections, card))
    const { trained } = datasets[0]!
    return yield* Effect.forEach(trained, ({ asked, from, name }) =>
      Effect.gen(function* () {
        if (typeof from === "string" || "scratch" in from) throw new Error(`${name} is no repository with settings`)
        const source = temporaryFolder("config")
        writeFileSync(join(source, "config.json"), JSON.stringify(published.get(from.source)))
        // A plan reads none of them.
        writeFileSync(join(source, "model.safetensors"), "")
        const { memory } = yield* plannedMemory(asked, yield* describeUnmade({ ...from, source }))
        return { device: (memory.device / 1e9).toFixed(1), host: (memory.host / 1e9).toFixed(1) }
      }),
    )
  })

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

  it.each(["msmarco-rankt5.json", "msmarco-t5gemma.json", "msmarco-t5gemma-lora.json", "msmarco-gemmarank.json"])(
    "T96 %s says what its trainings are planned to take of a graphics card and of the host",
    async (file) => {
      const described = Schema.decodeUnknownSync(Described)(readFileSync(join(folder, file), "utf8"))
      for (const { device, host } of await Effect.runPromise(plannedOf(file)))
        expect(described.description).toContain(`${device} GB of a card's memory and ${host} of the host's`)
    },
  )

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
