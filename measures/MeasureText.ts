import * as Schema from "effect/Schema"
import { type Measure, measureName } from "./Measure.ts"
import { describeMeasureError } from "./MeasureError.ts"
import { parseMeasures } from "./parseMeasure.ts"

/** A measure's name that is understood; anything else is refused with the reason and the nearest name. */
export const MeasureText = Schema.NonEmptyString.pipe(
  Schema.filter((text) => {
    const parsed = parseMeasures(text)
    return parsed.ok || describeMeasureError(parsed.error)
  }),
)

/**
 * The measures of texts that `MeasureText` has accepted, each once, in the order asked for.
 *
 * @param judgedOnly whether each is followed by itself over judged documents alone, where it can be.
 */
export const measuresOf = (texts: ReadonlyArray<string>, judgedOnly = false): ReadonlyArray<Measure> => {
  const byName = new Map<string, Measure>()
  for (const name of texts) {
    const parsed = parseMeasures(name)
    if (!parsed.ok) continue
    for (const measure of parsed.value) {
      const variant = judgedOnly ? measure.overJudged() : null
      for (const each of variant === null ? [measure] : [measure, variant]) byName.set(measureName(each), each)
    }
  }
  return [...byName.values()]
}
