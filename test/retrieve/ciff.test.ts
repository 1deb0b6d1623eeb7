import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { Bm25Searcher, defaultBm25, queryAnalyzer } from "../../stages/retrieve/Bm25.ts"
import { CiffIndex } from "../../stages/retrieve/ciff/CiffIndex.ts"
import { MessageBytes } from "../../stages/retrieve/ciff/messages.ts"
import { readCiff } from "../../stages/retrieve/ciff/readCiff.ts"
import { writeCiff } from "../../stages/retrieve/ciff/writeCiff.ts"
import { docidAt } from "../../stages/retrieve/Docids.ts"
import { DocidsBuilder, DocidTable } from "../../stages/retrieve/DocidTable.ts"
import { english } from "../../stages/retrieve/EnglishAnalyzer.ts"
import { emptyPostings, IndexBuilder, type InvertedIndex, readPostings } from "../../stages/retrieve/InvertedIndex.ts"
import { CiffUnusable } from "../../stages/retrieve/RetrieveError.ts"
import { wordAt } from "../../stages/retrieve/WordTable.ts"
import { temporaryFolder } from "../support/storedTable.ts"
import { goldenLines, unescapeText } from "./golden.ts"

const file = (): string => join(temporaryFolder("ciff"), "index.ciff")

const imported = async (path: string, docids: ReadonlyArray<string>): Promise<InvertedIndex> => {
  const builder = new DocidsBuilder()
  for (const docid of docids) builder.add(docid)
  const read = new CiffIndex(new DocidTable(builder.finish()))
  await readCiff(path, "index.ciff", {
    header: (header) => read.header(header),
    postings: (postings) => read.postings(postings),
    document: (document) => read.document(document),
    progress: () => undefined,
  })
  return read.finish(english)
}

/** How often each term stands in each document, by its words and docids. */
const contents = (index: InvertedIndex) => {
  const found = new Map<string, Record<string, number>>()
  const postings = emptyPostings()
  for (let term = 0; term < index.terms.size; term++) {
    readPostings(index, term, postings)
    for (let at = 0; at < postings.size; at++) {
      const docid = docidAt(index.docids, postings.docs[at]!)
      const own = found.get(docid) ?? {}
      own[wordAt(index.terms, term)] = postings.frequencies[at]!
      found.set(docid, own)
    }
  }
  return found
}

const texts = goldenLines("documents.txt.gz").slice(0, 40).map(unescapeText)

interface Row {
  readonly term: string
  readonly df: number
  readonly cf: number
  readonly postings: ReadonlyArray<readonly [gap: number, tf: number]>
}

/** A file of two documents, `a` of length 3 and `b` of length 1, or what is changed of it. */
const made = (changed: {
  readonly header?: Readonly<Record<number, number>>
  readonly lists?: ReadonlyArray<Row>
  readonly documents?: ReadonlyArray<readonly [number: number, docid: string, length: number]>
}): Uint8Array => {
  const lists = changed.lists ?? [
    {
      term: "fog",
      df: 2,
      cf: 3,
      postings: [
        [0, 2],
        [1, 1],
      ],
    },
    { term: "mud", df: 1, cf: 1, postings: [[0, 1]] },
  ]
  const documents = changed.documents ?? [
    [0, "a", 3],
    [1, "b", 1],
  ]
  const out = new MessageBytes()
  const put = (fill: (message: MessageBytes) => void): void => {
    const message = new MessageBytes()
    fill(message)
    out.varint(message.written.length)
    out.append(message.written)
  }
  const header = {
    1: 1,
    2: lists.length,
    3: documents.length,
    4: lists.length,
    5: documents.length,
    6: 4,
    ...changed.header,
  }
  put((message) => {
    for (const [field, value] of Object.entries(header)) message.number(Number(field), value)
    message.double(7, 2)
    message.text(99, "a field of a later version")
  })
  for (const { cf, df, postings, term } of lists) {
    put((message) => {
      message.text(1, term)
      message.number(2, df)
      message.number(3, cf)
      for (const [gap, tf] of postings) message.posting(gap, tf)
    })
  }
  for (const [number, docid, length] of documents) {
    put((message) => {
      message.number(1, number)
      message.text(2, docid)
      message.number(3, length)
    })
  }
  return out.written.slice()
}

const problem = async (bytes: Uint8Array, docids: ReadonlyArray<string> = ["a", "b"]): Promise<string> => {
  const path = file()
  writeFileSync(path, bytes)
  try {
    await imported(path, docids)
    return ""
  } catch (error) {
    return error instanceof CiffUnusable || error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

describe("CIFF", () => {
  it("R84 an index that is written and read again finds the same, to the bit, also where the collection's order is another", async () => {
    const builder = new IndexBuilder()
    const rare = `${"𝛼βγ ".repeat(300)}  naïve 漢字`
    const all = [...texts, "", rare]
    all.forEach((text, i) => builder.add(`p${i}`, text))
    const index = builder.finish()
    const [one, two] = [file(), file()]
    writeCiff(one, index)
    writeCiff(two, index)
    expect(readFileSync(one).equals(readFileSync(two))).toBe(true)
    const docids = all.map((_, i) => `p${i}`)
    for (const order of [docids, [...docids].reverse()]) {
      const read = await imported(one, order)
      expect(contents(read)).toEqual(contents(index))
      expect([read.totalLength, read.documentsWithTerms]).toEqual([index.totalLength, index.documentsWithTerms])
      const [ours, theirs] = [index, read].map((each) => {
        const searcher = new Bm25Searcher(each, defaultBm25)
        const terms = queryAnalyzer(each)
        return [...goldenLines("queries.txt.gz").slice(0, 60), "naïve 𝛼βγ"].map((query) => {
          const { docs, scores } = searcher.search(terms(query), 30)
          return Array.from(docs, (doc, at) => [docidAt(each.docids, doc), scores[at]])
        })
      })
      expect(theirs).toEqual(ours)
    }
  })

  it("R85 reads what ciff-toolkit writes, packed or not", async () => {
    const packed = readFileSync(new URL("../reference/ciff/toolkit.ciff.gz", import.meta.url))
    const docids = texts.map((_, i) => `p${i}`)
    for (const bytes of [packed, gunzipSync(packed)]) {
      const path = file()
      writeFileSync(path, bytes)
      const read = await imported(path, docids)
      const expected = new Map<string, Record<string, number>>()
      texts.forEach((text, i) => {
        if (i === 7) return
        const counts: Record<string, number> = {}
        for (const [word] of text.toLowerCase().matchAll(/[a-z]+/g)) counts[word] = (counts[word] ?? 0) + 1
        expected.set(`p${i}`, counts)
      })
      expect(contents(read)).toEqual(expected)
      expect([read.lengths.length, read.documentsWithTerms, read.lengths[7]]).toEqual([40, 39, 0])
    }
  })

  it("R86 what is cut, out of order, out of range or miscounted is an error that names file and byte", async () => {
    expect(await problem(made({}))).toBe("")
    const whole = made({})
    for (let end = 0; end < whole.length; end++) {
      expect(await problem(whole.subarray(0, end))).toMatch(/^CiffUnusable: index\.ciff, byte \d+: /)
    }
    expect(await problem(gzipSync(whole).subarray(0, 40))).toContain("the gzip data ends before its end mark")
    expect(await problem(Buffer.concat([whole, whole]))).toContain("more follows after the 2 documents")
    expect(await problem(Buffer.from("no CIFF file at all, but text"))).toContain("index.ciff, byte 0: ")
    const list = (row: Partial<Row>) =>
      problem(
        made({
          lists: [
            {
              term: "fog",
              df: 2,
              cf: 3,
              postings: [
                [0, 2],
                [1, 1],
              ],
              ...row,
            },
          ],
        }),
      )
    expect(
      await list({
        postings: [
          [1, 2],
          [0, 1],
        ],
      }),
    ).toContain("document 1 comes twice under «fog»")
    expect(
      await list({
        postings: [
          [1, 2],
          [2 ** 53, 1],
        ],
      }),
    ).toContain("index.ciff, byte ")
    expect(
      await list({
        postings: [
          [0, 2],
          [5, 1],
        ],
      }),
    ).toContain("document 5 under «fog» is out of range: there are 2")
    expect(
      await list({
        postings: [
          [0, 3],
          [1, 0],
        ],
      }),
    ).toContain("«fog» stands 0 times in document 1")
    expect(await list({ df: 3 })).toContain("df of «fog» is 3, and its postings are 2")
    expect(await list({ cf: 4 })).toContain("cf of «fog» is 4, and its postings have 3")
    expect(await list({ term: "" })).toContain("a term has 0 UTF-16 units")
    const fog: Row = { term: "fog", df: 1, cf: 1, postings: [[0, 1]] }
    expect(await problem(made({ lists: [fog, fog] }))).toContain("the term «fog» comes twice")
    expect(await problem(made({ header: { 1: 2 } }))).toContain("it is of CIFF's version 2, not 1")
    expect(await problem(made({ header: { 5: 9 } }))).toContain("it is a part: 2 of the index's 9 documents")
    expect(await problem(made({ header: { 2: 3 } }))).toContain("index.ciff, byte ")
    const secondDocument = (row: readonly [number: number, docid: string, length: number]) =>
      problem(made({ documents: [[0, "a", 3], row] }))
    expect(await secondDocument([0, "b", 1])).toContain("document 0 comes twice")
    expect(await secondDocument([7, "b", 1])).toContain("document 7 is out of range")
    expect(await secondDocument([1, "a", 1])).toContain("the docid a comes twice")
    expect(await secondDocument([1, "x", 1])).toContain("x is no docid of the collection")
    expect(await problem(made({}), ["a"])).toMatch(/b is no docid of the collection/)
    expect(await problem(made({}), ["a", "b", "c"])).toBe("")
    // Minus one, as protobuf has it: ten bytes.
    const negative = Buffer.from([8, 1, 16, 0, 24, 0, 40, ...Array.from({ length: 9 }, () => 255), 1])
    expect(await problem(Buffer.concat([Buffer.from([negative.length]), negative]))).toContain("field 5 is negative")
  })
})
