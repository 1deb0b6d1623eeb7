import { truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Scope } from "effect/Scope"
import {
  layerOnnxRuntime,
  type OnnxRuntime,
  openVectorTable,
  VectorTableError,
  VectorUnusable,
} from "../../neural/index.ts"
import { compareBytes, Random } from "../../schemas/index.ts"
import type { FirstPass } from "../../stages/retrieve/nearest/NearestSets.ts"
import { openNearest } from "../../stages/retrieve/nearest/nearestVectors.ts"
import { type NamedVectors, vectorTable, writeVectors } from "../support/vectorTables.ts"

const live = <A, E>(effect: Effect.Effect<A, E, OnnxRuntime | Scope>) =>
  effect.pipe(Effect.scoped, Effect.provide(layerOnnxRuntime))

const random = new Random(7)
const number = (): number => Math.fround(random.next() / 2 ** 31 - 1)
const vectorOf = (dimensions: number): ReadonlyArray<number> => Array.from({ length: dimensions }, number)

/** A product in 64 bits: of four sums, one for each remainder of the dimension by 4. */
const product = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  const sum = (remainder: number): number =>
    a.reduce((sum, value, i) => (i % 4 === remainder ? sum + value * (b[i] ?? 0) : sum), 0)
  return sum(0) + sum(2) + (sum(1) + sum(3))
}

/** What ranks: that product, rounded once; then docids descending. */
const bruteForce = (passages: NamedVectors, query: ReadonlyArray<number>, k: number) =>
  passages
    .map(([docid, vector]) => ({
      docid,
      score: Math.fround(product(vector, query)),
    }))
    .sort((a, b) => b.score - a.score || compareBytes(b.docid, a.docid))
    .slice(0, k)

const searched = (
  passages: NamedVectors,
  queries: ReadonlyArray<ReadonlyArray<number>>,
  k: number,
  { first, threads = 1 }: { readonly first?: FirstPass; readonly threads?: number } = {},
) =>
  Effect.gen(function* () {
    const table = yield* vectorTable(passages)
    const nearest = yield* openNearest(table, threads, 1)
    const given = { queries: Float32Array.from(queries.flat()), k, seen: () => undefined }
    const found = yield* nearest(first === undefined ? given : { ...given, first })
    const rankings = found.nearest.map(({ scores, texts }) =>
      Array.from(texts, (text, at) => ({ docid: table.nameOf(text), score: scores[at] })),
    )
    return { ...found, rankings }
  })

const search = (...given: Parameters<typeof searched>) => Effect.map(searched(...given), ({ rankings }) => rankings)

/** More than two blocks, with copies, whose docids are in no order, and near copies. */
const passages: NamedVectors = Array.from(
  { length: 2600 },
  (_, at) => [`é${(at * 7919) % 2600}`, vectorOf(24)] as const,
)
  .map(([docid, vector], at, all) => [docid, at % 5 === 4 ? (all[at - 3]?.[1] ?? vector) : vector] as const)
  .map(([docid, vector], at) => [
    docid,
    at % 11 === 0 ? vector.map((each) => Math.fround(each * (1 + 2 ** -22))) : vector,
  ])
const queries = Array.from({ length: 9 }, () => vectorOf(24))

describe("nearest vectors", () => {
  it.effect.each([1, 10, 700, 2600, 5000])(
    "R60 the first %s are those of all products, ties by docid descending",
    (k) =>
      live(
        Effect.gen(function* () {
          const expected = queries.map((query) => bruteForce(passages, query, k))
          expect(yield* search(passages, queries, k)).toEqual(expected)
          expect(yield* search(passages, queries, k, { first: "int8" })).toEqual(expected)
        }),
      ),
  )

  it.effect(
    "R60 in 8 bits first: vectors of any length, of odd dimensions, far from zero, of numbers that differ in size",
    () =>
      live(
        Effect.gen(function* () {
          for (const [dimensions, scale] of [
            [1, 1],
            [7, 1e-9],
            [13, 1e9],
          ] as const) {
            const centre = vectorOf(dimensions).map((each) => 20 * each)
            const vector = (at: number) =>
              vectorOf(dimensions).map((each, i) =>
                Math.fround(scale * ((at % 3) * centre[i]! + each * (i === 1 ? 30 : 1) * (1 + (at % 5)))),
              )
            const vectors: NamedVectors = Array.from({ length: 900 }, (_, at) => [`d${at}`, vector(at + 1)])
            const asked = Array.from({ length: 5 }, (_, at) => vector(at + 1))
            const expected = asked.map((query) => bruteForce(vectors, query, 20))
            expect(yield* search(vectors, asked, 20, { first: "int8" })).toEqual(expected)
          }
        }),
      ),
  )

  it.effect(
    "R63 a sample's floors change nothing; of what no sample tells, queries are searched for again, and how many is said",
    () =>
      live(
        Effect.gen(function* () {
          // All that is near one query lies where no sample looks: what is sampled is far, or all the same.
          const direction = (at: number) => [Math.fround(Math.sin(at)), Math.fround(Math.cos(at)), 0, 0]
          const many: NamedVectors = Array.from({ length: 17_000 }, (_, at) => [
            `d${(at * 7919) % 17_000}`,
            at % 40 === 0 ? [0, 0, Math.fround(1 + at / 17_000), 0] : direction(at),
          ])
          const asked = [
            [1, 0, 0, 0],
            [0, 0, 1, 0],
            [0.75, 0.5, 0, 0],
            [0, 0, 0, 1],
          ]
          const { rankings, again, inFull } = yield* searched(many, asked, 500)
          expect(rankings).toEqual(asked.map((query) => bruteForce(many, query, 500)))
          expect([again, inFull]).toEqual([expect.any(Number), expect.any(Number)])
          expect((yield* searched(many, asked, 500, { first: "fp32" })).rankings).toEqual(rankings)
        }),
      ),
  )

  it.effect("R60 no matter how many copies are as near as the last", () =>
    live(
      Effect.gen(function* () {
        const [one, other] = [vectorOf(8), vectorOf(8)]
        const copies: NamedVectors = Array.from({ length: 20_000 }, (_, at) => [
          `d${(at * 7919) % 20_000}`,
          at % 4000 === 17 ? other : one,
        ])
        const found = yield* search(copies, [one, other], 12)
        expect(found).toEqual([one, other].map((query) => bruteForce(copies, query, 12)))
      }),
    ),
  )

  it.effect("R61 the threads and the other queries change nothing", () =>
    live(
      Effect.gen(function* () {
        const together = yield* search(passages, queries, 100)
        expect(yield* search(passages, queries, 100, { threads: 2 })).toEqual(together)
        const alone = yield* Effect.forEach(queries, (query) => search(passages, [query], 100))
        expect(alone.flat()).toEqual(together)
      }),
    ),
  )

  it.effect("R60 there may be no passages and no queries", () =>
    live(
      Effect.gen(function* () {
        const none = yield* vectorTable([], 24)
        const nearest = yield* openNearest(none, 1)
        const asked = Float32Array.from(queries.flat())
        const found = yield* nearest({ queries: asked, k: 10, seen: () => undefined })
        expect(found.nearest.map(({ texts }) => texts.length)).toEqual(queries.map(() => 0))
        expect(yield* search(passages.slice(0, 3), [], 10)).toEqual([])
      }),
    ),
  )

  it.effect("R62 a vector that is zero or holds no number is an error that names its text", () =>
    live(
      Effect.gen(function* () {
        for (const [vector, why] of [
          [[0, 0], "is zero"],
          [[1, Number.NaN], "has a number that is none"],
          [[2 ** 100, 0], `has the length ${2 ** 100}`],
        ] as const) {
          const error = yield* Effect.flip(
            vectorTable([
              ["d1", [1, 2]],
              ["d2", vector],
            ]),
          )
          expect(error).toBeInstanceOf(VectorUnusable)
          expect(error.message).toContain("d2")
          expect(error.message).toContain(why)
        }
      }),
    ),
  )

  it.effect("R62 a table whose files do not fit together is an error that names the file", () =>
    live(
      Effect.gen(function* () {
        for (const [file, bytes] of [
          ["vectors.f32", 20],
          ["names", 3],
          ["vectors.json", 5],
        ] as const) {
          const folder = yield* writeVectors([
            ["d1", [1, 2]],
            ["d2", [3, 4]],
            ["d3", [5, 6]],
          ])
          truncateSync(join(folder, file), bytes)
          const error = yield* Effect.flip(openVectorTable(folder))
          expect(error).toBeInstanceOf(VectorTableError)
          expect(error.message).toContain(folder)
        }
      }),
    ),
  )
})
