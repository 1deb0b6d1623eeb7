import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { many } from "../../pipeline/index.ts"
import { Kinds, Repeats, StatisticsConfig, Sweep } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const EvaluateConfig = Schema.Struct({
  measures: Schema.NonEmptyArray(MeasureText),
  judgedOnly: Schema.Boolean,
  profileDepth: Schema.Int.pipe(Schema.positive()),
  repeats: Schema.Array(Repeats),
  /** What has to be known of every figure, in words. */
  note: Schema.optionalWith(Schema.NonEmptyString, { exact: true }),
  /** Left out where nothing was swept. */
  sweeps: Schema.optionalWith(Schema.NonEmptyArray(Sweep), { exact: true }),
})
export type EvaluateConfig = typeof EvaluateConfig.Type

export const evaluateInputs = {
  runs: many(Kinds.Run),
  candidates: Kinds.Candidates,
  qrels: Kinds.Qrels,
  queries: Kinds.Queries,
  /** The passages, where those whose docid is a query's qid were left out of its results: to say of how many queries. Or none. */
  leftOut: many(Kinds.Passages),
  /** Of systems in another precision than fp32; or none. */
  agreements: many(Kinds.Agreement),
}

export const evaluateOutputs = { scores: Kinds.Scores, summary: Kinds.Summary, profile: Kinds.DepthProfile }

/** What the stage reads of the configuration. */
export const CompareConfig = Schema.typeSchema(
  Schema.Struct({
    ...StatisticsConfig.fields,
    /** The names of the collections whose scores are compared together, in the order of the inputs. */
    datasets: Schema.NonEmptyArray(Schema.String),
  }),
)
export type CompareConfig = typeof CompareConfig.Type

export const compareInputs = {
  scores: many(Kinds.Scores),
  /** Where settings were swept, the collections' summaries, which say what was chosen on dev; else none. */
  swept: many(Kinds.Summary),
}

export const compareOutputs = { comparisons: Kinds.Comparisons, significance: Kinds.Significance }
