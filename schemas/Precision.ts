import * as Schema from "effect/Schema"
import { SystemName } from "./Ids.ts"

/**
 * Of a reranker's arithmetic:
 * - `fp32`: 32-bit floats;
 * - `int8`: weights and what they multiply are 8-bit numbers, the rows of what they multiply each with a scale of its own;
 * - `weights8`: weights alone are 8-bit numbers, for memory's sake.
 */
export const Precision = Schema.Literal("fp32", "int8", "weights8")
export type Precision = typeof Precision.Type

/** One precision, or several, of which each is a row: as a list, or in one text with commas. */
export const PrecisionChoice = Schema.Union(
  Precision,
  Schema.String.pipe(Schema.pattern(/^(?:fp32|int8|weights8)(?:,(?:fp32|int8|weights8))*$/)),
  Schema.NonEmptyArray(Precision),
)
export type PrecisionChoice = typeof PrecisionChoice.Type

const isPrecision = Schema.is(Precision)

/** The precisions that were chosen, each once, in their order. */
export const precisionsOf = (choice: PrecisionChoice): ReadonlyArray<Precision> => [
  ...new Set((typeof choice === "string" ? choice.split(",") : choice).filter(isPrecision)),
]

/** How alike two runs of one model order the pairs that are in both: `agreement.json` of a `Kinds.Agreement`. */
export const Agreement = Schema.Struct({
  system: SystemName,
  /** The precision of the system. */
  precision: Precision,
  /** The system that it is compared with: the same model in fp32. */
  reference: Schema.NonEmptyString,
  /** Whether that is a row of the table; else it was asked about the first pairs alone. */
  whole: Schema.Boolean,
  pairs: Schema.NonNegativeInt,
  queries: Schema.NonNegativeInt,
  /** Of the pairs of passages of one query that fp32 tells apart, the share that is ordered alike; 1 where there are none. */
  alike: Schema.Number.pipe(Schema.between(0, 1)),
  /** Of the queries, the share whose first passage is the same. */
  first: Schema.Number.pipe(Schema.between(0, 1)),
  /** The largest difference of a pair's scores. */
  largest: Schema.Number.pipe(Schema.nonNegative()),
  /** The standard deviation of fp32's scores, against which that is to be seen. */
  deviation: Schema.Number.pipe(Schema.nonNegative()),
})
export type Agreement = typeof Agreement.Type

/** Below this share of pairs that are ordered alike a model in 8 bits is warned of. */
export const agreementBound = 0.97

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

/** What two runs agree in, as a sentence. */
export const agreementText = ({
  alike,
  deviation,
  first,
  largest,
  pairs,
  precision,
  reference,
  system,
  whole,
}: Agreement): string => {
  const where = whole ? `beside ${reference}` : `on the first ${pairs} pairs, beside fp32`
  const error =
    deviation === 0
      ? largest.toPrecision(2)
      : `${(largest / deviation).toPrecision(2)} standard deviations of the scores`
  return `${system} in ${precision}, ${where}: ${percent(alike)} of pairs are ordered alike, the first passage is the same in ${percent(first)} of queries, the largest error is ${error}`
}
