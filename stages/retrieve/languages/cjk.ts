import type { Analysis, Scanner } from "../Analyzer.ts"
import { stopWords } from "../generated/stopWords.ts"
import { hashUnits, isCjkWord, maxWordLength, WordScanner } from "../WordScanner.ts"

/** Of the half-width katakana from U+FF65 on, the usual ones. */
const katakana =
  "・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309a"

/** Full-width ASCII becomes ASCII, half-width katakana usual ones, with their marks: Lucene's `CJKWidthFilter`. */
const usualWidth = (word: string): string => {
  let out = ""
  for (const letter of word) {
    const unit = letter.charCodeAt(0)
    const last = out.at(-1)
    if (unit >= 0xff01 && unit <= 0xff5e) out += String.fromCharCode(unit - 0xfee0)
    else if ((unit === 0xff9e || unit === 0xff9f) && last !== undefined && /[\u30a6-\u30fd]/u.test(last)) {
      const mark = katakana[unit - 0xff65]!
      const both = (last + mark).normalize("NFC")
      out = both.length === 1 ? out.slice(0, -1) + both : out + mark
    } else if (unit >= 0xff65 && unit <= 0xff9f) out += katakana[unit - 0xff65]!
    else out += letter
  }
  return out
}

/** Words, and in place of those of ideographs, kana and Hangul that touch, each two of their characters: Lucene's `CJKBigramFilter`. */
class BigramScanner implements Scanner {
  readonly units = new Uint16Array(maxWordLength + 1)
  length = 0
  hash = 0
  readonly #words = new WordScanner({ possessive: false })
  #terms: ReadonlyArray<string> = []
  #at = 0

  reset(text: string): void {
    const words = this.#words
    words.reset(text)
    const terms: Array<string> = []
    let run: Array<string> = []
    let end = 0
    const flush = (): void => {
      if (run.length === 1) terms.push(run[0]!)
      for (let at = 1; at < run.length; at++) terms.push(run[at - 1]! + run[at]!)
      run = []
    }
    while (words.next()) {
      const word = usualWidth(String.fromCharCode(...words.units.subarray(0, words.length)))
      const joins = isCjkWord(text, words.start, words.end)
      if (!joins || words.start !== end) flush()
      if (joins) {
        run.push(...word)
        end = words.end
      } else terms.push(word)
    }
    flush()
    this.#terms = terms
    this.#at = 0
  }

  next(): boolean {
    const term = this.#terms[this.#at++]
    if (term === undefined) return false
    for (let at = 0; at < term.length; at++) this.units[at] = term.charCodeAt(at)
    this.length = term.length
    this.hash = hashUnits(this.units, term.length)
    return true
  }
}

/** Lucene's `CJKAnalyzer`. */
export const cjk: Analysis = {
  name: "lucene-cjk-10",
  scanner: () => new BigramScanner(),
  stopWords: stopWords.cjk.split(" "),
  stem: (_, length) => length,
}
