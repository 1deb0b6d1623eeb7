/** Turns texts into terms: words as a scanner finds them, less stop words, each made into a term by a stemmer. */
import { hashUnits, maxWordLength } from "./WordScanner.ts"
import { addWord, findWord, makeWordTable, type WordTable, wordAt } from "./WordTable.ts"

/** Finds the words of one text at a time: after a `next` that returned true the word is `units[0 .. length)`, and `hash` its `hashUnits`. */
export interface Scanner {
  readonly units: Uint16Array
  readonly length: number
  readonly hash: number
  readonly reset: (text: string) => void
  readonly next: () => boolean
}

/** How texts become terms. */
export interface Analysis {
  /** Names it in index files; a change of its output changes the name. */
  readonly name: string
  readonly scanner: () => Scanner
  /** Words, as the scanner yields them, that are no terms. */
  readonly stopWords: ReadonlyArray<string>
  /**
   * Makes the word `units[0 .. length)` a term in its place and gives the term's length, or -1 where it is none; there is room for twice
   * the word.
   */
  readonly stem: (units: Uint16Array, length: number) => number
}

/** Distinct words whose stem is remembered, at most; words met later are stemmed each time. */
const rememberedWords = 1 << 22

const stopped = -1

export const noMoreTerms = -2
export const unknownTerm = -3

/**
 * Turns texts into term ids. Ids count up in order of first sight; `terms` is the vocabulary. With `grow: false` the
 * vocabulary stays as given and unknown terms get no id.
 */
export class Analyzer {
  /** Units that a term may have: twice a word's. */
  static readonly longestTerm = 2 * (maxWordLength + 1)
  readonly terms: WordTable
  readonly #analysis: Analysis
  readonly #grow: boolean
  readonly #scanner: Scanner
  readonly #words = makeWordTable()
  #termOfWord = new Int32Array(1024)
  readonly #stem = new Uint16Array(Analyzer.longestTerm)

  constructor(analysis: Analysis, options: { readonly terms?: WordTable; readonly grow?: boolean } = {}) {
    this.#analysis = analysis
    this.#scanner = analysis.scanner()
    this.terms = options.terms ?? makeWordTable()
    this.#grow = options.grow ?? true
    for (const word of analysis.stopWords) {
      const units = Uint16Array.from(word, (unit) => unit.charCodeAt(0))
      this.#remember(units, units.length, hashUnits(units, units.length), stopped)
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
    const stemLength = this.#analysis.stem(stem, length)
    if (stemLength < 0) {
      if (this.#words.size < rememberedWords) this.#remember(units, length, hash, stopped)
      return stopped
    }
    const stemHash = hashUnits(stem, stemLength)
    let term = findWord(this.terms, stem, stemLength, stemHash)
    if (term < 0) term = this.#grow ? addWord(this.terms, stem, stemLength, stemHash) : unknownTerm
    if (this.#words.size < rememberedWords && (this.#grow || term !== unknownTerm)) {
      this.#remember(units, length, hash, term)
    }
    return term
  }

  #remember(units: Uint16Array, length: number, hash: number, term: number): void {
    const word = addWord(this.#words, units, length, hash)
    if (word === this.#termOfWord.length) {
      const larger = new Int32Array(word * 2)
      larger.set(this.#termOfWord)
      this.#termOfWord = larger
    }
    this.#termOfWord[word] = term
  }
}

/** The terms of a text, in order. */
export const termsOf = (analysis: Analysis, text: string): ReadonlyArray<string> => {
  const analyzer = new Analyzer(analysis)
  analyzer.reset(text)
  const terms: Array<string> = []
  for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
    terms.push(wordAt(analyzer.terms, term))
  }
  return terms
}
