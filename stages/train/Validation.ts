import * as Effect from "effect/Effect"
import {
  aggregate,
  type Judgements,
  judgements,
  type Measure,
  scoreQuery,
  trecRanking,
  UNJUDGED,
} from "../../measures/index.ts"
import { readRows, type StoredArtifact } from "../../pipeline/index.ts"
import { type Kinds, QueryKind, Random } from "../../schemas/index.ts"
import { type Tokens, unknownText } from "./readTrainingData.ts"
import type { Pair, ScorePairs } from "./scorePairs.ts"

/** A dev query: its candidates with their docids and grades, and all its judgements. */
interface DevQuery {
  readonly text: number
  readonly kind: QueryKind
  readonly passages: ReadonlyArray<number>
  readonly docids: ReadonlyArray<string>
  readonly grades: Int32Array
  readonly judged: Judgements
}

/** What a training is watched on. */
export type DevQueries = ReadonlyArray<DevQuery>

/** The same dev queries for every training, so that their curves compare. */
const drawnBy = 0

/** So many of the queries of each kind, drawn; a kind that has fewer leaves its places to the other. */
const drawQueries = <Q extends { readonly kind: QueryKind }>(
  queries: ReadonlyArray<Q>,
  most: number,
): ReadonlyArray<Q> => {
  const byKind = QueryKind.literals.map((kind) => {
    const ofKind = queries.filter((query) => query.kind === kind)
    const order = Int32Array.from(ofKind, (_, i) => i)
    new Random(drawnBy).shuffle(order)
    return Array.from(order, (i) => ofKind[i]!)
  })
  const fewest = Math.min(...byKind.map(({ length }) => length), Math.floor(most / byKind.length))
  const even = byKind.flatMap((ofKind) => ofKind.slice(0, fewest))
  const rest = byKind.flatMap((ofKind) => ofKind.slice(fewest))
  const chosen = new Set([...even, ...rest.slice(0, Math.max(0, most - even.length))])
  return queries.filter((query) => chosen.has(query))
}

/** Reads the dev queries that have a relevant passage and candidates, so many of them and so many candidates of each. */
export const readDevQueries = (options: {
  readonly system: string
  readonly queries: StoredArtifact<Kinds.Queries>
  readonly qrels: StoredArtifact<Kinds.Qrels>
  readonly candidates: StoredArtifact<Kinds.Candidates>
  readonly tokens: Tokens
  readonly most: number
  readonly depth: number
}) =>
  Effect.gen(function* () {
    const { depth, most, system, tokens } = options
    const grades = new Map<string, Map<string, number>>()
    for (const { docid, grade, qid } of yield* readRows(options.qrels)) {
      const ofQuery = grades.get(qid)
      if (ofQuery === undefined) grades.set(qid, new Map([[docid, grade]]))
      else ofQuery.set(docid, grade)
    }
    const ranked = new Map<string, Array<string>>()
    for (const { docid, qid, rank } of yield* readRows(options.candidates)) {
      if (rank > depth) continue
      const ofQuery = ranked.get(qid)
      if (ofQuery === undefined) ranked.set(qid, [docid])
      else ofQuery.push(docid)
    }
    const usable = (yield* readRows(options.queries)).flatMap(({ kind, qid, split }) => {
      const judged = grades.get(qid)
      const docids = ranked.get(qid)
      const known = QueryKind.literals.find((each) => each === kind)
      if (split !== "dev" || judged === undefined || docids === undefined || known === undefined) return []
      return [...judged.values()].some((grade) => grade > 0) ? [{ qid, kind: known, judged, docids }] : []
    })
    const read: Array<DevQuery> = []
    for (const { docids, judged, kind, qid } of drawQueries(usable, most)) {
      const text = tokens.queries.indexOf(qid)
      if (text === undefined) return yield* unknownText(system, "queries", qid)
      const passages: Array<number> = []
      for (const docid of docids) {
        const passage = tokens.passages.indexOf(docid)
        if (passage === undefined) return yield* unknownText(system, "passages", docid)
        passages.push(passage)
      }
      read.push({
        text,
        kind,
        passages,
        docids,
        grades: Int32Array.from(docids, (docid) => judged.get(docid) ?? UNJUDGED),
        judged: judgements([...judged.values()]),
      })
    }
    return read satisfies DevQueries
  })

/** A measure's figure for a slice of the dev queries. */
export interface Measurement {
  readonly measure: Measure
  readonly slice: "all" | QueryKind
  readonly value: number
}

/** Ranks the dev queries' candidates by the model as it is, and measures: over all queries, and over those of each kind. */
export const measureDev = (scorePairs: ScorePairs, dev: DevQueries, measures: ReadonlyArray<Measure>) =>
  Effect.gen(function* () {
    const scores = yield* scorePairs(
      dev.flatMap(({ passages, text }) => passages.map((passage): Pair => [text, passage])),
    )
    const values = measures.map(() => new Float64Array(dev.length))
    let from = 0
    dev.forEach(({ docids, grades, judged }, q) => {
      const start = from
      const order = trecRanking(
        docids.length,
        (place) => scores[start + place]!,
        (place) => docids[place]!,
      )
      const ranked = Int32Array.from(order, (i) => grades[i]!)
      measures.forEach((measure, m) => {
        values[m]![q] = scoreQuery(measure, ranked, judged)
      })
      from += docids.length
    })
    const slices = ["all", ...QueryKind.literals] as const
    return slices.flatMap((slice): ReadonlyArray<Measurement> => {
      const inside = dev.flatMap(({ kind }, q) => (slice === "all" || kind === slice ? [q] : []))
      if (inside.length === 0) return []
      return measures.map((measure, m) => ({
        measure,
        slice,
        value: aggregate(
          measure,
          inside.map((q) => values[m]![q]!),
        ),
      }))
    })
  })
