import * as Schema from "effect/Schema"
import { describeMeasureError } from "./MeasureError.ts"
import { parseMeasures } from "./measures/parseMeasure.ts"

/** A measure's name that is understood; anything else is refused with the reason and the nearest name. */
const MeasureText = Schema.NonEmptyString.pipe(
  Schema.filter((text) => {
    const parsed = parseMeasures(text)
    return parsed.ok || describeMeasureError(parsed.error)
  }),
)

/** What the stage reads of the configuration. */
export const EvaluateConfig = Schema.Struct({ measures: Schema.NonEmptyArray(MeasureText) })
export type EvaluateConfig = typeof EvaluateConfig.Type
