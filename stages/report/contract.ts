import * as Schema from "effect/Schema"
import { many } from "../../pipeline/index.ts"
import { Kinds, ReportSettings, Weighting } from "../../schemas/index.ts"

const count = Schema.NonNegativeInt

/**
 * What the report shows, and how its inputs belong together: those of the kinds that a collection has any number of lie one
 * collection after the other.
 */
export const ReportConfig = Schema.typeSchema(
  Schema.Struct({
    ...ReportSettings.fields,
    datasets: Schema.NonEmptyArray(
      Schema.Struct({
        /** How the table calls the collection. */
        name: Schema.NonEmptyString,
        /** How many of the runs are of it. */
        runs: count,
        /** How many of the training logs are of it. */
        logs: count,
      }),
    ),
    /** How several collections are weighted together; then the last significance is that of all. Absent: they are not put together. */
    together: Schema.optionalWith(Weighting, { exact: true }),
  }),
)
export type ReportConfig = typeof ReportConfig.Type

export const reportInputs = {
  passages: many(Kinds.Passages),
  queries: many(Kinds.Queries),
  qrels: many(Kinds.Qrels),
  runs: many(Kinds.Run),
  scores: many(Kinds.Scores),
  summaries: many(Kinds.Summary),
  profiles: many(Kinds.DepthProfile),
  comparisons: many(Kinds.Comparisons),
  significance: many(Kinds.Significance),
  logs: many(Kinds.TrainingLog),
}

export const reportOutputs = { page: Kinds.Report }
