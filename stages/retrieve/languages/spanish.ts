import { stopWords } from "../generated/stopWords.ts"
import { foldLetters, wordAnalysis } from "./wordAnalysis.ts"

const fold = foldLetters(["àáâä", "a"], ["òóôö", "o"], ["èéêë", "e"], ["ùúûü", "u"], ["ìíîï", "i"])

/** The light stemmer of Savoy, Report on CLEF-2001 Experiments, as Lucene's `SpanishLightStemmer` has it. */
const stem = (word: string): string => {
  if (word.length < 5) return word
  const stem = fold(word)
  if (/[oae]$/u.test(stem)) return stem.slice(0, -1)
  if (stem.endsWith("eses")) return stem.slice(0, -2)
  if (stem.endsWith("ces")) return `${stem.slice(0, -3)}z`
  return /[oae]s$/u.test(stem) ? stem.slice(0, -2) : stem
}

export const spanish = wordAnalysis({ name: "lucene-spanish-10", stopWords: stopWords.spanish, after: stem })
