import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { DuckDb, duckDbPromise, layerDuckDb } from "../../pipeline/index.ts"
import { compareBytes } from "../../schemas/index.ts"
import { rankedGrades } from "../../stages/evaluate/RankedGrades.ts"

interface Row {
  readonly qid: string
  readonly docid: string
  readonly rank: number
  readonly score: number
}

/** What the check of the stored order has to find, said the plain way. */
const inOrder = (rows: ReadonlyArray<Row>): boolean =>
  rows.every((row, i) => {
    const before = rows[i - 1]
    if (before === undefined || before.qid !== row.qid) {
      return row.rank === 1 && (before === undefined || compareBytes(before.qid, row.qid) < 0)
    }
    const tie = row.score === before.score && compareBytes(row.docid, before.docid) < 0
    return row.rank === before.rank + 1 && (row.score < before.score || tie)
  })

const rowsOf = fc.uniqueArray(
  fc.record({
    qid: fc.constantFrom("a", "b", "～", "😀"),
    docid: fc.constantFrom("x", "y", "～", "😀"),
    score: fc.integer({ min: 0, max: 2 }),
  }),
  { selector: ({ qid, docid }) => `${qid} ${docid}`, minLength: 1, maxLength: 6 },
)

/** Sorted rows with their ranks, then possibly one thing wrong with them. */
const stored = fc
  .tuple(rowsOf, fc.constantFrom("nothing", "swap", "rank", "drop", "ascending ties", "reverse"), fc.nat())
  .map(([rows, mischief, at]): ReadonlyArray<Row> => {
    const ties = mischief === "ascending ties" ? -1 : 1
    const sorted = [...rows].sort(
      (a, b) => compareBytes(a.qid, b.qid) || b.score - a.score || ties * compareBytes(b.docid, a.docid),
    )
    const ranked = sorted.map((row, i) => ({ ...row, rank: i - sorted.findIndex(({ qid }) => qid === row.qid) + 1 }))
    const i = at % ranked.length
    const row = ranked[i]!
    if (mischief === "swap") return ranked.toSpliced(i, 1).toSpliced((i + 1) % ranked.length, 0, row)
    if (mischief === "rank") return ranked.with(i, { ...row, rank: row.rank + (at % 2 === 0 ? 1 : -1) })
    if (mischief === "drop") return ranked.toSpliced(i, 1)
    return mischief === "reverse" ? ranked.toReversed() : ranked
  })
  .filter((rows) => rows.length > 0)

describe("the order of a stored run", () => {
  it.effect(
    "E12 is accepted exactly when every row stands where trec_eval's order puts it",
    () =>
      Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        const sql = (text: string) => duckDbPromise(connection, text, () => connection.run(text))
        yield* sql("CREATE TEMP TABLE judged_queries (ordinal INTEGER, qid VARCHAR)")
        yield* sql("CREATE TEMP TABLE judged_qrels (ordinal INTEGER, qid VARCHAR, docid VARCHAR, grade INTEGER)")
        let wrong = 0
        for (const rows of fc.sample(stored, { numRuns: 200, seed: 1 })) {
          const values = rows.map(({ qid, docid, rank, score }) => `('${qid}', '${docid}', ${rank}, ${score}::DOUBLE)`)
          yield* sql(
            `CREATE OR REPLACE TEMP TABLE stored AS FROM (VALUES ${values.join(", ")}) v (qid, docid, rank, score)`,
          )
          const { reranked } = yield* rankedGrades(connection, "stored", "run", 0)
          expect(reranked, JSON.stringify(rows)).toBe(!inOrder(rows))
          if (reranked) wrong++
        }
        expect(wrong).toBeGreaterThan(50)
        expect(wrong).toBeLessThan(150)
      }).pipe(Effect.scoped, Effect.provide(layerDuckDb())),
    120_000,
  )
})
