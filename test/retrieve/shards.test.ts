import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { makePlan, run } from "../../pipeline/index.ts"
import { services } from "../support/smallDag.ts"
import { type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { smallModel } from "../support/smallModels.ts"
import { temporaryFolder } from "../support/storedTable.ts"

const words = ["tower", "bread", "roses", "river", "garden", "market", "harbour", "old"]
const text = (seed: number, length: number) =>
  Array.from({ length }, (_, at) => words[(seed * 7 + at * at * 3 + at * seed) % words.length]).join(" ")

const collection: SmallCollection = {
  passages: Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`d${at}`, text(at, 2 + (at % 9))])),
  // The last of them is a passage, too.
  queries: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [at === 10 ? "d5" : `q${at}`, text(at + 20, 3)])),
}

const weights = join(temporaryFolder("vectors"), "weights.jsonl")
writeFileSync(
  weights,
  Object.entries(collection.passages)
    .map(
      ([id, text]) =>
        `${JSON.stringify({ id, vector: Object.fromEntries(text.split(" ").map((w, i) => [w, 1 + i])) })}\n`,
    )
    .join(""),
)

const settings = [
  "retrieve.depth=7",
  "retrieve.leaveOutOwn=true",
  `retrieve.dense=${JSON.stringify([smallModel("bert")])}`,
  `retrieve.sparse.vectors=${JSON.stringify(weights)}`,
]
const store = services(temporaryFolder("store"))

/** The runs of an experiment's first stages, by node. */
const searched = (...sets: Array<string>) =>
  Effect.gen(function* () {
    const wired = yield* wireSmall(collection, [], ...settings, ...sets)
    const runs = wired.runs.filter(({ node }) => node.name.startsWith("retrieve."))
    const report = yield* run(Either.getOrThrow(makePlan({ eval: runs })))
    const named = new Set(runs.map(({ node }) => node.name))
    return { report, runs: report.nodes.filter(({ name }) => named.has(name)) }
  }).pipe(Effect.provide(store))

describe("searching in parts", () => {
  const forms: ReadonlyArray<
    readonly [names: string, counts: ReadonlyArray<number>, divided: number, ...sets: Array<string>]
  > = [
    [
      "bm25, tfidf, wink-bm25, rm3, rocchio, sparse, dense",
      [4, 13],
      6,
      'retrieve.systems=["bm25","tfidf","wink-bm25"]',
      "retrieve.rm3.enabled=true",
      "retrieve.rocchio.enabled=true",
    ],
    ["fields, sparse, dense", [2], 3, 'retrieve.systems=["bm25"]', 'retrieve.bm25.fields={"text":1.5}'],
  ]
  for (const [names, counts, divided, ...sets] of forms) {
    it.effect(`R51 ${names}: runs joined of any number of parts have the bytes of one search`, () =>
      Effect.gen(function* () {
        const whole = yield* searched(...sets)
        for (const shards of counts) {
          const parts = yield* searched(...sets, `retrieve.shards=${shards}`)
          const ran = parts.report.nodes.filter(({ name }) => /\.\d+of\d+$/.test(name))
          expect(ran.length).toBe(divided * shards)
          expect(parts.runs.map(({ name, outputs }) => [name, outputs["run"]?.hash])).toEqual(
            whole.runs.map(({ name, outputs }) => [name, outputs["run"]?.hash]),
          )
          for (const [at, { facts, name }] of parts.runs.entries()) {
            const { feedbackDocuments: _, ...counted } = whole.runs[at]?.facts ?? {}
            expect(facts, name).toEqual({ ...counted, ...(name === "retrieve.wink-bm25" ? {} : { shards }) })
          }
        }
      }),
    )
  }
})
