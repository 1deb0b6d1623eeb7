import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { describe, expect, it } from "vitest"
import { DuckDb, type DuckDbError, duckDbPromise, layerDuckDb, streamRows } from "../../../pipeline/index.ts"

/** Takes minutes, and gives nothing before its end. */
const endless = "SELECT sum(sqrt(a.range * b.range)) AS sum FROM range(1000000) AS a, range(1000000) AS b"

describe("DuckDB's client", () => {
  it("C140 an interruption stops the statement that is under way, and the connection goes on", async () => {
    const seconds = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const connection = yield* (yield* DuckDb).connect
          const run = (sql: string) => duckDbPromise(connection, sql, () => connection.runAndReadAll(sql))
          yield* run("CREATE TEMP TABLE kept AS SELECT 1 AS one")
          const started = performance.now()
          for (const milliseconds of [0, 100]) {
            const works: ReadonlyArray<Effect.Effect<unknown, DuckDbError>> = [
              run(endless),
              streamRows(connection, endless),
              run(`COPY (${endless}) TO '/dev/null'`),
            ]
            for (const work of works) {
              const fiber = yield* Effect.fork(work)
              yield* Effect.sleep(milliseconds)
              expect(Exit.isInterrupted(yield* Fiber.interrupt(fiber))).toBe(true)
            }
          }
          expect((yield* run("SELECT one FROM kept")).getRows()).toEqual([[1]])
          return (performance.now() - started) / 1000
        }),
      ).pipe(Effect.provide(layerDuckDb())),
    )
    expect(seconds).toBeLessThan(5)
  })
})
