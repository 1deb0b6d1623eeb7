import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import fc from "fast-check"
import { afterEach, describe, expect, it } from "vitest"
import { IndexUnreadable } from "../../stages/retrieve/ArrayFiles.ts"
import { Bm25Searcher, defaultBm25, queryAnalyzer } from "../../stages/retrieve/Bm25.ts"
import { docidAt, docidsOf } from "../../stages/retrieve/Docids.ts"
import { readIndex, writeIndex } from "../../stages/retrieve/IndexFiles.ts"
import {
  documentFrequency,
  emptyPostings,
  IndexBuilder,
  type InvertedIndex,
  readPostings,
  type TermPostings,
} from "../../stages/retrieve/InvertedIndex.ts"
import { SearchPool } from "../../stages/retrieve/SearchPool.ts"
import { wordAt } from "../../stages/retrieve/WordTable.ts"
import { goldenLines, unescapeText } from "./golden.ts"

const folders: Array<string> = []
const folder = (): string => {
  const path = mkdtempSync(join(tmpdir(), "rankdag-index-"))
  folders.push(path)
  return path
}
afterEach(() => {
  for (const path of folders.splice(0)) rmSync(path, { recursive: true, force: true })
})

const build = (texts: ReadonlyArray<string>): InvertedIndex => {
  const builder = new IndexBuilder()
  texts.forEach((text, i) => builder.add(`d${i}`, text))
  return builder.finish()
}

const texts = goldenLines("documents.txt.gz").map(unescapeText)
const queries = goldenLines("queries.txt.gz").map(unescapeText)

const postingsOf = (index: InvertedIndex, term: number): TermPostings => {
  const postings = emptyPostings()
  readPostings(index, term, postings)
  return postings
}

/** What an index says, without its tables' spare room. */
const content = (index: InvertedIndex) => ({
  terms: Array.from({ length: index.terms.size }, (_, term) => {
    const { docs, frequencies, size } = postingsOf(index, term)
    expect(documentFrequency(index, term)).toBe(size)
    return {
      term: wordAt(index.terms, term),
      postings: Array.from({ length: size }, (_unused, at) => [docs[at], frequencies[at]]),
    }
  }),
  lengths: Array.from(index.lengths),
  docids: Array.from(index.lengths, (_, doc) => docidAt(index.docids, doc)),
  counts: [index.totalLength, index.documentsWithTerms],
})

describe("the inverted index", () => {
  it("R20 has, for every term, its documents in order with exact frequencies", () => {
    const words = fc.array(fc.constantFrom("ab", "cd", "ef", "gh"), { maxLength: 12 })
    const many = fc.tuple(fc.constantFrom("ab", "zz"), fc.integer({ min: 250, max: 600 }))
    const text = fc.oneof(
      { weight: 5, arbitrary: words },
      { weight: 1, arbitrary: many.map(([word, n]) => new Array<string>(n).fill(word)) },
    )
    fc.assert(
      fc.property(fc.array(text, { maxLength: 20 }), (documents) => {
        const index = build(documents.map((each) => each.join(" ")))
        const expected = [...new Set(documents.flat())].map((term) => ({
          term,
          postings: documents.flatMap((each, doc) => {
            const frequency = each.filter((other) => other === term).length
            return frequency === 0 ? [] : [[doc, frequency]]
          }),
        }))
        const { terms, lengths, counts } = content(index)
        expect(terms).toEqual(expected)
        expect(lengths).toEqual(documents.map((each) => each.length))
        expect(counts).toEqual([documents.flat().length, documents.filter((each) => each.length > 0).length])
      }),
    )
  })

  it.each([false, true])("R21 comes back from its files as it was (shared memory: %s)", (shared) => {
    const index = build(texts)
    const path = folder()
    writeIndex(path, index)
    const read = readIndex(path, { shared })
    expect(content(read)).toEqual(content(index))
    expect(read.postings.common.buffer instanceof SharedArrayBuffer).toBe(shared)
    const one = new Bm25Searcher(index, defaultBm25)
    const two = new Bm25Searcher(read, defaultBm25)
    for (const query of queries) {
      expect(two.search(queryAnalyzer(read)(query), 100)).toEqual(one.search(queryAnalyzer(index)(query), 100))
    }
  })

  it("R21 has docids as they were given, one by one or many at a time", () => {
    for (const docids of [
      ["a", "", "b c", "10"],
      ["é", "a", "\u{10000}x", "ﬀ"],
    ]) {
      const builder = new IndexBuilder()
      for (const docid of docids) builder.add(docid, "cell")
      const index = builder.finish()
      expect(docidsOf(index.docids, Int32Array.of(3, 0, 1, 2, 0))).toEqual([3, 0, 1, 2, 0].map((doc) => docids[doc]))
      expect(docids.map((_, doc) => docidAt(index.docids, doc))).toEqual(docids)
    }
  })

  it("R22 the same passages give the same bytes", () => {
    const [first, second] = [folder(), folder()]
    writeIndex(first, build(texts))
    writeIndex(second, build(texts))
    expect(readdirSync(first).sort()).toEqual(readdirSync(second).sort())
    for (const name of readdirSync(first)) {
      expect(readFileSync(join(first, name)).equals(readFileSync(join(second, name)))).toBe(true)
    }
  })

  it("R23 an index of no passages, and one of empty passages, can be written and read", () => {
    for (const none of [[], ["", "the"]]) {
      const path = folder()
      writeIndex(path, build(none))
      expect(content(readIndex(path))).toEqual(content(build(none)))
    }
  })

  it("R20 has the postings of common and rarer terms over many windows of documents, however often a term stands in one", () => {
    const documents = 13_000
    const frequencyOf = (word: number, doc: number): number =>
      (Math.imul(doc + word, 2_654_435_761) >>> 8) % 2 ** word === 0
        ? (doc * 31 + word) % 97 === 0
          ? 14 + (doc % 300)
          : 1 + (doc % 3)
        : 0
    const index = build(
      Array.from({ length: documents }, (_, doc) =>
        Array.from({ length: 12 }, (_word, word) => `w${word}x `.repeat(frequencyOf(word, doc))).join(""),
      ),
    )
    const path = folder()
    writeIndex(path, index)
    const read = readIndex(path)
    for (let term = 0; term < 12; term++) {
      const word = Number(/\d+/.exec(wordAt(index.terms, term))?.[0])
      const { docs, frequencies, size } = postingsOf(read, term)
      const found = new Map(Array.from({ length: size }, (_, at) => [docs[at]!, frequencies[at]!]))
      for (let doc = 0; doc < documents; doc++) expect(found.get(doc) ?? 0).toBe(frequencyOf(word, doc))
    }
  })

  it("R24 a file that is short or damaged, a header of another form: an error that names the file", () => {
    const path = folder()
    writeIndex(path, build(texts.slice(0, 20)))
    const file = join(path, "postings-rare.bin")
    const bytes = readFileSync(file)
    bytes[40]! ^= 4
    writeFileSync(file, bytes)
    expect(() => readIndex(path)).toThrow(/postings-rare\.bin: is not as it was written/)
    truncateSync(file, 40)
    expect(() => readIndex(path)).toThrow(/postings-rare\.bin: is not as it was written/)
    truncateSync(join(path, "docid-ranks.bin"), 76)
    expect(() => readIndex(path)).toThrow(IndexUnreadable)
    expect(() => readIndex(path)).toThrow(/docid-ranks\.bin: holds 76 bytes, not 80/)
    for (const header of ['{"format":1}', "{", "[]"]) {
      writeFileSync(join(path, "index.json"), header)
      expect(() => readIndex(path)).toThrow(IndexUnreadable)
      expect(() => readIndex(path)).toThrow(/index\.json: is no header of an index of format 2/)
    }
  })

  it("R25 several threads find what one finds, in the order asked", async () => {
    const path = folder()
    writeIndex(path, build(texts))
    const index = readIndex(path, { shared: true })
    const terms = queries.map(queryAnalyzer(index))
    const worker = new URL("../../stages/retrieve/searchThread.js", import.meta.url).pathname
    const pool = new SearchPool(index, defaultBm25, 2, worker)
    try {
      const asked = terms.map((query) => pool.search([query, terms[0]!], 50))
      const searcher = new Bm25Searcher(index, defaultBm25)
      expect((await Promise.all(asked)).map(([hits]) => hits)).toEqual(terms.map((query) => searcher.search(query, 50)))
    } finally {
      await pool.close()
    }
    await expect(pool.search(terms, 1)).rejects.toThrow("closed")
  })

  it("R26 a thread that cannot start fails the search instead of leaving it waiting", async () => {
    const index = build(texts.slice(0, 3))
    const pool = new SearchPool(index, defaultBm25, 1, new URL("./absentWorker.ts", import.meta.url).pathname)
    await expect(pool.search([{ ids: [0], counts: [1] }], 1)).rejects.toThrow()
    await pool.close()
  })
})
