import { type Content, h } from "./Markup.ts"

/** Words that stand in nearly every text and so say nothing where they are found. */
const frequent = new Set(
  (
    "a about an and any are as at be been by can could did do does for from had has have how i if in into is it its " +
    "long many me much my no not of on or that the their there these they this those to was we were what when where which who " +
    "whose why will with would you your"
  ).split(" "),
)

const word = /[\p{L}\p{N}]+/gu

/** A word without its accents and, where enough is left, without the endings of plural and tense. */
const base = (text: string): string => {
  const plain = text.normalize("NFKD").replaceAll(/\p{M}/gu, "").toLowerCase()
  if (plain.length < 4) return plain
  const shorter = plain.replace(/(?:ies|ied)$/, "y").replace(/(?:ing|ed|es|s|e)$/, "")
  return shorter.length >= 3 ? shorter : plain
}

/** The words of a query that are worth finding. */
export const queryWords = (query: string): ReadonlySet<string> =>
  new Set(
    [...query.matchAll(word)]
      .map(([found]) => found.toLowerCase())
      .filter((found) => !frequent.has(found))
      .map(base),
  )

/** A text with the words marked that, up to their endings, are among those of a query. */
export const withMarks = (text: string, words: ReadonlySet<string>): Content => {
  const pieces: Array<Content> = []
  let from = 0
  for (const match of text.matchAll(word)) {
    if (!words.has(base(match[0]))) continue
    pieces.push(text.slice(from, match.index), h("mark", {}, match[0]))
    from = match.index + match[0].length
  }
  return [...pieces, text.slice(from)]
}
