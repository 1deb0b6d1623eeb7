import { copyFileSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { Executor, nodeNamed, type SmallCollection, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"

const made = (name: string): string => new URL(`../reference/vectors/${name}`, import.meta.url).pathname

const Found = Schema.Record({ key: Schema.String, value: Schema.Array(Schema.Tuple(Schema.String, Schema.Number)) })
const golden = Schema.decodeUnknownSync(
  Schema.parseJson(Schema.Struct({ product: Found, half: Found, cosine: Found })),
)(readFileSync(made("golden.json"), "utf8"))

const collection: SmallCollection = {
  passages: Object.fromEntries(Array.from({ length: 30 }, (_, at) => [`p${at}é`, "text"])),
  queries: { q0: "a", q1: "b", q2: "c", q3: "d" },
  test: ["q0", "q1", "q2", "q3"].map((qid) => [qid, "p1é", 1]),
}

/** The first five of each query by vectors of these files. */
const found = (files: Readonly<Record<string, string>>, of = collection) =>
  Effect.gen(function* () {
    const vectors = JSON.stringify([{ name: "elsewhere", ...files }])
    const wired = yield* wireSmall(of, [], `retrieve.vectors=${vectors}`, 'retrieve.splits=["test"]')
    const { outputs } = yield* new Executor().make(nodeNamed(wired, "retrieve.dense.elsewhere"))
    const rows = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
    const qids = [...new Set(rows.map(({ qid }) => qid))]
    return Object.fromEntries(
      qids.map((qid) => [
        qid,
        rows.filter((row) => row.qid === qid && row.rank <= 5).map(({ docid, score }) => [docid, score] as const),
      ]),
    )
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()))

const failure = (files: Readonly<Record<string, string>>, of = collection) =>
  Effect.map(Effect.flip(found(files, of)), (error) => `${"_tag" in error ? error._tag : ""}: ${error.message}`)

const near = (of: typeof Found.Type) =>
  Object.fromEntries(
    Object.entries(of).map(([qid, all]) => [
      qid,
      all.map(([docid, score]): ReadonlyArray<unknown> => [docid, expect.closeTo(score, 6)]),
    ]),
  )

/** A copy of NumPy's file with its ids, changed. */
const changed = (change: (bytes: Buffer) => Buffer, ids = (lines: string): string => lines): string => {
  const folder = temporaryFolder("vectors")
  writeFileSync(join(folder, "changed.npy"), change(readFileSync(made("passages.npy"))))
  writeFileSync(join(folder, "changed.txt"), ids(readFileSync(made("passages.txt"), "utf8")))
  return join(folder, "changed.npy")
}

/** With some numbers of NumPy's matrix of 6 columns set. */
const withRow = (row: number, numbers: ReadonlyArray<number>) =>
  changed((bytes) => {
    const start = bytes.length - 30 * 6 * 4
    numbers.forEach((number, i) => bytes.writeFloatLE(number, start + 4 * (6 * row + i)))
    return bytes
  })

const queries = made("queries.npy")

describe("vectors made elsewhere", () => {
  it.effect("R90 NumPy's matrices, float32 and float16, and PyArrow's lists find what NumPy finds", () =>
    Effect.gen(function* () {
      const inFull = near(golden.product)
      expect(yield* found({ passages: made("passages.npy"), queries })).toEqual(inFull)
      expect(yield* found({ passages: made("passages.parquet"), queries: made("queries.parquet") })).toEqual(inFull)
      expect(yield* found({ passages: made("half.npy"), queries })).toEqual(near(golden.half))
    }),
  )

  it.effect("R90 by cosine, vectors are of length 1", () =>
    Effect.gen(function* () {
      const files = { passages: made("passages.npy"), queries, similarity: "cosine" }
      expect(yield* found(files)).toEqual(near(golden.cosine))
    }),
  )

  it.effect("R91 what cannot be used is an error that names the file and the vector", () =>
    Effect.gen(function* () {
      const said = (passages: string) => failure({ passages, queries })
      expect(yield* said(changed((bytes) => bytes.subarray(0, 300)))).toContain(
        "VectorFileUnusable: changed.npy: it has 300 bytes, and 30 vectors of 6 numbers take 848",
      )
      expect(yield* said(changed((bytes) => bytes.subarray(0, 40)))).toContain("its header is cut short")
      expect(yield* said(changed(() => Buffer.from("no array")))).toContain("changed.npy: it is no .npy file")
      expect(yield* said(withRow(4, [Number.NaN]))).toContain(
        "changed.npy, vector 5: its vector has a number that is none, or one too great (docid p28é)",
      )
      expect(yield* said(withRow(0, [0, 0, 0, 0, 0, 0]))).toContain("changed.npy, vector 1: its vector is zero")
      const same = (bytes: Buffer) => bytes
      expect(yield* said(changed(same, (lines) => lines.replace("p7é", "p70")))).toContain(
        "changed.npy, vector 2: the collection has no such text (docid p70)",
      )
      expect(yield* said(changed(same, (lines) => lines.replace("p7é", "p0é")))).toContain(
        "changed.npy, vector 2: it comes a second time (docid p0é)",
      )
      expect(yield* said(changed(same, (lines) => `${lines}more\n`))).toContain(
        "changed.txt: it has 31 lines, and changed.npy 30 vectors",
      )
      for (const [name, problem] of [
        ["fortran", "it lies column by column"],
        ["doubles", "its numbers are <f8, not <f4 (float32) or <f2 (float16)"],
      ] as const) {
        const folder = temporaryFolder("vectors")
        copyFileSync(made(`${name}.npy`), join(folder, `${name}.npy`))
        copyFileSync(made("passages.txt"), join(folder, `${name}.txt`))
        expect(yield* said(join(folder, `${name}.npy`))).toContain(`${name}.npy: ${problem}`)
      }
    }),
  )

  it.effect("R91 texts without a vector, and vectors of other models together, are errors", () =>
    Effect.gen(function* () {
      const more = { ...collection, passages: { ...collection.passages, x1: "text" } }
      expect(yield* failure({ passages: made("passages.npy"), queries }, more)).toContain(
        "passages.npy: 1 of 31 texts have no vector, such as docid x1",
      )
      const folder = temporaryFolder("vectors")
      const wide = join(folder, "wide.parquet")
      const ragged = join(folder, "ragged.parquet")
      const other = join(folder, "other.parquet")
      yield* Effect.gen(function* () {
        const connection = yield* (yield* DuckDb).connect
        const write = (select: string, path: string) =>
          Effect.promise(() => connection.run(`COPY (${select}) TO '${path}' (FORMAT parquet)`))
        yield* write("SELECT 'q' || i AS qid, [1.0::FLOAT, 2.0] AS vector FROM range(4) t(i)", wide)
        yield* write(
          "SELECT 'p' || i || 'é' AS docid, list_resize([1.0::FLOAT], 2 + i // 3, 1) AS vector FROM range(30) t(i)",
          ragged,
        )
        yield* write("SELECT 'p' || i || 'é' AS id, [i] AS vector FROM range(30) t(i)", other)
      }).pipe(Effect.scoped, Effect.provide(layerDuckDb()))
      const passages = made("passages.npy")
      expect(yield* failure({ passages, queries: wide })).toContain(
        "VectorsUnsuitable: elsewhere: queries' vectors have 2 numbers and passages' 6",
      )
      expect(yield* failure({ passages: ragged, queries })).toContain(
        "ragged.parquet, vector 4: its vector has 3 numbers, and the first one's 2",
      )
      expect(yield* failure({ passages: other, queries })).toContain(
        "other.parquet: it has no column docid; there are id, vector",
      )
      expect(yield* failure({ passages: made("golden.json").replace("json", "parquet"), queries })).toMatch(/golden/)
    }),
  )
})
