import * as Schema from "effect/Schema"
import { QueryKind, Split, SystemName } from "./Ids.ts"

/** Which queries a row of the table speaks of. */
export const KindSlice = Schema.Literal("all", ...QueryKind.literals).annotations({ identifier: "KindSlice" })
export type KindSlice = typeof KindSlice.Type

/** A value of a measure by the measure's canonical name. */
const Values = Schema.Record({ key: Schema.String, value: Schema.Number })

/** One system on one split and one kind of query. */
export const SystemSummary = Schema.Struct({
  system: SystemName,
  split: Split,
  kind: KindSlice,
  /** Queries with judgements: what the means are over. */
  queries: Schema.NonNegativeInt,
  /** How many of them the system has no result for; they count as zero. */
  missing: Schema.NonNegativeInt,
  /** Mean share of its first ten results that nobody judged, over the queries that it has results for. */
  unjudged: Schema.Number,
  measures: Values,
  /** Of measures that are means, where there are more than a few queries: the mean's 95 % interval. */
  intervals: Schema.optionalWith(
    Schema.Record({ key: Schema.String, value: Schema.Tuple(Schema.Number, Schema.Number) }),
    {
      default: () => ({}),
    },
  ),
})
export type SystemSummary = typeof SystemSummary.Type

/** What the candidates allow on one split and one kind of query: no reranker of them can do better. */
export const CandidatesSummary = Schema.Struct({
  split: Split,
  kind: KindSlice,
  queries: Schema.NonNegativeInt,
  /** Candidates a query may have. */
  depth: Schema.NonNegativeInt,
  /** Mean share of the relevant passages that are among the candidates. */
  recall: Schema.Number,
  /** The best value any order of the candidates reaches, by measure. */
  oracle: Values,
})
export type CandidatesSummary = typeof CandidatesSummary.Type

/** Systems that differ by nothing but the seed: what one of them would be called without. */
export const Repeats = Schema.Struct({ system: SystemName, of: Schema.NonEmptyArray(SystemName) })
export type Repeats = typeof Repeats.Type

/** What points of a sweep have of a setting. */
const SweptValues = Schema.Record({
  key: Schema.String,
  value: Schema.Union(Schema.String, Schema.Number, Schema.Boolean),
})

const SweepPoint = Schema.Struct({
  /** By the settings' short names. */
  values: SweptValues,
  /** Whether they are those that stand where no grid is given. */
  usual: Schema.Boolean,
  /** Its system; several where they differ by the seed besides. */
  of: Schema.NonEmptyArray(SystemName),
})

/** Systems that differ by the settings that were swept. */
export const Sweep = Schema.Struct({
  /** What they would be called without what differs. */
  system: SystemName,
  points: Schema.NonEmptyArray(SweepPoint),
})
export type Sweep = typeof Sweep.Type

/** A sweep, its points in the order of the dev split's figures, the highest first. */
export const SweepSummary = Schema.Struct({
  system: SystemName,
  /** By whose mean over all queries they are ordered. */
  measure: Schema.String,
  points: Schema.NonEmptyArray(
    Schema.Struct({
      ...SweepPoint.fields,
      /** The figure on the dev split, the mean over the seeds; none without judged queries there. */
      dev: Schema.NullOr(Schema.Number),
    }),
  ),
  /** The first point's systems, which is the chosen one; none where no point has a figure on dev. */
  chosen: Schema.Array(SystemName),
})
export type SweepSummary = typeof SweepSummary.Type

/** What a reader of a split's figures has to know of them. */
export const SummaryNote = Schema.Struct({ split: Split, text: Schema.String })
export type SummaryNote = typeof SummaryNote.Type

/** What the result table prints; `summary.json` of a `Kinds.Summary` artifact. Rows are in the order of the table. */
export const EvaluationSummary = Schema.Struct({
  /** Canonical names, in the order asked for. */
  measures: Schema.Array(Schema.String),
  systems: Schema.Array(SystemSummary),
  candidates: Schema.Array(CandidatesSummary),
  /** For the table each is one row: the mean over the seeds, and its standard deviation. */
  repeats: Schema.optionalWith(Schema.Array(Repeats), { default: () => [] }),
  /** What was swept, and what was chosen on dev. */
  sweeps: Schema.optionalWith(Schema.Array(SweepSummary), { default: () => [] }),
  /** Below the table of their split. */
  notes: Schema.optionalWith(Schema.Array(SummaryNote), { default: () => [] }),
})
export type EvaluationSummary = typeof EvaluationSummary.Type
