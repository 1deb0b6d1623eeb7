import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { openTokenizer, readTokenTable, type Tokenizer, type TokenTable } from "../../neural/index.ts"
import { type DuckDb, layerDuckDb, makePlan, run } from "../../pipeline/index.ts"
import { services } from "../support/smallDag.ts"
import { Executor, inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

const small: SmallCollection = {
  passages: { d4: "bread at the market", d2: "", d3: "a quiet garden", d1: "nobody ranks this" },
  queries: { q1: "  harbour tower ", q2: "roses", q3: "nothing is found for this" },
  candidates: { q1: ["d3", "d4"], q2: ["d4", "d2"] },
}

/** The tables that a model's reranking reads, and its tokenizer. */
const tokenized = (fixture: string, rest: object = {}) =>
  Effect.gen(function* () {
    const source = smallModel(fixture)
    const wired = yield* wireSmall(small, [{ source, name: "small", ...rest }])
    const executor = new Executor()
    const tokens = inputNamed(nodeNamed(wired, "rerank.small"), "tokens")
    const { facts } = yield* executor.make(tokens.node)
    const { path } = yield* executor.artifact(tokens)
    const { tokenizer } = yield* openTokenizer(source)
    return {
      facts,
      tokenizer,
      queries: yield* readTokenTable(path, "queries"),
      passages: yield* readTokenTable(path, "passages"),
    }
  })

const namesOf = (table: TokenTable): ReadonlyArray<string> =>
  Array.from({ length: table.texts }, (_, text) => table.nameOf(text))

const idsOf = (table: TokenTable, name: string): ReadonlyArray<number> => [...table.ids(table.indexOf(name) ?? -1)]

describe("tokenizing", () => {
  it.effect("N310 what candidates name is tokenized once, in the collection's order; nothing else is", () =>
    live(
      Effect.gen(function* () {
        const { facts, passages, queries, tokenizer } = yield* tokenized("bert-cross")
        expect(namesOf(passages)).toEqual(["d4", "d2", "d3"])
        expect(namesOf(queries)).toEqual(["q1", "q2"])
        expect(idsOf(passages, "d4")).toEqual([...tokenizer.encode("bread at the market")])
        expect(idsOf(passages, "d2")).toEqual([])
        expect(idsOf(queries, "q1")).toEqual([...tokenizer.encode("harbour tower")])
        const tokens = ["bread at the market", "a quiet garden", "harbour tower", "roses"]
          .map((text) => tokenizer.encode(text).length)
          .reduce((a, b) => a + b)
        expect(facts).toMatchObject({ queries: 2, passages: 3, tokens })
      }),
    ),
  )

  it.effect("N310 in a template a text has the ids that it has behind the words before it", () =>
    live(
      Effect.gen(function* () {
        const { passages, queries, tokenizer } = yield* tokenized("t5-relu", { head: "first-token" })
        const behind = (text: string, { encode }: Tokenizer): ReadonlyArray<number> => [
          ...encode(`Query: ${text}`).subarray(encode("Query:").length),
        ]
        expect(idsOf(passages, "d3")).toEqual(behind("a quiet garden", tokenizer))
        expect(idsOf(queries, "q1")).toEqual(behind("harbour tower", tokenizer))
      }),
    ),
  )

  for (const [name, sets] of [
    ["candidates", []],
    ["passages", ['retrieve.systems=["bm25"]', `retrieve.dense=${JSON.stringify([smallModel("bert")])}`]],
  ] as const) {
    it.effect(`N312 ${name}: token ids joined of any number of parts have the bytes of one tokenizing`, () =>
      Effect.gen(function* () {
        const store = services(temporaryFolder("store"))
        const tokens = (...more: Array<string>) =>
          Effect.gen(function* () {
            const wired = yield* wireSmall(
              small,
              [{ source: smallModel("bert-cross"), name: "small" }],
              ...sets,
              ...more,
            )
            const artifact =
              name === "candidates"
                ? inputNamed(nodeNamed(wired, "rerank.small"), "tokens")
                : inputNamed(inputNamed(nodeNamed(wired, "retrieve.dense"), "passageVectors").node, "tokens")
            const report = yield* run(Either.getOrThrow(makePlan({ eval: artifact })))
            return report.nodes.at(-1)
          }).pipe(Effect.provide(store))
        const whole = yield* tokens()
        for (const shards of [2, 7]) {
          const joined = yield* tokens(`tokenize.shards=${shards}`)
          expect(joined?.outputs["tokens"]?.hash).toBe(whole?.outputs["tokens"]?.hash)
          expect(joined?.facts).toEqual({ ...whole?.facts, shards })
        }
      }),
    )
  }
})
