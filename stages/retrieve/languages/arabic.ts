import { stopWords } from "../generated/stopWords.ts"
import { wordAnalysis } from "./wordAnalysis.ts"

const isDigit = (point: number): boolean => /^\p{Nd}$/u.test(String.fromCodePoint(point))

/** Digits of all scripts become those of ASCII, as Lucene's `DecimalDigitFilter` does it. Digits stand in tens from 0. */
const latinDigits = (word: string): string =>
  word.replace(/[^\P{Nd}0-9]/gu, (digit) => {
    const point = digit.codePointAt(0) ?? 0
    let before = 0
    while (isDigit(point - before - 1)) before++
    return String(before % 10)
  })

/** Alefs, yehs and teh marbuta become one form each, vowel signs and tatweel go: Lucene's `ArabicNormalizer`. */
const normalized = (word: string): string =>
  word
    .replace(/[\u0622\u0623\u0625]/gu, "\u0627")
    .replaceAll("\u0649", "\u064a")
    .replaceAll("\u0629", "\u0647")
    .replace(/[\u0640\u064b-\u0652]/gu, "")

const prefixes = ["ال", "وال", "بال", "كال", "فال", "لل", "و"]
const suffixes = ["ها", "ان", "ات", "ون", "ين", "يه", "ية", "ه", "ة", "ي"]

/** The light stemmer of Larkey, Ballesteros and Connell (light10), as Lucene's `ArabicStemmer` has it: one prefix, then suffixes in turn. */
const stem = (word: string): string => {
  const prefix = prefixes.find(
    (each) => word.startsWith(each) && word.length >= (each.length === 1 ? 4 : each.length + 2),
  )
  let stem = prefix === undefined ? word : word.slice(prefix.length)
  for (const suffix of suffixes) {
    if (stem.endsWith(suffix) && stem.length >= suffix.length + 2) stem = stem.slice(0, -suffix.length)
  }
  return stem
}

export const arabic = wordAnalysis({
  name: "lucene-arabic-10",
  stopWords: stopWords.arabic,
  before: latinDigits,
  after: (word) => stem(normalized(word)),
})
