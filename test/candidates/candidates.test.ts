import { execFileSync } from "node:child_process"
import { existsSync, readFileSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { DuckDb, duckDbPromise, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { run as runStage } from "../../stages/candidates/candidates.ts"
import { randomPair } from "../support/randomRuns.ts"
import { storedFolder, storedTable, temporaryFolder } from "../support/storedTable.ts"

interface Result {
  readonly system: string
  readonly qid: string
  readonly docid: string
  readonly rank: number
  readonly score: number
}
interface Qrel {
  readonly qid: string
  readonly docid: string
  readonly grade: number
}

const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

const materialise = (
  depth: number,
  run: ReadonlyArray<Result>,
  qrels: ReadonlyArray<Qrel>,
  folder = temporaryFolder("candidates"),
) =>
  Effect.gen(function* () {
    const outputs = { candidates: folder }
    const result = yield* runStage({
      config: { depth },
      inputs: { run: yield* storedTable(Kinds.Run, run), qrels: yield* storedTable(Kinds.Qrels, qrels) },
      outputs,
      scratch: temporaryFolder("scratch"),
      progress: () => undefined,
      warn: () => undefined,
    })
    return { result, folder: outputs.candidates, file: join(outputs.candidates, "part-00000.parquet") }
  })

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

/** The random pairs as one run and its qrels, sorted as stored; `times` repeats them under other qids. */
const random = (pairs: number, times = 1) => {
  const queries = Array.from({ length: pairs }, (_, index) => randomPair(index))
    .flat()
    .flatMap((query) =>
      Array.from({ length: times }, (_, i) => ({ ...query, qid: `${i % 2 === 0 ? "é" : "😀"}${query.qid}-${i}` })),
    )
    .sort((a, b) => bytes(a.qid, b.qid))
  const run = queries.flatMap(({ qid, run }) =>
    [...run]
      .sort((a, b) => b.score - a.score || bytes(b.docid, a.docid))
      .map(({ docid, score }, i) => ({ system: "bm25", qid, docid, rank: i + 1, score })),
  )
  const qrels = queries.flatMap(({ qid, qrels }) =>
    [...qrels].sort((a, b) => bytes(a.docid, b.docid)).map((qrel) => ({ qid, ...qrel })),
  )
  return { run, qrels }
}

const expectedRows = (depth: number, run: ReadonlyArray<Result>, qrels: ReadonlyArray<Qrel>) => {
  const grades = new Map(qrels.map(({ qid, docid, grade }) => [`${qid}\t${docid}`, grade]))
  return run
    .filter(({ rank }) => rank <= depth)
    .map(({ qid, docid, rank, score }) => ({ qid, docid, rank, score, grade: grades.get(`${qid}\t${docid}`) ?? null }))
}

const python = process.env["RANKDAG_BENCH_PYTHON"]

describe("candidates", () => {
  it.effect("M1 are the first results of every query with their grades, sorted, readable by DuckDB", () =>
    live(
      Effect.gen(function* () {
        const { run, qrels } = random(40)
        const { folder, result } = yield* materialise(7, run, qrels)
        const expected = expectedRows(7, run, qrels)
        expect(yield* readRows(storedFolder(Kinds.Candidates, folder))).toEqual(expected)
        expect(result).toEqual({
          rows: { candidates: expected.length },
          facts: {
            queries: new Set(expected.map(({ qid }) => qid)).size,
            judged: expected.filter(({ grade }) => grade !== null).length,
          },
        })
      }),
    ),
  )

  it.effect(
    "M2 several row groups hold every row, and a filter finds docids that UTF-16 sorts elsewhere",
    () =>
      live(
        Effect.scoped(
          Effect.gen(function* () {
            const { run, qrels } = random(60, 50)
            const expected = expectedRows(1000, run, qrels)
            expect(expected.length).toBeGreaterThan(70_000)
            const { file } = yield* materialise(1000, run, qrels)
            const connection = yield* (yield* DuckDb).connect
            const count = (where: string) =>
              Effect.map(
                duckDbPromise(connection, where, () =>
                  connection.runAndReadAll(`SELECT count(*)::INTEGER FROM read_parquet('${file}') WHERE ${where}`),
                ),
                (reader) => Number(reader.getColumnsJS()[0]?.[0]),
              )
            expect(yield* count("true")).toBe(expected.length)
            expect(yield* count("docid = '～3'")).toBe(expected.filter(({ docid }) => docid === "～3").length)
            expect(yield* count("docid = '😀3'")).toBe(expected.filter(({ docid }) => docid === "😀3").length)
            expect(yield* count("docid > '～'")).toBe(expected.filter(({ docid }) => bytes(docid, "～") > 0).length)
            expect(yield* count("grade IS NULL")).toBe(expected.filter(({ grade }) => grade === null).length)
          }),
        ),
      ),
    180_000,
  )

  it.effect("M3 the same inputs give the same bytes", () =>
    live(
      Effect.gen(function* () {
        const { run, qrels } = random(30)
        const one = yield* materialise(100, run, qrels)
        const two = yield* materialise(100, run, qrels)
        expect(readFileSync(one.file).equals(readFileSync(two.file))).toBe(true)
      }),
    ),
  )

  it.effect("M1 an empty run gives an empty table, qrels may be empty or of other queries", () =>
    live(
      Effect.gen(function* () {
        const { run, qrels } = random(3)
        const empty = yield* materialise(10, [], qrels)
        expect(yield* readRows(storedFolder(Kinds.Candidates, empty.folder))).toEqual([])
        for (const others of [[], [{ qid: "zzz", docid: "d", grade: 1 }], [{ qid: "!", docid: "d", grade: 1 }]]) {
          const { folder } = yield* materialise(10, run, others)
          expect(yield* readRows(storedFolder(Kinds.Candidates, folder))).toEqual(expectedRows(10, run, []))
        }
      }),
    ),
  )

  it.effect("M4 a run or qrels in another order are errors that name the row", () =>
    live(
      Effect.gen(function* () {
        const row = (qid: string, docid: string, rank: number) => ({ system: "s", qid, docid, rank, score: 1 })
        const failure = (run: ReadonlyArray<Result>, qrels: ReadonlyArray<Qrel>) =>
          Effect.map(Effect.exit(materialise(10, run, qrels)), (exit) =>
            Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined,
          )
        expect(yield* failure([row("b", "x", 1), row("a", "y", 1)], [])).toMatchObject({
          _tag: "InputNotSorted",
          table: "run",
          qid: "a",
          docid: "y",
        })
        expect(yield* failure([row("a", "x", 1), row("a", "y", 3)], [])).toMatchObject({
          problem: "rank 3 follows rank 1",
        })
        expect(
          yield* failure(
            [row("c", "x", 1)],
            [
              { qid: "b", docid: "x", grade: 1 },
              { qid: "a", docid: "x", grade: 1 },
            ],
          ),
        ).toMatchObject({ _tag: "InputNotSorted", table: "qrels", qid: "a" })
      }),
    ),
  )

  it.effect.skipIf(!existsSync("/dev/full"))(
    "M5 a full disk is an error that names the file, be there rows or none",
    () =>
      live(
        Effect.gen(function* () {
          const { run, qrels } = random(40, 30)
          for (const rows of [[], run]) {
            const folder = temporaryFolder("full")
            symlinkSync("/dev/full", join(folder, "part-00000.parquet"))
            const exit = yield* Effect.exit(materialise(1000, rows, qrels, folder))
            expect(Exit.isFailure(exit) && Cause.squash(exit.cause)).toMatchObject({
              _tag: "CandidatesNotWritten",
              file: join(folder, "part-00000.parquet"),
              cause: { code: "ENOSPC" },
            })
          }
        }),
      ),
  )

  it.effect.skipIf(python === undefined)("M1 are readable by pyarrow (skipped without RANKDAG_BENCH_PYTHON)", () =>
    live(
      Effect.gen(function* () {
        const { run, qrels } = random(40)
        const { file } = yield* materialise(100, run, qrels)
        const program =
          "import sys, json, pyarrow.parquet as p; t = p.read_table(sys.argv[1]); " +
          "print(json.dumps([[str(f.type) for f in t.schema], t.to_pylist()]))"
        const printed: unknown = JSON.parse(
          execFileSync(python ?? "", ["-c", program, file], { encoding: "utf8", maxBuffer: 2 ** 28 }),
        )
        expect(printed).toEqual([["string", "string", "int32", "double", "int32"], expectedRows(100, run, qrels)])
      }),
    ),
  )
})
