import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { layerDuckDb } from "../../pipeline/index.ts"
import { ModelSettings } from "../../schemas/index.ts"
import { inspectModel, modelOf } from "../../stages/model/index.ts"
import { openPairScorer } from "../../stages/rerank/scorePairs.ts"
import { Executor } from "../support/smallExperiment.ts"
import { amendJson } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const reference = join(import.meta.dirname, "../reference/prompts")
/** What `test/reference/prompts/generate.py` made. */
const Golden = Schema.parseJson(
  Schema.Struct({
    words: Schema.Record({ key: Schema.String, value: Schema.Number }),
    pairs: Schema.Array(
      Schema.Struct({ query: Schema.String, passage: Schema.String, limit: Schema.Number, score: Schema.Number }),
    ),
  }),
)
const { pairs, words } = Schema.decodeSync(Golden)(readFileSync(join(reference, "golden.json"), "utf8"))

/** The small reranker in a folder of a name. */
const named = (name: string): string => {
  const folder = join(temporaryFolder("prompts"), name)
  mkdirSync(folder, { recursive: true })
  cpSync(join(reference, "qwen3-reranker"), folder, { recursive: true })
  return folder
}

const decodeSettings = Schema.decodeSync(ModelSettings)
const inspected = (settings: typeof ModelSettings.Encoded) => inspectModel(decodeSettings(settings), () => {})
const choice = { kind: "decoder-choice", yes: words["yes"], no: words["no"] } as const

describe("prompts of published rerankers", () => {
  it.scoped("N546 a folder with Qwen3-Reranker's name scores as its model card's code", () =>
    Effect.gen(function* () {
      const wired = modelOf({ source: named("Qwen3-Reranker-0.6B"), revision: "main" })
      const executor = new Executor()
      const { path } = yield* executor.artifact(wired.model)
      const scorer = yield* openPairScorer(path, { device: "cpu", threads: 1 })
      const wide = pairs.filter(({ limit }) => limit === scorer.maximumTokens)
      expect(wide.length).toBeGreaterThan(20)
      const { scores } = yield* scorer.score(wide)
      const differences = wide.map(({ score }, row) => Math.abs(score - (scores[row] ?? Number.NaN)))
      expect(Math.max(...differences)).toBeLessThanOrEqual(1e-4)
    }).pipe(Effect.provide(layerDuckDb())),
  )

  it.effect(
    "N546 a published reranker is known by its folder's name, its chat template, or the prompt that is named",
    () =>
      Effect.gen(function* () {
        const found = yield* inspected({ source: named("Qwen3-Reranker-8B") })
        expect(found.problems).toEqual([])
        expect(found).toMatchObject({ family: "qwen", head: choice, input: { maximumTokens: 8192 } })
        const template = found.input?.texts

        const chat = named("mine")
        const text =
          "Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note …"
        amendJson(join(chat, "tokenizer_config.json"), { chat_template: text })
        expect((yield* inspected({ source: chat })).input?.texts).toEqual(template)
        const apart = named("mine-too")
        writeFileSync(join(apart, "chat_template.jinja"), text)
        expect((yield* inspected({ source: apart })).input?.texts).toEqual(template)
        const asked = yield* inspected({ source: named("other"), template: "qwen3-reranker", instruction: "Find wool" })
        expect(asked.head).toEqual(choice)
        expect(JSON.stringify(asked.input)).toContain("<Instruct>: Find wool\\n<Query>")
        const mxbai = yield* inspected({ source: named("mxbai-rerank-base-v2") })
        expect(mxbai.head).toEqual({ kind: "decoder-choice", yes: words["1"], no: words["0"] })
      }).pipe(Effect.provide(layerDuckDb())),
  )

  it.effect("N547 a decoder without a known prompt, or without the words, is an error that says what to write", () =>
    Effect.gen(function* () {
      const unknown = yield* inspected({ source: named("some-decoder") })
      expect(unknown.problems.join("\n")).toMatch(
        /Qwen3ForCausalLM is a decoder's.*"template": "qwen3-reranker".*mxbai-rerank-v2/,
      )
      const bare = yield* inspected({ source: named("some-decoder"), head: "decoder-choice" })
      expect(bare.problems.join("\n")).toMatch(/how its prompt goes is not known.*Set template/)
      const own = yield* inspected({
        source: named("some-decoder"),
        head: "decoder-choice",
        template: ["Q: {query}\n", "D: {document}", "\nRelevant?"],
      })
      expect(own.problems).toEqual([])
      expect(own.warnings.join("\n")).toMatch(/chooses between «yes»/)
      const gemma = yield* inspected({ source: named("some-decoder"), template: "bge-reranker-v2-gemma" })
      expect(gemma.problems.join("\n")).toMatch(/no token «Yes»/)
      const misspelt = yield* inspected({
        source: named("some-decoder"),
        head: { kind: "decoder-choice", yes: 300, no: 301 },
        template: "qwen3-rerankr",
      })
      expect(misspelt.problems.join("\n")).toMatch(/neither a text .* nor a prompt that is known.*did you mean/i)
      const instructed = yield* inspected({
        source: named("mxbai-rerank-base-v2"),
        instruction: "Find wool",
      })
      expect(instructed.problems.join("\n")).toMatch(/no place for one/)
    }).pipe(Effect.provide(layerDuckDb())),
  )
})
