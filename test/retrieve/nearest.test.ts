import { truncateSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { layerOnnxRuntime, openVectorTable, VectorTableError, VectorUnusable } from "../../neural/index.ts"
import { compareBytes, Random } from "../../schemas/index.ts"
import { nearestVectors } from "../../stages/retrieve/nearest/nearestVectors.ts"
import { type NamedVectors, vectorTable, writeVectors } from "../support/vectorTables.ts"

const live = <A, E>(effect: Effect.Effect<A, E, Effect.Effect.Context<ReturnType<typeof nearestVectors>>>) =>
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

const search = (passages: NamedVectors, queries: ReadonlyArray<ReadonlyArray<number>>, k: number, threads = 1) =>
  Effect.gen(function* () {
    const table = yield* vectorTable(passages)
    const vectors = Float32Array.from(queries.flat())
    const found = yield* nearestVectors({ passages: table, queries: vectors, k, threads, seen: () => undefined })
    return found.map(({ scores, texts }) =>
      Array.from(texts, (text, at) => ({ docid: table.nameOf(text), score: scores[at] })),
    )
  })

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
          const found = yield* search(passages, queries, k)
          expect(found).toEqual(queries.map((query) => bruteForce(passages, query, k)))
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
        expect(yield* search(passages, queries, 100, 2)).toEqual(together)
        const alone = yield* Effect.forEach(queries, (query) => search(passages, [query], 100))
        expect(alone.flat()).toEqual(together)
      }),
    ),
  )

  it.effect("R60 there may be no passages and no queries", () =>
    live(
      Effect.gen(function* () {
        const none = yield* vectorTable([], 24)
        const options = { k: 10, threads: 1, seen: () => undefined }
        const found = yield* nearestVectors({ ...options, passages: none, queries: Float32Array.from(queries.flat()) })
        expect(found.map(({ texts }) => texts.length)).toEqual(queries.map(() => 0))
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
