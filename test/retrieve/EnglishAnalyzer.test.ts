import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Analyzer, noMoreTerms } from "../../stages/retrieve/Analyzer.ts"
import { analyze, english, englishStopWords } from "../../stages/retrieve/EnglishAnalyzer.ts"
import { porterStem } from "../../stages/retrieve/PorterStemmer.ts"
import { hashUnits, WordScanner } from "../../stages/retrieve/WordScanner.ts"
import { addWord, findWord, makeWordTable, wordAt } from "../../stages/retrieve/WordTable.ts"
import { goldenLines, unescapeText } from "./golden.ts"

const words = (text: string): Array<string> => {
  const scanner = new WordScanner({ possessive: true })
  scanner.reset(text)
  const found: Array<string> = []
  while (scanner.next()) found.push(String.fromCharCode(...scanner.units.subarray(0, scanner.length)))
  return found
}

const stem = (word: string): string => {
  const units = new Uint16Array(word.length + 1)
  for (let i = 0; i < word.length; i++) units[i] = word.charCodeAt(i)
  return String.fromCharCode(...units.subarray(0, porterStem(units, word.length)))
}

describe("the English analyzer", () => {
  it("R1 yields the terms that Lucene's EnglishAnalyzer yields, on passages and on strings made to be hard", () => {
    const wrong: Array<unknown> = []
    const lines = goldenLines("tokens.tsv.gz")
    expect(lines.length).toBeGreaterThan(5000)
    for (const line of lines) {
      const [text = "", terms = ""] = line.split("\t")
      const expected = terms === "" ? [] : terms.split("\u0001")
      const actual = analyze(unescapeText(text))
      if (actual.join("\u0001") !== expected.join("\u0001")) wrong.push({ text, expected, actual })
    }
    expect(wrong).toEqual([])
  })

  it.each([
    ["can't o'clock U.S.A. 3.14 1,000 a.b:c foo_bar __x__ ___", "can't o'clock u.s.a 3.14 1,000 a.b:c foo_bar __x__"],
    ["the dogs’ dog’s DOG'S dogs'", "the dogs dog dog dogs"],
    ["漢字かなカタカナ한국어 ภาษาไทย", "漢 字 か な カタカナ 한국어 ภาษาไทย"],
    ["5️⃣ #️⃣ # 👨‍👩‍👧 👍🏽 🇫🇷🇩🇪", "5️⃣ #️⃣ 👨‍👩‍👧 👍🏽 🇫🇷 🇩🇪"],
    ["naïve Éclair ΑΣ İ \u{10400}", "naïve éclair ας i \u{10428}".replace("ας", "ασ")],
    ["", ""],
    [" .,;\n\t—", ""],
  ])("R2 finds the words of %j", (text, expected) => {
    expect(words(text).join(" ")).toBe(expected)
  })

  it("R3 cuts a word of more than 255 UTF-16 units into pieces, never inside a surrogate pair", () => {
    expect(words("x".repeat(600)).map((word) => word.length)).toEqual([255, 255, 90])
    expect(words(`x${"\u{10400}".repeat(200)}`).map((word) => word.length)).toEqual([255, 146])
    expect(words("\u{10400}".repeat(200)).map((word) => word.length)).toEqual([254, 146])
  })

  it.each([
    ["caresses", "caress"],
    ["ponies", "poni"],
    ["agreed", "agre"],
    ["hopping", "hop"],
    ["relational", "relat"],
    ["possibly", "possibl"],
    ["archaeology", "archaeolog"],
    ["controll", "control"],
    ["as", "as"],
    ["sky", "sky"],
    ["naïvely", "naïv"],
  ])("R4 stems %s to %s", (word, expected) => {
    expect(stem(word)).toBe(expected)
  })

  it("R5 drops Lucene's 33 stop words before stemming", () => {
    expect(englishStopWords.length).toBe(33)
    expect(analyze(englishStopWords.join(" "))).toEqual([])
    expect(analyze("This isn't THE ands")).toEqual(["isn't", "and"])
  })

  it("R6 depends on the text alone: what was analyzed before changes no term", () => {
    const analyzer = new Analyzer(english)
    fc.assert(
      fc.property(fc.fullUnicodeString({ maxLength: 60 }), (text) => {
        analyzer.reset(text)
        const terms: Array<string> = []
        for (let term = analyzer.next(); term !== noMoreTerms; term = analyzer.next()) {
          terms.push(wordAt(analyzer.terms, term))
        }
        expect(terms).toEqual(analyze(text))
      }),
    )
  })

  it("R7 ends on any UTF-16 string, lone surrogates included", () => {
    fc.assert(
      fc.property(fc.string16bits({ maxLength: 400 }), (text) => {
        for (const word of words(text)) expect(word.length).toBeLessThanOrEqual(255)
      }),
    )
  })

  it("R8 a word table numbers words in order of first sight and finds each again", () => {
    fc.assert(
      fc.property(fc.array(fc.string16bits({ maxLength: 12 }), { maxLength: 300 }), (all) => {
        const table = makeWordTable(1)
        const first = [...new Set(all)]
        for (const word of all) {
          const units = Uint16Array.from({ length: word.length }, (_, i) => word.charCodeAt(i))
          const hash = hashUnits(units, units.length)
          const id = findWord(table, units, units.length, hash)
          if (id < 0) addWord(table, units, units.length, hash)
          else expect(wordAt(table, id)).toBe(word)
        }
        expect(Array.from({ length: table.size }, (_, id) => wordAt(table, id))).toEqual(first)
      }),
    )
  })
})
