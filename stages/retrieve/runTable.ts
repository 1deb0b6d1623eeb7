import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  type Progress,
  readRows,
  type Shard,
  type StoredArtifact,
  shardRange,
  tableWriter,
} from "../../pipeline/index.ts"
import { Kinds, type QueryRow, type RowOf, type Split } from "../../schemas/index.ts"
import { type Docids, docidsOf } from "./Docids.ts"
import { NoQueries, SearchFailed } from "./RetrieveError.ts"
import type { Hits } from "./TopK.ts"

export type Query = RowOf<Kinds.Queries["columns"]>

/** The queries of a part; without one, all. */
export const queriesIn = <A>(queries: ReadonlyArray<A>, shard: Shard | undefined): ReadonlyArray<A> => {
  if (shard === undefined) return queries
  const { from, to } = shardRange(shard, queries.length)
  return queries.slice(from, to)
}

/**
 * The queries of the splits, in the table's order (by qid's bytes).
 *
 * @param shard of which part of them; left out, all
 */
export const queriesOf = (queries: StoredArtifact<Kinds.Queries>, splits: ReadonlyArray<Split>, shard?: Shard) =>
  Effect.flatMap(readRows(queries), (all) => {
    const wanted = new Set<string>(splits)
    const kept = all.filter(({ split }) => wanted.has(split))
    return kept.length > 0
      ? Effect.succeed(queriesIn(kept, shard))
      : Effect.fail(new NoQueries({ splits, present: [...new Set(all.map(({ split }) => split))].sort() }))
  })

/** What one query found, best first. */
export interface Ranking {
  readonly docids: ReadonlyArray<string>
  readonly scores: ReadonlyArray<number>
}

export const rankingOf = (docids: Docids, { docs, scores }: Hits): Ranking => {
  const numbers: Array<number> = []
  for (let i = 0; i < scores.length; i++) numbers.push(scores[i]!)
  return { docids: docidsOf(docids, docs), scores: numbers }
}

/** What is asked for of each query. */
export interface Asked {
  /** How many results it keeps. */
  readonly depth: number
  /** Whether the passage whose docid is the query's qid is left out. */
  readonly leaveOutOwn: boolean
}

/** How many results to search for, so that `depth` are left where the query's own passage is taken away. */
export const searchDepth = ({ depth, leaveOutOwn }: Asked): number => (leaveOutOwn ? depth + 1 : depth)

/** A turn of the event loop: lets timers, signals and the live line have their say between searches. */
const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

/** Queries that are asked at once. */
export const batchQueries = 64

/** What `writeRun` searches with where each query is answered by itself, at once. */
export const oneByOne =
  (system: string, search: (query: Pick<QueryRow | Query, "qid" | "text">) => Ranking) =>
  (queries: ReadonlyArray<Pick<QueryRow | Query, "qid" | "text">>, answered: number) =>
    Effect.try({
      try: () => queries.map(search),
      catch: (cause) => new SearchFailed({ system, answered, cause }),
    })

/**
 * Asks the queries in batches, up to `concurrency` at a time, and writes a run table in their order, without each query's own
 * passage where that is asked for. Memory holds a few batches.
 *
 * @param options.search finds `searchDepth` results
 */
export const writeRun = <E, R>(options: {
  readonly system: string
  readonly queries: ReadonlyArray<Pick<QueryRow | Query, "qid" | "text">>
  readonly directory: string
  readonly asked: Asked
  readonly progress: (progress: Progress) => void
  readonly concurrency?: number
  readonly search: (
    queries: ReadonlyArray<Pick<QueryRow | Query, "qid" | "text">>,
    answered: number,
  ) => Effect.Effect<ReadonlyArray<Ranking>, E, R>
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { asked, queries, system } = options
      let leftOut = 0
      const writer = yield* tableWriter(Kinds.Run, options.directory)
      const starts = Array.from({ length: Math.ceil(queries.length / batchQueries) }, (_, i) => i * batchQueries)
      let done = 0
      options.progress({ done, total: queries.length, unit: "queries" })
      yield* Stream.fromIterable(starts).pipe(
        Stream.mapEffect(
          (from) => {
            const batch = queries.slice(from, from + batchQueries)
            return Effect.map(Effect.zipRight(breathe, options.search(batch, from)), (rankings) => ({
              batch,
              rankings,
            }))
          },
          { concurrency: options.concurrency ?? 1 },
        ),
        Stream.runForEach(({ batch, rankings }) => {
          const columns = {
            system: new Array<string>(),
            qid: new Array<string>(),
            docid: new Array<string>(),
            rank: new Array<number>(),
            score: new Array<number>(),
          }
          rankings.forEach(({ docids, scores }, i) => {
            const { qid } = batch[i]!
            for (let at = 0, rank = 1; at < docids.length && rank <= asked.depth; at++) {
              if (asked.leaveOutOwn && docids[at] === qid) {
                leftOut++
                continue
              }
              columns.system.push(system)
              columns.qid.push(qid)
              columns.docid.push(docids[at]!)
              columns.rank.push(rank++)
              columns.score.push(scores[at]!)
            }
          })
          done += batch.length
          options.progress({ done, total: queries.length, unit: "queries" })
          return writer.writeColumns(columns)
        }),
      )
      return { rows: yield* writer.finish, leftOut }
    }),
  )
