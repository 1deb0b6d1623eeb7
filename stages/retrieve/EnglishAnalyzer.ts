/**
 * Terms of a text, equal to those of Lucene's `EnglishAnalyzer`: words (see `WordScanner`), less Lucene's 33 English
 * stop words, stemmed by Porter's algorithm.
 */
import { porterStem } from "./PorterStemmer.ts"
import { hashUnits, maxWordLength, WordScanner } from "./WordScanner.ts"
import { addWord, findWord, makeWordTable, type WordTable, wordAt } from "./WordTable.ts"

/** Names the analysis in index files; a change of its output changes the name. */
export const englishAnalyzerName = "lucene-english-9"

/** Lucene's `EnglishAnalyzer.ENGLISH_STOP_WORDS_SET`. */
export const englishStopWords: ReadonlyArray<string> = (
  "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this " +
  "to was will with"
).split(" ")

/** Distinct words whose stem is remembered, at most; words met later are stemmed each time. */
const rememberedWords = 1 << 22

const stopped = -1

/**
 * Turns texts into term ids. Ids count up in order of first sight; `terms` is the vocabulary. With `grow: false` the
 * vocabulary stays as given and unknown terms get no id.
 */
export class EnglishAnalyzer {
  readonly terms: WordTable
  readonly #grow: boolean
  readonly #scanner = new WordScanner()
  readonly #words = makeWordTable()
  #termOfWord = new Int32Array(1024)
  readonly #stem = new Uint16Array(maxWordLength + 2)
  #stopWords = 0

  constructor(options: { readonly terms?: WordTable; readonly grow?: boolean } = {}) {
    this.terms = options.terms ?? makeWordTable()
    this.#grow = options.grow ?? true
    for (const word of englishStopWords) {
      const units = Uint16Array.from(word, (unit) => unit.charCodeAt(0))
      addWord(this.#words, units, units.length, hashUnits(units, units.length))
      this.#termOfWord[this.#stopWords++] = stopped
    }
  }

  reset(text: string): void {
    this.#scanner.reset(text)
  }

  /** The next term's id, or `noMoreTerms`; `unknownTerm` for one outside a vocabulary that does not grow. */
  next(): number {
    const scanner = this.#scanner
    while (scanner.next()) {
      const word = findWord(this.#words, scanner.units, scanner.length, scanner.hash)
      const term = word >= 0 ? this.#termOfWord[word]! : this.#meet()
      if (term !== stopped) return term
    }
    return noMoreTerms
  }

  /** The scanner's current word, met for the first time. */
  #meet(): number {
    const { units, length, hash } = this.#scanner
    const stem = this.#stem
    for (let i = 0; i < length; i++) stem[i] = units[i]!
    const stemLength = porterStem(stem, length)
    const stemHash = hashUnits(stem, stemLength)
    let term = findWord(this.terms, stem, stemLength, stemHash)
    if (term < 0) term = this.#grow ? addWord(this.terms, stem, stemLength, stemHash) : unknownTerm
    if (this.#words.size < rememberedWords && (this.#grow || term !== unknownTerm)) {
      const word = addWord(this.#words, units, length, hash)
      if (word === this.#termOfWord.length) {
        const larger = new Int32Array(word * 2)
        larger.set(this.#termOfWord)
        this.#termOfWord = larger
      }
      this.#termOfWord[word] = term
    }
    return term
  }
}

export const noMoreTerms = -2
export const unknownTerm = -3

/** The terms of a text, in order. */
export const analyze = (text: string): ReadonlyArray<string> => {
  const analyzer = new EnglishAnalyzer()
  analyzer.reset(text)
  const terms: Array<string> = []
  for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
    terms.push(wordAt(analyzer.terms, term))
  }
  return terms
}
