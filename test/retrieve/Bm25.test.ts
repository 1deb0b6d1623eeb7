import { existsSync, readFileSync } from "node:fs"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { passageText } from "../../schemas/index.ts"
import { type Bm25Parameters, Bm25Searcher, defaultBm25, luceneIdf, queryAnalyzer } from "../../stages/retrieve/Bm25.ts"
import { docidAt } from "../../stages/retrieve/Docids.ts"
import { analyze } from "../../stages/retrieve/EnglishAnalyzer.ts"
import { emptyPostings, IndexBuilder, type InvertedIndex, readPostings } from "../../stages/retrieve/InvertedIndex.ts"
import { decodeLength, encodeLength } from "../../stages/retrieve/SmallFloat.ts"
import { goldenLines, unescapeText } from "./golden.ts"

const build = (texts: ReadonlyArray<string>, docid = (i: number): string => `d${i}`): InvertedIndex => {
  const builder = new IndexBuilder()
  texts.forEach((text, i) => builder.add(docid(i), text))
  return builder.finish()
}

/** BM25 written a second time: strings, maps, every document, no index. */
const naive = (
  texts: ReadonlyArray<string>,
  docids: ReadonlyArray<string>,
  { k1, b, lengths }: Bm25Parameters,
  query: string,
  k: number,
): Array<readonly [string, number]> => {
  const f = Math.fround
  const documents = texts.map((text) => analyze(text))
  const filled = documents.filter((terms) => terms.length > 0).length
  const average = f(documents.reduce((sum, terms) => sum + terms.length, 0) / filled)
  const count = (terms: ReadonlyArray<string>, term: string): number => terms.filter((other) => other === term).length
  const asked = analyze(query)
  const scored = documents.map((terms, i): readonly [string, number] => {
    const length = lengths === "lucene" ? decodeLength(encodeLength(terms.length)) : terms.length
    const inverse = f(1 / f(f(k1) * f(f(1 - f(b)) + f(f(f(b) * length) / average))))
    let score = 0
    for (const term of new Set(asked)) {
      const frequency = count(terms, term)
      if (frequency === 0) continue
      const n = documents.filter((other) => other.includes(term)).length
      const weight = f(count(asked, term) * luceneIdf(filled, n))
      score += f(weight - f(weight / f(1 + f(frequency * inverse))))
    }
    return [docids[i]!, f(score)]
  })
  return scored
    .filter(([, score]) => score > 0)
    .sort(([left, x], [right, y]) => y - x || Buffer.compare(Buffer.from(right), Buffer.from(left)))
    .slice(0, k)
}

const run = (index: InvertedIndex, parameters: Bm25Parameters, query: string, k: number) => {
  const { docs, scores } = new Bm25Searcher(index, parameters).search(queryAnalyzer(index)(query), k)
  return Array.from(docs, (doc, i) => [docidAt(index.docids, doc), scores[i]] as const)
}

describe("BM25", () => {
  const texts = goldenLines("documents.txt.gz").map(unescapeText)
  const queries = goldenLines("queries.txt.gz").map(unescapeText)

  it("R10 gives Lucene's scores to the last bit, for three pairs of k1 and b", () => {
    const index = build(texts)
    const analyzed = queries.map(queryAnalyzer(index))
    const float = new Float32Array(1)
    const bits = new Uint32Array(float.buffer)
    const hex = (score: number): string => {
      float[0] = score
      return bits[0]!.toString(16)
    }
    let compared = 0
    for (const line of goldenLines("scores.txt.gz")) {
      const [k1, b, query, ...hits] = line.split(" ")
      const searcher = new Bm25Searcher(index, { k1: Number(k1), b: Number(b), lengths: "lucene" })
      const { docs, scores } = searcher.search(analyzed[Number(query)]!, texts.length)
      const ours = new Map(Array.from(docs, (doc, i) => [doc, hex(scores[i]!)]))
      for (const hit of hits) {
        const [doc, score] = hit.split(":")
        expect(`${query} ${doc} ${ours.get(Number(doc))}`).toBe(`${query} ${doc} ${score}`)
        compared++
      }
      expect(Array.from(scores.subarray(0, hits.length), hex)).toEqual(hits.map((hit) => hit.split(":")[1]))
      if (hits.length < 50) expect(docs.length).toBe(hits.length)
    }
    expect(compared).toBeGreaterThan(9000)
  })

  it("R11 the k best are the first k of all, for any k, k1, b and rounding of lengths: skipping loses nothing", () => {
    const word = fc.constantFrom(..."ab bc cd de ef fg gh hi ij jk the not kl’s lm".split(" "))
    const text = fc.oneof(
      { weight: 9, arbitrary: fc.array(word, { maxLength: 30 }).map((all) => all.join(" ")) },
      { weight: 1, arbitrary: fc.tuple(word, fc.integer({ min: 14, max: 300 })).map(([w, n]) => `${w} `.repeat(n)) },
    )
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.fullUnicodeString({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 60 }),
        fc.array(text, { minLength: 60, maxLength: 60 }),
        fc.array(word, { minLength: 1, maxLength: 6 }),
        fc.record({
          k1: fc.constantFrom(0, 0.4, 0.9, 1.2, 3),
          b: fc.constantFrom(0, 0.4, 0.75, 1),
          lengths: fc.constantFrom("lucene" as const, "exact" as const),
        }),
        fc.integer({ min: 1, max: 70 }),
        (docids, all, query, parameters, k) => {
          const used = all.slice(0, docids.length)
          const index = build(used, (i) => docids[i]!)
          const asked = query.join(" ")
          expect(run(index, parameters, asked, k)).toEqual(naive(used, docids, parameters, asked, k))
        },
      ),
      { numRuns: 100 },
    )
  })

  it("R11 skipping loses nothing over many windows of documents", () => {
    let state = 7
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return Math.floor((state / 2 ** 32) * n)
    }
    const vocabulary = Array.from({ length: 400 }, (_, i) => `w${i}x`)
    const pick = (): string => vocabulary[Math.floor((random(1000) / 1000) ** 3 * 400)] ?? ""
    const many = Array.from({ length: 40_000 }, () => Array.from({ length: 3 + random(25) }, pick).join(" "))
    const index = build(many, (i) => String((i * 7919) % 40_000))
    const searcher = new Bm25Searcher(index, defaultBm25)
    const parse = queryAnalyzer(index)
    for (let q = 0; q < 30; q++) {
      const query = parse(Array.from({ length: 1 + random(7) }, pick).join(" "))
      const all = searcher.search(query, many.length)
      for (const k of [1, 10, 100, 1000]) {
        const some = searcher.search(query, k)
        expect(some.docs).toEqual(all.docs.slice(0, k))
        expect(some.scores).toEqual(all.scores.slice(0, k))
      }
    }
  })

  it("R11 over many windows the k best are those of scores summed posting by posting", () => {
    let state = 11
    const random = (n: number): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0
      return Math.floor((state / 2 ** 32) * n)
    }
    const word = (): string => `w${Math.floor((random(1000) / 1000) ** 4 * 300)}x`
    const many = Array.from({ length: 20_000 }, () =>
      Array.from({ length: 2 + random(20) }, () => `${word()} `.repeat(random(200) === 0 ? 10 + random(300) : 1)).join(
        "",
      ),
    )
    const index = build(many, (i) => String((i * 7919) % 20_000))
    const parse = queryAnalyzer(index)
    const postings = emptyPostings()
    const f = Math.fround
    for (const parameters of [
      defaultBm25,
      { k1: 1.2, b: 0.75, lengths: "exact" },
      { k1: 0, b: 1, lengths: "lucene" },
    ] as const) {
      const k1 = f(parameters.k1)
      const b = f(parameters.b)
      const average = f(index.totalLength / index.documentsWithTerms)
      const searcher = new Bm25Searcher(index, parameters)
      for (let q = 0; q < 8; q++) {
        const { counts, ids } = parse(Array.from({ length: 1 + random(7) }, word).join(" "))
        const sums = new Float64Array(many.length)
        ids.forEach((term, i) => {
          readPostings(index, term, postings)
          const weight = f(counts[i]! * luceneIdf(index.documentsWithTerms, postings.size))
          for (let at = 0; at < postings.size; at++) {
            const doc = postings.docs[at]!
            const exact = index.lengths[doc]!
            const length = f(parameters.lengths === "exact" ? exact : decodeLength(encodeLength(exact)))
            const inverse = f(1 / f(k1 * f(f(1 - b) + f(f(b * length) / average))))
            sums[doc]! += f(weight - f(weight / f(1 + f(postings.frequencies[at]! * inverse))))
          }
        })
        const expected = [...sums.keys()]
          .filter((doc) => sums[doc]! > 0)
          .sort((x, y) => f(sums[y]!) - f(sums[x]!) || index.docidOrder.ranks[y]! - index.docidOrder.ranks[x]!)
        for (const k of [3, 1000]) {
          const { docs, scores } = searcher.search({ counts, ids }, k)
          expect([...docs]).toEqual(expected.slice(0, k))
          expect([...scores]).toEqual(expected.slice(0, k).map((doc) => f(sums[doc]!)))
        }
      }
    }
  })

  it("R11 a guess of the floor that was wrong loses nothing: the best are not where the sample is", () => {
    // Every eighth block of 16 windows of 4,096 is looked at first: here it holds most of the better documents, but not the 3,000 best.
    const many = Array.from({ length: 9 * 65_536 }, (_, doc) => {
      if ((doc >>> 16) % 8 === 0) return doc % 64 === 0 ? "ab ab" : "cd"
      return doc % 512 === 0 ? "ab ab ab cd" : "ef"
    })
    const index = build(many, (i) => String(1_000_000 + i))
    const searcher = new Bm25Searcher(index, defaultBm25)
    const query = queryAnalyzer(index)("ab cd")
    const all = searcher.search(query, many.length)
    for (const k of [300, 3000]) {
      const some = searcher.search(query, k)
      expect(some.docs).toEqual(all.docs.slice(0, k))
      expect(some.scores).toEqual(all.scores.slice(0, k))
    }
  })

  it("R12 a query of stop words or unknown words finds nothing; so does an empty index", () => {
    const index = build(["cell", "gene"])
    expect(run(index, defaultBm25, "the of zebra", 10)).toEqual([])
    expect(run(build([]), defaultBm25, "cell", 10)).toEqual([])
    expect(run(build(["", "the"]), defaultBm25, "cell", 10)).toEqual([])
  })

  it("R13 equal scores come by docid descending, compared by UTF-8 bytes", () => {
    const docids = ["10", "9", "\u{10000}", "\uffee", "a", "é", "B"]
    const index = build(
      docids.map(() => "cell"),
      (i) => docids[i]!,
    )
    expect(run(index, defaultBm25, "cell", 7).map(([docid]) => docid)).toEqual([
      "\u{10000}",
      "\uffee",
      "é",
      "a",
      "B",
      "9",
      "10",
    ])
    expect(run(index, defaultBm25, "cell", 2).map(([docid]) => docid)).toEqual(["\u{10000}", "\uffee"])
  })

  it("R14 one-byte lengths are exact to 39 and keep order, as Lucene's SmallFloat", () => {
    for (let length = 0; length < 40; length++) expect(decodeLength(encodeLength(length))).toBe(length)
    expect([40, 41, 56, 100, 1000, 100_000, 2 ** 31 - 1].map((n) => decodeLength(encodeLength(n)))).toEqual([
      40, 40, 56, 96, 984, 98_328, 2_013_265_944,
    ])
  })
})

const shared = new URL("../../../shared/data/", import.meta.url)

const Text = Schema.parseJson(
  Schema.Struct({ _id: Schema.String, title: Schema.optional(Schema.String), text: Schema.String }),
)
const textOf = Schema.decodeUnknownSync(Text)

/** Means of nDCG@10 (linear gain) and R@100 over the judged queries of the test split. */
const evaluateTest = (
  collection: URL,
): { readonly queries: number; readonly ndcg: number; readonly recall: number } => {
  const lines = (name: string): Array<string> => readFileSync(new URL(name, collection), "utf8").trimEnd().split("\n")
  const builder = new IndexBuilder()
  for (const line of lines("corpus.jsonl")) {
    const { _id, title, text } = textOf(line)
    builder.add(_id, passageText(title ?? null, text))
  }
  const index = builder.finish()
  const searcher = new Bm25Searcher(index, defaultBm25)
  const queryTerms = queryAnalyzer(index)
  const texts = new Map(lines("queries.jsonl").map((line) => [textOf(line)._id, textOf(line).text]))
  const judged = new Map<string, Map<string, number>>()
  for (const line of lines("qrels/test.tsv").slice(1)) {
    const [qid = "", docid = "", grade] = line.split("\t")
    judged.set(qid, (judged.get(qid) ?? new Map<string, number>()).set(docid, Number(grade)))
  }
  const gain = (grades: ReadonlyArray<number>): number =>
    grades.slice(0, 10).reduce((sum, grade, i) => sum + grade / Math.log2(i + 2), 0)
  let ndcg = 0
  let recall = 0
  for (const [qid, grades] of judged) {
    const hits = searcher.search(queryTerms(texts.get(qid) ?? ""), 1000)
    const found = Array.from(hits.docs, (doc) => grades.get(docidAt(index.docids, doc)) ?? 0)
    ndcg += gain(found) / gain([...grades.values()].sort((left, right) => right - left))
    recall += found.slice(0, 100).filter((grade) => grade > 0).length / grades.size
  }
  return { queries: judged.size, ndcg: ndcg / judged.size, recall: recall / judged.size }
}

describe.skipIf(!existsSync(shared))("BM25 on published collections (skipped where ../shared is absent)", () => {
  it.each([
    ["scifact", 300, 0.6789, 0.9253],
    ["nfcorpus", 323, 0.3218, 0.2457],
  ])(
    "R15 %s, test split: %i queries, nDCG@10 %d and R@100 %d, as published for Lucene",
    (name, queries, ndcg, recall) => {
      const measured = evaluateTest(new URL(`${name}/`, shared))
      expect(measured.queries).toBe(queries)
      expect(Math.abs(measured.ndcg - ndcg)).toBeLessThan(0.0015)
      expect(Math.abs(measured.recall - recall)).toBeLessThan(0.0015)
    },
  )
})
