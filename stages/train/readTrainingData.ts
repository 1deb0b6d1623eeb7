import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { TokenTable } from "../../neural/index.ts"
import { DuckDb, duckDbPromise, readRows, type StoredArtifact, tableSource } from "../../pipeline/index.ts"
import { type Kinds, QueryKind } from "../../schemas/index.ts"
import { TrainingTextUnusable } from "./TrainError.ts"
import { type TeacherScores, type TrainingData, unjudged, writeRanks } from "./TrainingData.ts"

/** The texts of a collection as token ids. */
export interface Tokens {
  readonly queries: TokenTable
  readonly passages: TokenTable
}

const decodeKind = Schema.decodeUnknownSync(QueryKind)

/** The error of a text that the tokens do not have. */
export const unknownText = (system: string, table: "queries" | "passages", name: string): TrainingTextUnusable => {
  const why = "is not among the tokenized texts: candidates and tokens come from different collections"
  return new TrainingTextUnusable({ system, table, name, why })
}

/**
 * Reads the train candidates. Queries without a relevant passage, and those without anything else where `alone` does not allow
 * it, are left out.
 *
 * @param depth the first stage's results have ranks up to it; what is behind it was not retrieved
 * @param alone whether relevant passages suffice: random negatives come from elsewhere
 * @param leaveOutOwn whether a query's own passage is no negative
 */
export const readTrainingData = (options: {
  readonly system: string
  readonly candidates: StoredArtifact<Kinds.Candidates>
  readonly queries: StoredArtifact<Kinds.Queries>
  readonly teacher: StoredArtifact<Kinds.Run> | undefined
  readonly tokens: Tokens
  readonly depth: number
  readonly alone: boolean
  readonly leaveOutOwn: boolean
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { alone, candidates, depth, leaveOutOwn, queries, system, teacher, tokens } = options
      const connection = yield* (yield* DuckDb).connect
      const joined =
        teacher === undefined
          ? ""
          : `LEFT JOIN (SELECT qid, docid, score AS taught FROM ${tableSource(teacher)}) USING (qid, docid)`
      const sql = `SELECT qid, docid, rank, score, grade, ${teacher === undefined ? "NULL" : "taught"} AS taught
        FROM ${tableSource(candidates)} ${joined} ORDER BY qid, rank`
      const columns = yield* duckDbPromise(connection, sql, async () =>
        (await connection.runAndReadAll(sql)).getColumns(),
      )
      const [qids = [], docids = [], ranks = [], scores = [], grades = [], taught = []] = columns
      const kindOf = new Map((yield* readRows(queries)).map(({ kind, qid }) => [qid, decodeKind(kind)]))

      const count = qids.length
      const data = {
        passages: new Uint32Array(count),
        ranks: new Uint32Array(count),
        scores: new Float64Array(count),
        grades: new Int32Array(count),
      }
      const teacherScores: TeacherScores | undefined =
        teacher === undefined ? undefined : { scores: new Float64Array(count), ranks: new Uint32Array(count) }
      const kept = { qids: Array<string>(), kinds: Array<QueryKind>(), texts: Array<number>(), starts: Array<number>() }
      let end = 0
      let asked = 0
      for (let from = 0; from < count; ) {
        const qid = String(qids[from])
        let to = from
        let relevant = 0
        let others = 0
        for (; to < count && qids[to] === qids[from]; to++) {
          if (Number(grades[to] ?? unjudged) > 0) relevant++
          else if (Number(ranks[to]) <= depth) others++
        }
        asked++
        if (relevant > 0 && (others > 0 || alone)) {
          const query = tokens.queries.indexOf(qid)
          if (query === undefined) return yield* unknownText(system, "queries", qid)
          kept.qids.push(qid)
          kept.kinds.push(kindOf.get(qid) ?? "question")
          kept.texts.push(query)
          kept.starts.push(end)
          for (let row = from; row < to; row++, end++) {
            const grade = grades[row]
            const passage = tokens.passages.indexOf(String(docids[row]))
            if (passage === undefined) return yield* unknownText(system, "passages", String(docids[row]))
            data.passages[end] = passage
            data.ranks[end] = Number(ranks[row]) <= depth ? Number(ranks[row]) : 0
            data.scores[end] = Number(scores[row])
            data.grades[end] = grade === null || grade === undefined ? unjudged : Math.max(0, Number(grade))
            const lesson = taught[row]
            if (teacherScores !== undefined) {
              teacherScores.scores[end] = lesson === null || lesson === undefined ? Number.NaN : Number(lesson)
            }
          }
          const begin = kept.starts.at(-1) ?? 0
          if (teacherScores !== undefined) writeRanks(teacherScores.scores, begin, end, teacherScores.ranks)
        }
        from = to
      }
      const read: TrainingData = {
        qids: kept.qids,
        kinds: kept.kinds,
        queryTexts: Uint32Array.from(kept.texts),
        starts: Uint32Array.from([...kept.starts, end]),
        passages: data.passages.subarray(0, end),
        ranks: data.ranks.subarray(0, end),
        scores: data.scores.subarray(0, end),
        grades: data.grades.subarray(0, end),
        teacher: teacherScores,
        own: Int32Array.from(kept.qids, (qid) => (leaveOutOwn ? tokens.passages.indexOf(qid) : undefined) ?? -1),
        passageCount: tokens.passages.texts,
      }
      return { data: read, asked }
    }),
  )
