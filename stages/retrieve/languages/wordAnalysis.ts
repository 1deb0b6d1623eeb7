import type { Analysis } from "../Analyzer.ts"
import { WordScanner } from "../WordScanner.ts"

/** An analysis that takes each word by itself: the words of Lucene's `StandardTokenizer` and `LowerCaseFilter`. */
export const wordAnalysis = (options: {
  readonly name: string
  readonly stopWords: string
  /** What is done before stop words are looked up. */
  readonly before?: (word: string) => string
  /** What is done after. */
  readonly after?: (word: string) => string
}): Analysis => {
  const { after = (word) => word, before = (word) => word, name } = options
  const stopWords = new Set(options.stopWords.split(" "))
  return {
    name,
    scanner: () => new WordScanner({ possessive: false }),
    stopWords: [],
    stem: (units, length) => {
      const word = before(String.fromCharCode(...units.subarray(0, length)))
      if (stopWords.has(word)) return -1
      const term = after(word)
      for (let at = 0; at < term.length; at++) units[at] = term.charCodeAt(at)
      return term.length
    },
  }
}

/** Takes an article before an apostrophe off, as Lucene's `ElisionFilter` does. */
export const withoutArticle = (articles: string): ((word: string) => string) => {
  const known = new Set(articles.split(" "))
  return (word) => {
    const at = word.search(/['\u2019]/u)
    return at >= 0 && known.has(word.slice(0, at)) ? word.slice(at + 1) : word
  }
}

/** Replaces letters by others: pairs of what stands for what, as `àáâ a`. */
export const foldLetters = (
  ...groups: ReadonlyArray<readonly [from: string, to: string]>
): ((word: string) => string) => {
  const letters = new Map(groups.flatMap(([from, to]) => [...from].map((letter) => [letter, to] as const)))
  const any = new RegExp(`[${groups.map(([from]) => from).join("")}]`, "gu")
  return (word) => word.replace(any, (letter) => letters.get(letter) ?? letter)
}
