import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"

/** What the stage reads of the configuration. */
export const EvaluateConfig = Schema.Struct({
  measures: Schema.NonEmptyArray(MeasureText),
  judgedOnly: Schema.Boolean,
  profileDepth: Schema.Int.pipe(Schema.positive()),
})
export type EvaluateConfig = typeof EvaluateConfig.Type
