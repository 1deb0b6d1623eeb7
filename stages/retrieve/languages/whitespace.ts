import type { Analysis, Scanner } from "../Analyzer.ts"
import { hashUnits, maxWordLength } from "../WordScanner.ts"

/** Java's `Character.isWhitespace`: no-break spaces are none. */
const isSpace = (unit: number): boolean =>
  (unit >= 9 && unit <= 13) ||
  (unit >= 28 && unit <= 32) ||
  unit === 0x1680 ||
  (unit >= 0x2000 && unit <= 0x200a && unit !== 0x2007) ||
  unit === 0x2028 ||
  unit === 0x2029 ||
  unit === 0x205f ||
  unit === 0x3000

/** What stands between white space, as it stands; longer words are cut into pieces, never inside a surrogate pair. */
class WhitespaceScanner implements Scanner {
  readonly units = new Uint16Array(maxWordLength + 1)
  length = 0
  hash = 0
  #text = ""
  #at = 0

  reset(text: string): void {
    this.#text = text
    this.#at = 0
  }

  next(): boolean {
    const text = this.#text
    while (this.#at < text.length && isSpace(text.charCodeAt(this.#at))) this.#at++
    let length = 0
    while (this.#at < text.length && length < maxWordLength) {
      const unit = text.charCodeAt(this.#at)
      if (isSpace(unit)) break
      this.units[length++] = unit
      this.#at++
      const low = text.charCodeAt(this.#at)
      if ((unit & 0xfc00) === 0xd800 && (low & 0xfc00) === 0xdc00) {
        this.units[length++] = low
        this.#at++
      }
    }
    this.length = length
    this.hash = hashUnits(this.units, length)
    return length > 0
  }
}

/** Lucene's `WhitespaceAnalyzer`. */
export const whitespace: Analysis = {
  name: "lucene-whitespace-10",
  scanner: () => new WhitespaceScanner(),
  stopWords: [],
  stem: (_, length) => length,
}
