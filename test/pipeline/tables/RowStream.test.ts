import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { beforeAll, describe, expect, it } from "vitest"
import {
  type ColumnBatch,
  DuckDb,
  duckDbPromise,
  layerDuckDb,
  readBatches,
  readRows,
  rowsOf,
  type StoredArtifact,
  streamRows,
  tableSource,
  tableWriter,
} from "../../../pipeline/index.ts"
import { Kinds } from "../../../schemas/index.ts"
import { candidateRows } from "../../../stages/candidates/CandidateRows.ts"
import { storedFolder, temporaryFolder } from "../../support/storedTable.ts"

const rows = 400_000
const perQuery = 100

/** Runs of a hundred results, as columns. */
const someRows = (from: number, count: number): ColumnBatch<Kinds.Run> => {
  const at = Array.from({ length: count }, (_, i) => from + i)
  return {
    system: at.map(() => "bm25"),
    qid: at.map((i) => `q${String(Math.floor(i / perQuery)).padStart(6, "0")}`),
    docid: at.map((i) => `d${(Math.imul(i, 2_654_435_761) >>> 0).toString(36)}`),
    rank: at.map((i) => (i % perQuery) + 1),
    score: at.map((i) => 100 - (i % perQuery) + ((Math.imul(i, 40_503) >>> 0) % 1000) / 1e4),
  }
}

const inDuckDb = <A, E>(effect: Effect.Effect<A, E, DuckDb>) =>
  Effect.runPromise(effect.pipe(Effect.provide(layerDuckDb())))

const written = (path: string, count: number) =>
  inDuckDb(
    Effect.scoped(
      Effect.gen(function* () {
        const writer = yield* tableWriter(Kinds.Run, path)
        for (let from = 0; from < count; from += 20_000) {
          yield* writer.writeColumns(someRows(from, Math.min(20_000, count - from)))
        }
        return yield* writer.finish
      }),
    ),
  )

/** Changes the first byte of the last zstd frame of a column: of a byte inside of a frame zstd itself may not see the change. */
const damageLate = async (folder: string, column: string): Promise<void> => {
  const [file = ""] = readdirSync(folder)
  const path = join(folder, file)
  const [where] = await inDuckDb(
    Effect.scoped(
      Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        const sql = `SELECT data_page_offset FROM parquet_metadata('${path}')
          WHERE path_in_schema = '${column}' ORDER BY row_group_id DESC LIMIT 1`
        return (yield* duckDbPromise(connection, sql, () => connection.runAndReadAll(sql))).getRows()[0] ?? []
      }),
    ),
  )
  const bytes = readFileSync(path)
  const at = bytes.indexOf(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd), Number(where))
  expect(at).toBeGreaterThan(0)
  bytes[at] = (bytes[at] ?? 0) ^ 0x5a
  writeFileSync(path, bytes)
}

const counted = (artifact: StoredArtifact<Kinds.Run>, columns: ReadonlyArray<"docid" | "score" | "rank">) =>
  Stream.runFold(readBatches(artifact, columns), 0, (sum, batch) => sum + (batch[columns[0]!]?.length ?? 0))

const countedRows = (sql: string) =>
  Effect.scoped(
    Effect.gen(function* () {
      const next = yield* streamRows(yield* (yield* DuckDb).connect, sql)
      let sum = 0
      for (;;) {
        const batch = yield* next
        if (batch === undefined) return sum
        sum += rowsOf(batch).length
      }
    }),
  )

const failure = <A, E>(effect: Effect.Effect<A, E, DuckDb>) =>
  inDuckDb(Effect.either(effect)).then((result) =>
    result._tag === "Left" ? String(result.left) : `succeeded with ${String(result.right)}`,
  )

describe("streams of rows", () => {
  const whole = storedFolder(Kinds.Run, temporaryFolder("whole"))
  const broken = storedFolder(Kinds.Run, temporaryFolder("broken"))
  beforeAll(async () => {
    for (const { path } of [whole, broken]) expect(await written(path, rows)).toBe(rows)
    await damageLate(broken.path, "docid")
  }, 60_000)

  it("C80 a table is read whole: every row, from its files or from a query, in their order", async () => {
    expect(await inDuckDb(counted(whole, ["docid", "score"]))).toBe(rows)
    expect(await inDuckDb(countedRows(`SELECT docid, rank FROM ${tableSource(whole)} WHERE rank <= 30`))).toBe(120_000)
    expect(await inDuckDb(countedRows(`SELECT docid FROM ${tableSource(whole)} WHERE rank > 1000`))).toBe(0)
    const ranks = await inDuckDb(
      Stream.runFold(readBatches(whole, ["rank"]), { at: 0, right: true }, (before, { rank }) => ({
        at: before.at + rank.length,
        right: before.right && rank.every((value, i) => value === ((before.at + i) % perQuery) + 1),
      })),
    )
    expect(ranks).toEqual({ at: rows, right: true })
    const sql = `SELECT docid, score FROM ${tableSource(whole)} ORDER BY score DESC, docid`
    const sorted = await inDuckDb(
      Effect.scoped(
        Effect.gen(function* () {
          const next = yield* streamRows(yield* (yield* DuckDb).connect, sql)
          let last = Number.POSITIVE_INFINITY
          let right = 0
          for (;;) {
            const batch = yield* next
            if (batch === undefined) return right
            for (const score of batch[1] ?? []) {
              if (Number(score) <= last) right++
              last = Number(score)
            }
          }
        }),
      ),
    )
    expect(sorted).toBe(rows)
  })

  it("C80 or not at all: with one byte of a late frame changed every reader fails, and says how far it came", async () => {
    expect(await failure(counted(broken, ["docid", "score"]))).toMatch(/broke off after \d+ rows/)
    expect(await failure(readRows(broken))).toMatch(/broke off after \d+ rows/)
    expect(await failure(countedRows(`SELECT docid FROM ${tableSource(broken)} WHERE rank <= 30`))).toMatch(/broke off/)
    // Sorting reads everything before the first row, so that DuckDB's own words come through.
    expect(await failure(countedRows(`SELECT docid FROM ${tableSource(broken)} ORDER BY docid`))).toMatch(
      /Failed to read/,
    )
    // What does not touch the column does not see it.
    expect(await inDuckDb(counted(broken, ["score"]))).toBe(rows)
    const qrels = storedFolder(Kinds.Qrels, temporaryFolder("qrels"))
    await inDuckDb(Effect.scoped(Effect.flatMap(tableWriter(Kinds.Qrels, qrels.path), (writer) => writer.finish)))
    const candidates = Effect.scoped(
      Effect.gen(function* () {
        const next = yield* candidateRows(broken, qrels, 50)
        for (let sum = 0; ; ) {
          const batch = yield* next
          if (batch === null) return sum
          sum += batch.length
        }
      }),
    )
    expect(await failure(candidates)).toMatch(/broke off after \d+ rows/)
  })

  it("C80 files that hold fewer rows than their footers say, and a stream that another statement ended, are errors", async () => {
    const interrupted = Effect.scoped(
      Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        const next = yield* streamRows(connection, `SELECT docid FROM ${tableSource(whole)}`)
        yield* next
        yield* duckDbPromise(connection, "another", () => connection.run("SELECT 1"))
        let read = 0
        for (;;) {
          const batch = yield* next
          if (batch === undefined) return read
          read += batch[0]?.length ?? 0
        }
      }),
    )
    expect(await failure(interrupted)).toMatch(/broke off/)
    const few = Effect.scoped(
      Effect.gen(function* () {
        const next = yield* streamRows(yield* (yield* DuckDb).connect, "SELECT 1 AS x", "SELECT 3")
        yield* next
        return yield* next
      }),
    )
    expect(await failure(few)).toMatch(/broke off after 1 of 3 rows/)
  })

  it("C80 nothing in the program reads a stream of DuckDB's by itself", () => {
    const root = join(import.meta.dirname, "../../..")
    const sources = ["cli", "pipeline", "stages", "measures", "neural"].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".ts"))
        .map((name) => join(folder, name)),
    )
    const streaming = /\.fetchChunk\(|\bconnection\.(?:stream|startStream|streamAndRead\w*)\(|\.fetchAllChunks\(/
    expect(sources.filter((name) => streaming.test(readFileSync(join(root, name), "utf8")))).toEqual([
      join("pipeline", "tables", "RowStream.ts"),
    ])
    expect(sources.filter((name) => /read_parquet\('/.test(readFileSync(join(root, name), "utf8")))).toEqual([])
  })

  it("C81 a table is read as it is written wherever the store lies: patterns and key=value in its path are only names", async () => {
    for (const name of ["system=other", "rank=7", "a[1]", "what*?", "it's", "{x},y"]) {
      const artifact = storedFolder(Kinds.Run, join(temporaryFolder("odd"), name, "table"))
      mkdirSync(artifact.path, { recursive: true })
      await written(artifact.path, 3)
      const read = await inDuckDb(readRows(artifact))
      expect([name, read.map(({ system, rank }) => [system, rank])]).toEqual([
        name,
        [1, 2, 3].map((rank) => ["bm25", rank]),
      ])
    }
  })

  it("C82 no stage adds doubles in an order that threads decide, or takes the first of equals", () => {
    const root = join(import.meta.dirname, "../../../stages")
    const statements = readdirSync(root, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes(".browser."))
      .flatMap((name) =>
        [...readFileSync(join(root, name), "utf8").matchAll(/[`"][^`]*?\b(?:SELECT|WITH|COPY)\b[^`]*?[`"]/g)].map(
          ([sql]) => `${name}: ${sql}`,
        ),
      )
    expect(statements.length).toBeGreaterThan(20)
    const threads = /\b(?:sum|avg|mean|fsum|favg|stddev\w*|var\w*|corr|product|kahan_sum)\s*\(/i
    expect(statements.filter((sql) => threads.test(sql))).toEqual([])
    expect(statements.filter((sql) => /\b(?:arg_max|arg_min|max_by|min_by|first|last|mode)\s*\(/i.test(sql))).toEqual(
      [],
    )
  })
})
