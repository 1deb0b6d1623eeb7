import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { documentOf, passageId } from "../../schemas/index.ts"
import { windowsOf } from "../../stages/passages/windows.ts"

const passages = (text: string, window: number, stride: number): ReadonlyArray<string> =>
  windowsOf(text, window, stride).map(({ begin, end }) => text.slice(begin, end))

describe("windows of a document", () => {
  it("I200 windows of words, each a stride behind the last, up to the one that reaches the end", () => {
    expect(passages("a b c d e f g", 3, 2)).toEqual(["a b c", "c d e", "e f g"])
    expect(passages("a b c d e f", 3, 2)).toEqual(["a b c", "c d e", "e f"])
    expect(passages("a b c d e", 3, 3)).toEqual(["a b c", "d e"])
    expect(passages("  a\n\nb ", 3, 2)).toEqual(["  a\n\nb "])
    expect(passages(" a\n\nb  c d", 3, 3)).toEqual(["a\n\nb  c", "d"])
    expect(passages("", 3, 2)).toEqual([""])
    expect(passages("  ", 1, 1)).toEqual(["  "])
  })

  it("I200 property: every word is in a passage, in its order, no passage is longer than the window or inside of another", () => {
    const word = fc.constantFrom("tower", "é", "x", "the", "日本語", "a-b")
    const space = fc.constantFrom(" ", "\n", "\t ", "\u00a0", "  ")
    fc.assert(
      fc.property(
        fc.array(fc.tuple(word, space), { maxLength: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (parts, window, lesser) => {
          const stride = Math.min(window, lesser)
          const text = parts.flat().join("")
          const words = parts.map(([each]) => each)
          const found = passages(text, window, stride).map((passage) =>
            passage.split(/\s+/u).filter((each) => each !== ""),
          )
          const expected: Array<ReadonlyArray<string>> = []
          for (let from = 0; ; from += stride) {
            expected.push(words.slice(from, from + window))
            if (from + window >= words.length) break
          }
          expect(found).toEqual(expected)
        },
      ),
    )
  })

  it("I201 property: a passage's docid says its document and number, whatever the document's docid", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.constantFrom("#", "%p", "_", "'"),
        fc.nat(9999),
        (docid, separator, number) => {
          expect(documentOf(passageId(docid, separator, number), separator)).toEqual({ docid, number })
        },
      ),
    )
    expect(documentOf("d7", "#")).toEqual({ docid: "d7", number: 0 })
    expect(documentOf("#7", "#")).toEqual({ docid: "#7", number: 0 })
    expect(documentOf("d#x", "#")).toEqual({ docid: "d#x", number: 0 })
  })
})
