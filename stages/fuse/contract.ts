import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { many } from "../../pipeline/index.ts"
import { FusionMethod, FusionNormalise, Kinds, SystemName } from "../../schemas/index.ts"

const weight = Schema.Number.pipe(Schema.finite(), Schema.nonNegative())

/** What the stage reads of the configuration. */
export const FuseConfig = Schema.Struct({
  system: SystemName,
  method: FusionMethod,
  normalise: FusionNormalise,
  k: Schema.Int.pipe(Schema.positive()),
  /** One for each run; without them a weighted sum's are found on the dev split. */
  weights: Schema.optionalWith(Schema.Array(weight), { exact: true }),
  measure: MeasureText,
  depth: Schema.Int.pipe(Schema.positive()),
})
export type FuseConfig = typeof FuseConfig.Type

export const fuseInputs = { runs: many(Kinds.Run), queries: Kinds.Queries, qrels: Kinds.Qrels }

export const fuseOutputs = { run: Kinds.Run }
