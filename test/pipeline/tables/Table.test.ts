import { createHash } from "node:crypto"
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { afterAll, describe, expect, it } from "vitest"
import {
  joinTables,
  layerDuckDb,
  readBatches,
  readRows,
  type StoredArtifact,
  tableWriter,
} from "../../../pipeline/index.ts"
import { Kinds, type TableKind } from "../../../schemas/index.ts"

const scratch = mkdtempSync(join(tmpdir(), "rankdag-table-"))
afterAll(() => rmSync(scratch, { recursive: true }))

const fresh = (name: string): string => {
  const path = join(scratch, name)
  mkdirSync(path)
  return path
}

const stored = <K extends TableKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  hash: "",
  path,
  from: "test",
})

const digest = (path: string): string =>
  readdirSync(path)
    .sort()
    .map(
      (file) =>
        `${file} ${createHash("sha256")
          .update(readFileSync(join(path, file)))
          .digest("hex")}`,
    )
    .join("\n")

const passage = (i: number) => ({
  docid: `d${i}`,
  title: i % 3 === 0 ? null : `Title ${i}`,
  text: `text 😀 of ${i}\u0000'"`,
})

const write = (path: string, rows: number, threads: number, first = 0) =>
  Effect.gen(function* () {
    const writer = yield* tableWriter(Kinds.Passages, path)
    for (let from = 0; from < rows; from += 1000) {
      yield* writer.writeRows(Array.from({ length: Math.min(1000, rows - from) }, (_, i) => passage(first + from + i)))
    }
    return yield* writer.finish
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb({ threads })))

describe("tables", () => {
  it("C70 rows come back in the order in which they were written, whatever their number", async () => {
    for (const rows of [0, 1, 2047, 2048, 2049, 10_000]) {
      const path = fresh(`order-${rows}`)
      expect(await Effect.runPromise(write(path, rows, 2))).toBe(rows)
      const read = await Effect.runPromise(
        readRows(stored(Kinds.Passages, path)).pipe(Effect.provide(layerDuckDb({ threads: 2 }))),
      )
      expect(read).toEqual(Array.from({ length: rows }, (_, i) => passage(i)))
    }
  })

  it("C71 the same rows give the same bytes, whatever the number of threads; long tables are split in parts", async () => {
    const one = fresh("bytes-1")
    const two = fresh("bytes-2")
    await Effect.runPromise(write(one, 600_000, 1))
    await Effect.runPromise(write(two, 600_000, 2))
    expect(readdirSync(one).sort()).toEqual(["part-00000.parquet", "part-00001.parquet"])
    expect(digest(one)).toBe(digest(two))
    const docids = await Effect.runPromise(
      Stream.runCollect(readBatches(stored(Kinds.Passages, two), ["docid"])).pipe(
        Effect.provide(layerDuckDb({ threads: 2 })),
      ),
    )
    const flat = Chunk.toReadonlyArray(docids).flatMap((batch) => batch.docid)
    expect(flat.length).toBe(600_000)
    expect(flat.every((docid, i) => docid === `d${i}`)).toBe(true)
    for (const [from, to] of [
      [0, 3],
      [491_000, 493_000],
      [599_999, 600_000],
      [5, 5],
    ] as const) {
      const some = await Effect.runPromise(
        Stream.runCollect(readBatches(stored(Kinds.Passages, two), ["docid"], { from, to })).pipe(
          Effect.provide(layerDuckDb({ threads: 2 })),
        ),
      )
      expect(Chunk.toReadonlyArray(some).flatMap(({ docid }) => docid)).toEqual(flat.slice(from, to))
    }
    const beyond = Stream.runDrain(readBatches(stored(Kinds.Passages, two), ["docid"], { from: 599_999, to: 600_001 }))
    const failure = await Effect.runPromise(Effect.flip(beyond).pipe(Effect.provide(layerDuckDb({ threads: 2 }))))
    expect(failure.message).toContain("broke off after 1 of 2 rows")
  })

  it("C72 tables joined have the bytes of one table of their rows", async () => {
    const [whole, joined] = [fresh("joined-whole"), fresh("joined")]
    await Effect.runPromise(write(whole, 7000, 2))
    const parts = [2100, 0, 4900].map((rows) => ({ path: fresh(`joined-${rows}`), rows }))
    let from = 0
    for (const { path, rows } of parts) {
      await Effect.runPromise(write(path, rows, 1, from))
      from += rows
    }
    const tables = parts.map(({ path }) => stored(Kinds.Passages, path))
    const count = await Effect.runPromise(
      joinTables(tables, Kinds.Passages, joined).pipe(Effect.provide(layerDuckDb({ threads: 2 }))),
    )
    expect(count).toBe(7000)
    expect(digest(joined)).toBe(digest(whole))
  })
})
