import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  DuckDb,
  type DuckDbError,
  type NextRows,
  type StoredArtifact,
  streamRows,
  tableSource,
} from "../../pipeline/index.ts"
import { compareBytes, type Kinds } from "../../schemas/index.ts"
import { InputNotSorted } from "./CandidatesError.ts"
import type { Candidate } from "./candidatesFile.ts"

/** The columns of a query's result, batch by batch in stored order, over a connection of its own: one streams one result. */
const batches = (sql: string): Effect.Effect<NextRows, DuckDbError, DuckDb | Scope.Scope> =>
  Effect.gen(function* () {
    return yield* streamRows(yield* (yield* DuckDb).connect, sql)
  })

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** Looks up a query's grades in qrels that are sorted by qid; queries must be asked for in ascending order. */
const gradesByQuery = (qrels: StoredArtifact<Kinds.Qrels>) =>
  Effect.gen(function* () {
    const next = yield* batches(`SELECT qid, docid, grade FROM ${tableSource(qrels)}`)
    let batch = yield* next
    let row = 0
    let before = ""
    return (wanted: string): Effect.Effect<ReadonlyMap<string, number>, DuckDbError | InputNotSorted> =>
      Effect.gen(function* () {
        const grades = new Map<string, number>()
        while (batch !== undefined) {
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
    const next = yield* batches(`SELECT qid, docid, rank, score FROM ${tableSource(run)} WHERE rank <= ${depth}`)
    const gradesOf = yield* gradesByQuery(qrels)
    let query = ""
    let last = 0
    let grades: ReadonlyMap<string, number> = new Map()
    return Effect.gen(function* () {
      const batch = yield* next
      if (batch === undefined) return null
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
