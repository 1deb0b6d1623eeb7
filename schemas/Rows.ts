import * as Schema from "effect/Schema"
import { Docid, Grade, Qid, QueryKind, Split, SystemName } from "./Ids.ts"

/** A passage of the collection. */
export const PassageRow = Schema.Struct({ docid: Docid, title: Schema.NullOr(Schema.String), text: Schema.String })
export type PassageRow = typeof PassageRow.Type

/** A query, which searcher asks it, and the split it belongs to. */
export const QueryRow = Schema.Struct({ qid: Qid, text: Schema.String, kind: QueryKind, split: Split })
export type QueryRow = typeof QueryRow.Type

/** A relevance judgement. */
export const QrelRow = Schema.Struct({ qid: Qid, docid: Docid, grade: Grade })
export type QrelRow = typeof QrelRow.Type

/** One line of a ranking; `rank` counts from 1, ties already broken (score descending, docid descending by bytes). */
export const RunRow = Schema.Struct({
  system: SystemName,
  qid: Qid,
  docid: Docid,
  rank: Schema.Int,
  score: Schema.Number,
})
export type RunRow = typeof RunRow.Type

/** What a reranker reads and a trainer samples from; `grade` is null where nobody judged the passage for the query. */
export const CandidateRow = Schema.Struct({
  qid: Qid,
  docid: Docid,
  rank: Schema.Int,
  score: Schema.Number,
  grade: Schema.NullOr(Grade),
})
export type CandidateRow = typeof CandidateRow.Type

/** One value of one measure for one query of one system. */
export const ScoreRow = Schema.Struct({
  system: SystemName,
  split: Split,
  qid: Qid,
  kind: QueryKind,
  measure: Schema.String,
  value: Schema.Number,
})
export type ScoreRow = typeof ScoreRow.Type
