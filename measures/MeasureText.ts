import * as Schema from "effect/Schema"
import { type Measure, measureName } from "./Measure.ts"
import { describeMeasureError } from "./MeasureError.ts"
import { parseMeasures } from "./parseMeasure.ts"
import { measureDigest } from "./registry.ts"

/** What stands between a measure's name and the digest of its code. No name has it. */
const mark = " code:"

/** The digests of what is measured by a name and came from outside. */
const digestsOf = (text: string): ReadonlyArray<string> => {
  const parsed = parseMeasures(text)
  const names = parsed.ok ? new Set(parsed.value.map(({ name }) => name)) : []
  return [...names].flatMap((name) => measureDigest(name) ?? [])
}

/**
 * A measure's name that is understood; anything else is refused with the reason and the nearest name. As it is encoded, in a key, the
 * name of one from outside has the digest of its code behind it.
 */
export const MeasureText = Schema.transform(
  Schema.NonEmptyString,
  Schema.NonEmptyString.pipe(
    Schema.filter((text) => {
      const parsed = parseMeasures(text)
      return parsed.ok || describeMeasureError(parsed.error)
    }),
  ),
  {
    strict: true,
    decode: (encoded) => encoded.split(mark)[0] ?? "",
    encode: (text) => [text, ...digestsOf(text)].join(mark),
  },
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
