import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"
import { batchesOfPart, packBatches } from "../../neural/index.ts"
import { makePlan, run } from "../../pipeline/index.ts"
import { services } from "../support/smallDag.ts"
import { inputNamed, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const words = ["tower", "bread", "roses", "river", "garden", "market", "harbour", "old"]
const text = (seed: number, length: number) =>
  Array.from({ length }, (_, at) => words[(seed * 7 + at * at * 3 + at * seed) % words.length]).join(" ")

/** Of several lengths, some of them the same text, one empty. */
const small: SmallCollection = {
  passages: Object.fromEntries(
    Array.from({ length: 40 }, (_, at) => [`d${at}`, at === 7 ? "" : text(at % 11, 1 + ((at * 5) % 13))]),
  ),
  queries: { q1: "tower garden", q2: "market bread" },
}

const dense = `retrieve.dense=${JSON.stringify([smallModel("bert")])}`
const store = services(temporaryFolder("store"))

const encoded = (...sets: Array<string>) =>
  Effect.gen(function* () {
    const wired = yield* wireSmall(small, [], dense, "rerank.tokensPerBatch=40", 'retrieve.systems=["bm25"]', ...sets)
    const search = nodeNamed(wired, "retrieve.dense")
    const vectors = inputNamed(search, "passageVectors")
    const plan = Either.getOrThrow(makePlan({ eval: wired.runs.filter(({ node }) => node === search) }))
    const report = yield* run(plan)
    const named = (name: string) => report.nodes.find((node) => node.name === name)
    return { report, vectors: named(vectors.node.name), search: named("retrieve.dense") }
  }).pipe(Effect.provide(store))

describe("encoding in parts", () => {
  it.effect(
    "R69 vectors joined from any number of parts have the bytes of one encoding, so that nothing after runs",
    () =>
      Effect.gen(function* () {
        const whole = yield* encoded()
        expect(whole.vectors?.status).toBe("ran")
        for (const shards of [3, 30]) {
          const parts = yield* encoded(`encode.shards=${shards}`)
          const ran = parts.report.nodes.filter((node) => /\.\d+of\d+$/.test(node.name))
          expect(ran.map(({ status }) => status)).toEqual(Array.from({ length: shards }, () => "ran"))
          expect(parts.vectors?.outputs["vectors"]?.hash).toBe(whole.vectors?.outputs["vectors"]?.hash)
          expect(parts.vectors?.key).not.toBe(whole.vectors?.key)
          expect(parts.vectors?.facts).toEqual({ ...whole.vectors?.facts, shards })
          expect(parts.search?.status).toBe("hit")
        }
      }),
  )

  it("R69 each batch is in one part, as it is in the whole, and parts differ by one batch at most", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 80 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 9 }),
        (lengths, budget, of) => {
          const whole = packBatches(lengths, budget)
          const parts = Array.from({ length: of }, (_, at) => batchesOfPart(whole, lengths, { part: at + 1, of }))
          const batchesIn = ({ order, starts }: typeof whole) =>
            Array.from({ length: starts.length - 1 }, (_, b) => [...order.subarray(starts[b], starts[b + 1])])
          const all = batchesIn(whole)
          expect(parts.map(batchesIn)).toEqual(parts.map((_, at) => all.filter((_, batch) => batch % of === at)))
          const sum = (of: "tokens" | "padded") => parts.reduce((total, part) => total + part[of], 0)
          expect([sum("tokens"), sum("padded")]).toEqual([whole.tokens, whole.padded])
        },
      ),
    )
  })
})
