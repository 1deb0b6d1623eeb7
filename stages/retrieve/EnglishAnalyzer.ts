/**
 * Terms of a text, equal to those of Lucene's `EnglishAnalyzer`: words (see `WordScanner`), less Lucene's 33 English
 * stop words, stemmed by Porter's algorithm.
 */
import { type Analysis, termsOf } from "./Analyzer.ts"
import { porterStem } from "./PorterStemmer.ts"
import { WordScanner } from "./WordScanner.ts"

/** Lucene's `EnglishAnalyzer.ENGLISH_STOP_WORDS_SET`. */
export const englishStopWords: ReadonlyArray<string> = (
  "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this " +
  "to was will with"
).split(" ")

export const english: Analysis = {
  name: "lucene-english-9",
  scanner: () => new WordScanner({ possessive: true }),
  stopWords: englishStopWords,
  stem: porterStem,
}

/** The terms of a text, in order. */
export const analyze = (text: string): ReadonlyArray<string> => termsOf(english, text)
