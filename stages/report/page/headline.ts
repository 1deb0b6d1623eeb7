import { conclude, correctedTogether } from "../../../schemas/index.ts"
import { queriesText, valueText } from "./numbers.ts"
import { bestOf, kindsOf, rowsOf, type Shown } from "./View.ts"

/** What the tests allow to be said of who is first on a slice; nothing where no systems were compared. */
const conclusionOf = ({ dataset, measure, split }: Shown, kind: string) => {
  const { significance } = dataset
  const isHere = (row: { readonly split: string; readonly kind: string; readonly measure: string }) =>
    row.split === split.name && row.kind === kind && row.measure === measure
  const standing = significance?.standings.find(isHere)
  return significance === undefined || standing === undefined
    ? undefined
    : conclude(
        standing,
        { ...significance, comparisons: correctedTogether(significance, standing.split) },
        significance.rows.filter(isHere),
      )
}

const printed = (text: string): string => text.replaceAll("'", "’")

/** Begins with a capital, unless it begins with the name of a system. */
const capital = (sentence: string): string =>
  sentence.replace(/^(?:no|both|all) /, (word) => `${word[0]?.toUpperCase() ?? ""}${word.slice(1)}`)

/** What the table says first, in words: no more than the tests do. */
export const headline = (shown: Shown): { readonly title: string; readonly deck: ReadonlyArray<string> } => {
  const { dataset, measure, split, view } = shown
  const rows = rowsOf(shown, view.kind)
  const [any] = rows
  const where = `${dataset.name}, ${split.name}`
  if (any === undefined) return { title: where, deck: ["No system has a result here."] }
  const found = conclusionOf(shown, view.kind)
  const whose = view.kind === "all" ? "" : ` ${view.kind}`
  if (found === undefined) {
    const best = bestOf(rows, measure) ?? any
    const figures =
      rows.length > 1 ? `from ${valueText(measure, Math.min(...rows.map(({ means }) => means[measure] ?? 0)))} to ` : ""
    return {
      title: rows.length > 1 ? `${rows.length} systems on ${dataset.name}` : `${any.system} on ${dataset.name}`,
      deck: [
        `${measure} ${figures}${valueText(measure, best.means[measure])} over ${queriesText(any.queries).replace(" ", `${whose} `)} of the ${split.name} split${rows.length > 1 ? "; no test says how sure their order is" : ""}.`,
      ],
    }
  }
  const kinds = view.kind === "all" ? kindsOf(split) : []
  const byKind = kinds.flatMap((kind) => {
    const ofKind = conclusionOf(shown, kind)
    return ofKind === undefined ? [] : [`Among ${kind} queries ${printed(ofKind.says)}.`]
  })
  const title = capital(printed(found.says)).replace(/(on [\d,]+)( quer)/, `$1${whose}$2`)
  return {
    title,
    deck: [`${measure} on ${dataset.name}, ${split.name} split: ${printed(found.because)}.`, ...byKind],
  }
}
