import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { largestTable, readForTable, type SqlAnswer, streamSql } from "../../cli/SqlAnswer.ts"
import { querySql, type SqlResult } from "../../cli/SqlResult.ts"
import { DuckDb, type DuckDbError, layerDuckDb } from "../../pipeline/index.ts"

const asked = <A, E>(sql: string, read: (answer: SqlAnswer) => Effect.Effect<A, E>): Promise<A> =>
  Effect.gen(function* () {
    return yield* read(yield* streamSql(yield* (yield* DuckDb).connect, sql))
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.runPromise)

const streamed = (sql: string) => asked(sql, (answer) => readForTable(answer, "table"))

const whole = (sql: string): Promise<SqlResult> =>
  Effect.gen(function* () {
    return yield* querySql(yield* (yield* DuckDb).connect, sql)
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()), Effect.runPromise)

const counted = ({ next }: SqlAnswer): Effect.Effect<ReadonlyArray<number>, DuckDbError> =>
  Effect.gen(function* () {
    const batches: Array<number> = []
    for (;;) {
      const rows = yield* next
      if (rows === undefined) return batches
      batches.push(rows.length)
    }
  })

describe("answers that are read as they come", () => {
  it.each([
    ["every type", "SELECT * FROM test_all_types()"],
    ["no rows", "SELECT 1 AS a WHERE false"],
    ["names that come twice", 'SELECT 1 AS a, 2 AS a, 3 AS A, 4 AS c0, NULL AS "rankdag.end"'],
    ["an order", "SELECT i FROM range(5000) t(i) ORDER BY hash(i)"],
    ["a semicolon and a comment", "SELECT ';' AS a -- of one row\n ; "],
    ["a comment at the end", "FROM range(3) -- all"],
    ["a pivot", "PIVOT (SELECT i % 3 AS i, i % 2 AS j FROM range(12) t(i)) ON j USING count(*) ORDER BY i"],
    ["what is no query", "PRAGMA table_info('duckdb_types')"],
    ["a description", "DESCRIBE SELECT 1 AS a, 'x' AS b"],
  ])("L213 have the rows, the names and the values of answers that are read at once: %s", async (_, sql) => {
    expect(await streamed(sql)).toEqual(await whole(sql))
  })

  it("L213 are never held whole, and end where nobody reads on", async () => {
    const batches = await asked("SELECT i, i * 2 FROM range(300000) t(i)", counted)
    expect(batches.reduce((sum, rows) => sum + rows, 0)).toBe(300_000)
    expect(Math.max(...batches)).toBeLessThanOrEqual(2048)
    const first = await asked("SELECT i FROM range(3000000) t(i)", ({ next }) => next)
    expect(first?.slice(0, 2)).toEqual([["0"], ["1"]])
  })

  it("L213 that break off say why, in DuckDB's words", async () => {
    const late = "SELECT CASE WHEN i = 200000 THEN 'x' ELSE '1' END::INTEGER AS a FROM range(250000) t(i)"
    await expect(asked(late, counted)).rejects.toThrow("Could not convert string 'x' to INT32")
    await expect(streamed("SELECT nope")).rejects.toThrow('Referenced column "nope" was not found')
  })

  it("L150 are laid out up to a number of rows, and beyond it say how they are printed", async () => {
    const rows = (count: number) => streamed(`SELECT i FROM range(${count}) t(i)`)
    expect((await rows(largestTable)).rows).toHaveLength(largestTable)
    await expect(rows(largestTable + 1)).rejects.toThrow(/more than 250,000 rows.*LIMIT 100.*--format csv/)
  })
})
