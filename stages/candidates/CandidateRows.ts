import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { DuckDb, type DuckDbError, duckDbPromise, type StoredArtifact, sqlString } from "../../pipeline/index.ts"
import { compareBytes, type Kinds, tableFiles } from "../../schemas/index.ts"
import { InputNotSorted } from "./CandidatesError.ts"
import type { Candidate } from "./candidatesFile.ts"

type Columns = ReadonlyArray<ReadonlyArray<unknown>>

/** The columns of a query's result, batch by batch in stored order; `null` at the end. */
const batches = (
  sql: string,
): Effect.Effect<Effect.Effect<Columns | null, DuckDbError>, DuckDbError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    // A connection streams one result at a time.
    const connection = yield* (yield* DuckDb).connect
    const result = yield* duckDbPromise(sql, () => connection.stream(sql))
    return duckDbPromise(sql, async () => {
      const chunk = await result.fetchChunk()
      return chunk === null || chunk.rowCount === 0 ? null : chunk.getColumns()
    })
  })

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** Looks up a query's grades in qrels that are sorted by qid; queries must be asked for in ascending order. */
const gradesByQuery = (qrels: StoredArtifact<Kinds.Qrels>) =>
  Effect.gen(function* () {
    const next = yield* batches(`SELECT qid, docid, grade FROM read_parquet(${sqlString(tableFiles(qrels.path))})`)
    let batch: Columns | null = yield* next
    let row = 0
    let before = ""
    return (wanted: string): Effect.Effect<ReadonlyMap<string, number>, DuckDbError | InputNotSorted> =>
      Effect.gen(function* () {
        const grades = new Map<string, number>()
        while (batch !== null) {
          const [qids = [], docids = [], values = []] = batch
          for (; row < qids.length; row++) {
            const qid = text(qids[row])
            if (compareBytes(qid, before) < 0) {
              const problem = `its qid stands after ${before}`
              return yield* new InputNotSorted({ table: "qrels", qid, docid: text(docids[row]), problem })
            }
            before = qid
            const order = compareBytes(qid, wanted)
            if (order > 0) return grades
            if (order === 0) grades.set(text(docids[row]), Number(values[row]))
          }
          batch = yield* next
          row = 0
        }
        return grades
      })
  })

/**
 * The first `depth` results of every query with their grades, batch by batch in the run's order. Run and qrels are read
 * side by side, both sorted by qid, so that memory holds one batch of each and one query's grades.
 */
export const candidateRows = (
  run: StoredArtifact<Kinds.Run>,
  qrels: StoredArtifact<Kinds.Qrels>,
  depth: number,
): Effect.Effect<
  Effect.Effect<ReadonlyArray<Candidate> | null, DuckDbError | InputNotSorted>,
  DuckDbError,
  DuckDb | Scope.Scope
> =>
  Effect.gen(function* () {
    const next = yield* batches(
      `SELECT qid, docid, rank, score FROM read_parquet(${sqlString(tableFiles(run.path))}) WHERE rank <= ${depth}`,
    )
    const gradesOf = yield* gradesByQuery(qrels)
    let query = ""
    let last = 0
    let grades: ReadonlyMap<string, number> = new Map()
    return Effect.gen(function* () {
      const batch = yield* next
      if (batch === null) return null
      const [qids = [], docids = [], ranks = [], scores = []] = batch
      const rows: Array<Candidate> = []
      for (let i = 0; i < qids.length; i++) {
        const qid = text(qids[i])
        const docid = text(docids[i])
        const rank = Number(ranks[i])
        if (qid !== query) {
          if (compareBytes(qid, query) < 0) {
            return yield* new InputNotSorted({ table: "run", qid, docid, problem: `its qid stands after ${query}` })
          }
          grades = yield* gradesOf(qid)
          query = qid
          last = 0
        }
        if (rank !== last + 1) {
          return yield* new InputNotSorted({ table: "run", qid, docid, problem: `rank ${rank} follows rank ${last}` })
        }
        last = rank
        rows.push({ qid, docid, rank, score: Number(scores[i]), grade: grades.get(docid) ?? null })
      }
      return rows
    })
  })
