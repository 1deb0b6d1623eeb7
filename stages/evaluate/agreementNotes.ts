import { readFile } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type StoredArtifact, sqlString } from "../../pipeline/index.ts"
import { Agreement, agreementText, causeText, type Kinds, Split, type SummaryNote } from "../../schemas/index.ts"
import { AgreementNotRead } from "./EvaluateError.ts"
import { type Connection, columns, text } from "./sqlColumns.ts"
import { pairedT } from "./statistics/index.ts"

const read = ({ path: folder }: StoredArtifact<Kinds.Agreement>) => {
  const file = join(folder, "agreement.json")
  const refuse = (cause: unknown) => new AgreementNotRead({ file, why: causeText(cause) })
  return Effect.tryPromise({ try: () => readFile(file, "utf8"), catch: refuse }).pipe(
    Effect.flatMap((json) => Effect.mapError(Schema.decode(Schema.parseJson(Agreement))(json), refuse)),
  )
}

/** Each split's paired test between a system and the one in fp32, in words. */
const tested = (connection: Connection, scores: string, { reference, system }: Agreement, measure: string) =>
  Effect.map(
    columns(
      connection,
      `SELECT split, list(a.value ORDER BY qid), list(b.value ORDER BY qid)
       FROM (SELECT * FROM ${scores} WHERE system = ${sqlString(system)}) a
       JOIN (SELECT * FROM ${scores} WHERE system = ${sqlString(reference)}) b USING (split, measure, qid)
       WHERE measure = ${sqlString(measure)} GROUP BY split`,
    ),
    ([splits = [], own = [], before = []]) => {
      const numbers = (value: unknown): ReadonlyArray<number> => (Array.isArray(value) ? value.map(Number) : [])
      const mean = (values: ReadonlyArray<number>): string =>
        (values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(4)
      return new Map(
        splits.map((split, at) => {
          const [values, others] = [numbers(own[at]), numbers(before[at])]
          const { p } = pairedT(Float64Array.from(values, (value, query) => value - others[query]!))
          const told = `${measure} ${mean(others)} in fp32, ${mean(values)} so (paired t, p ${p < 0.0001 ? "< 0.0001" : p.toFixed(4)})`
          return [text(split), told] as const
        }),
      )
    },
  )

/**
 * What systems in another precision than fp32 agree in with the same models in fp32, for each split; where those are rows, with the
 * paired test between both.
 *
 * @param scores the table of scores, as SQL reads it
 * @param measure that the test is by
 * @param splits that have judged queries
 */
export const agreementNotes = (
  connection: Connection,
  scores: string,
  agreements: ReadonlyArray<StoredArtifact<Kinds.Agreement>>,
  measure: string,
  splits: ReadonlySet<string>,
) =>
  Effect.map(
    Effect.forEach(agreements, (artifact) =>
      Effect.gen(function* () {
        const agreement = yield* read(artifact)
        const tests = agreement.whole ? yield* tested(connection, scores, agreement, measure) : undefined
        return Split.literals
          .filter((split) => splits.has(split))
          .map((split): SummaryNote => {
            const test = tests?.get(split)
            return { split, text: `${agreementText(agreement)}${test === undefined ? "" : `; ${test}`}` }
          })
      }),
    ),
    (notes) => notes.flat(),
  )
