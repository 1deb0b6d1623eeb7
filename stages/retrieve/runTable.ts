import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { type Progress, readRows, type StoredArtifact, tableWriter } from "../../pipeline/index.ts"
import { Kinds, type QueryRow, type RowOf, type Split } from "../../schemas/index.ts"
import { type Docids, docidAt } from "./InvertedIndex.ts"
import { NoQueries } from "./RetrieveError.ts"
import type { Hits } from "./TopK.ts"

export type Query = RowOf<Kinds.Queries["columns"]>

/** The queries of the splits, in the table's order (by qid's bytes). */
export const queriesOf = (queries: StoredArtifact<Kinds.Queries>, splits: ReadonlyArray<Split>) =>
  Effect.flatMap(readRows(queries), (all) => {
    const wanted = new Set<string>(splits)
    const kept = all.filter(({ split }) => wanted.has(split))
    return kept.length > 0
      ? Effect.succeed(kept)
      : Effect.fail(new NoQueries({ splits, present: [...new Set(all.map(({ split }) => split))].sort() }))
  })

/** What one query found, best first. */
export interface Ranking {
  readonly docids: ReadonlyArray<string>
  readonly scores: ReadonlyArray<number>
}

export const rankingOf = (docids: Docids, { docs, scores }: Hits): Ranking => ({
  docids: Array.from(docs, (doc) => docidAt(docids, doc)),
  scores: Array.from(scores),
})

/** A turn of the event loop: lets timers, signals and the live line have their say between searches. */
const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

const batchQueries = 64

/**
 * Asks the queries in batches, up to `concurrency` at a time, and writes a run table in their order. Memory holds a few
 * batches.
 */
export const writeRun = <E, R>(options: {
  readonly system: string
  readonly queries: ReadonlyArray<Pick<QueryRow | Query, "qid" | "text">>
  readonly directory: string
  readonly progress: (progress: Progress) => void
  readonly concurrency?: number
  readonly search: (
    queries: ReadonlyArray<Pick<QueryRow | Query, "qid" | "text">>,
    answered: number,
  ) => Effect.Effect<ReadonlyArray<Ranking>, E, R>
}) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { queries, system } = options
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
            for (let at = 0; at < docids.length; at++) {
              columns.system.push(system)
              columns.qid.push(batch[i]!.qid)
              columns.docid.push(docids[at]!)
              columns.rank.push(at + 1)
              columns.score.push(scores[at]!)
            }
          })
          done += batch.length
          options.progress({ done, total: queries.length, unit: "queries" })
          return writer.writeColumns(columns)
        }),
      )
      return yield* writer.finish
    }),
  )
