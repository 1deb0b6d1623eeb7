import * as Effect from "effect/Effect"
import { gradeRange, gradesNote } from "../../measures/index.ts"
import { type StoredArtifact, tableSource } from "../../pipeline/index.ts"
import { type Kinds, Split, type SummaryNote } from "../../schemas/index.ts"
import type { JudgedQueries } from "./JudgedQueries.ts"
import { type Connection, columns, text } from "./sqlColumns.ts"

/** How many judged queries of each split have a passage of their own, whose docid is their qid. */
const ownPassages = (connection: Connection, passages: ReadonlyArray<StoredArtifact<Kinds.Passages>>) =>
  Effect.gen(function* () {
    const counts = new Map<string, number>()
    for (const table of passages) {
      const [splits = [], found = []] = yield* columns(
        connection,
        `SELECT split, count(*) FROM judged_queries SEMI JOIN ${tableSource(table)} p ON judged_queries.qid = p.docid GROUP BY split`,
      )
      splits.forEach((split, i) => {
        counts.set(text(split), Number(found[i]))
      })
    }
    return counts
  })

/**
 * What has to be known of each split's figures: grades that the level of relevance does not divide, and of how many queries the own
 * passage was left out.
 *
 * @param leftOut the passages, where queries' own were left out
 * @param general what is to be known of all figures
 */
export const summaryNotes = (
  connection: Connection,
  queries: JudgedQueries,
  leftOut: ReadonlyArray<StoredArtifact<Kinds.Passages>>,
  general: string | undefined,
) =>
  Effect.map(ownPassages(connection, leftOut), (own) =>
    Split.literals.flatMap((split): ReadonlyArray<SummaryNote> => {
      const judgements = queries.judgements.filter((_, ordinal) => queries.splits[ordinal] === split)
      const grades = gradesNote(gradeRange(judgements.flatMap((judged) => [...judged.grades])))
      const count = own.get(split) ?? 0
      const whose = count === 1 ? "1 query" : `${count} queries`
      return [
        ...(general === undefined || judgements.length === 0 ? [] : [{ split, text: general }]),
        ...(grades === undefined ? [] : [{ split, text: grades }]),
        ...(count === 0 ? [] : [{ split, text: `the passage of the query's own id is left out, of ${whose}` }]),
      ]
    }),
  )
