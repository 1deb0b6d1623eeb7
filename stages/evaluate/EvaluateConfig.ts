import * as Schema from "effect/Schema"
import { MeasureText } from "../../measures/index.ts"
import { Repeats } from "../../schemas/index.ts"

/** What the stage reads of the configuration. */
export const EvaluateConfig = Schema.Struct({
  measures: Schema.NonEmptyArray(MeasureText),
  judgedOnly: Schema.Boolean,
  profileDepth: Schema.Int.pipe(Schema.positive()),
  repeats: Schema.Array(Repeats),
})
export type EvaluateConfig = typeof EvaluateConfig.Type
