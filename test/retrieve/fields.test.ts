import { existsSync, readFileSync } from "node:fs"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { type DuckDb, layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { type Bm25Parameters, defaultBm25, luceneIdf } from "../../stages/retrieve/Bm25.ts"
import { docidAt } from "../../stages/retrieve/Docids.ts"
import { analyze } from "../../stages/retrieve/EnglishAnalyzer.ts"
import { FieldsSearcher } from "../../stages/retrieve/fields/FieldsSearcher.ts"
import { IndexBuilder } from "../../stages/retrieve/InvertedIndex.ts"
import { openSearchers } from "../../stages/retrieve/index.ts"
import { decodeLength, encodeLength } from "../../stages/retrieve/SmallFloat.ts"
import { Executor, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder } from "../support/storedTable.ts"
import { goldenLines, unescapeText } from "./golden.ts"

interface Passage {
  readonly docid: string
  readonly title: string
  readonly text: string
}
type Weights = Readonly<Record<"title" | "text", number>>

const f = Math.fround

const searcherOf = (passages: ReadonlyArray<Passage>, weights: Weights, parameters: Bm25Parameters) =>
  new FieldsSearcher(
    (["title", "text"] as const).map((field) => {
      const builder = new IndexBuilder()
      for (const passage of passages) builder.add(passage.docid, passage[field])
      return { index: builder.finish(), weight: weights[field] }
    }),
    parameters,
  )

const found = (searcher: FieldsSearcher, query: string, k: number) => {
  const { docs, scores } = searcher.search(query, k)
  return Array.from(docs, (doc, at) => [docidAt(searcher.docids, doc), scores[at]] as const)
}

/** The sum over fields written a second time: strings, every passage, no index. Of a field that weighs 1 terms are added one by one. */
const naive = (
  passages: ReadonlyArray<Passage>,
  weights: Weights,
  { b, k1, lengths }: Bm25Parameters,
  query: string,
  k: number,
): Array<readonly [string, number]> => {
  const asked = analyze(query)
  const scoresIn = (field: "title" | "text", before?: ReadonlyArray<number>): ReadonlyArray<number> => {
    const documents = passages.map((passage) => analyze(passage[field]))
    const filled = documents.filter((terms) => terms.length > 0).length
    const average = f(documents.reduce((sum, terms) => sum + terms.length, 0) / filled)
    const times = (terms: ReadonlyArray<string>, term: string) => terms.filter((other) => other === term).length
    return documents.map((terms, at) => {
      const length = lengths === "lucene" ? decodeLength(encodeLength(terms.length)) : terms.length
      const inverse = f(1 / f(f(k1) * f(f(1 - f(b)) + f(f(f(b) * length) / average))))
      const others = before?.[at] ?? 0
      let score = weights[field] === 1 ? others : 0
      for (const term of new Set(asked)) {
        const frequency = times(terms, term)
        if (frequency === 0) continue
        const n = documents.filter((other) => other.includes(term)).length
        const weight = f(f(times(asked, term) * f(weights[field])) * luceneIdf(filled, n))
        score += f(weight - f(weight / f(1 + f(frequency * inverse))))
      }
      return weights[field] === 1 ? score : others + f(score)
    })
  }
  const sums = scoresIn("text", scoresIn("title"))
  return passages
    .map(({ docid }, at) => [docid, f(sums[at]!)] as const)
    .filter(([, score]) => score > 0)
    .sort(([left, x], [right, y]) => y - x || Buffer.compare(Buffer.from(right), Buffer.from(left)))
    .slice(0, k)
}

const live = <A, E>(effect: Effect.Effect<A, E, DuckDb>) => Effect.provide(effect, layerDuckDb())

describe("BM25 over fields", () => {
  it("R16 a passage scores the weighted sum over its fields, each by its own statistics; the k best are the first k of all", () => {
    const word = fc.constantFrom(..."ab bc cd de ef fg the not kl’s".split(" "))
    const textOf = (maxLength: number) => fc.array(word, { maxLength }).map((words) => words.join(" "))
    const docid = fc.fullUnicodeString({ minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ docid, title: textOf(4), text: textOf(60) }), {
          minLength: 1,
          maxLength: 40,
          selector: (passage) => passage.docid,
        }),
        fc.array(fc.array(word, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 2 }),
        fc.record({ title: fc.constantFrom(0.001, 0.3, 1, 2, 1000), text: fc.constantFrom(0.1, 1, 7) }),
        fc.record({
          k1: fc.constantFrom(0, 0.4, 0.9, 3),
          b: fc.constantFrom(0, 0.4, 1),
          lengths: fc.constantFrom("lucene" as const, "exact" as const),
        }),
        fc.integer({ min: 1, max: 45 }),
        (passages, queries, weights, parameters, k) => {
          const searcher = searcherOf(passages, weights, parameters)
          // The second search finds nothing of the first in the sums.
          for (const query of queries.map((words) => words.join(" "))) {
            expect(found(searcher, query, k)).toEqual(naive(passages, weights, parameters, query, k))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it("R16 the scores are Lucene's to the last bit, for three pairs of weights", () => {
    const passages = goldenLines("documents.txt.gz").map((line, at) => {
      const whole = unescapeText(line)
      const space = whole.indexOf(" ", 60)
      const end = space < 0 ? whole.length : space
      return { docid: `d${at}`, title: whole.slice(0, end), text: whole.slice(end) }
    })
    const queries = goldenLines("queries.txt.gz").map(unescapeText)
    const float = new Float32Array(1)
    const bits = new Uint32Array(float.buffer)
    const hex = (score = 0): string => {
      float[0] = score
      return bits[0]!.toString(16)
    }
    let compared = 0
    let weighted = ""
    let searcher = searcherOf([], { title: 1, text: 1 }, defaultBm25)
    for (const line of goldenLines("fieldScores.txt.gz")) {
      const [title, text, query, ...hits] = line.split(" ")
      if (weighted !== `${title} ${text}`) {
        weighted = `${title} ${text}`
        searcher = searcherOf(passages, { title: Number(title), text: Number(text) }, defaultBm25)
      }
      const ours = found(searcher, queries[Number(query)]!, passages.length)
      const scores = new Map(ours.map(([docid, score]) => [docid, hex(score)]))
      for (const hit of hits) {
        const [doc, score] = hit.split(":")
        expect(`${weighted} ${query} ${doc} ${scores.get(`d${doc}`)}`).toBe(`${weighted} ${query} ${doc} ${score}`)
        compared++
      }
      expect(ours.slice(0, hits.length).map(([, score]) => hex(score))).toEqual(hits.map((hit) => hit.split(":")[1]))
    }
    expect(compared).toBeGreaterThan(5000)
  })

  it("R16 equal sums come by docid descending; no known term finds nothing, and so does an empty collection", () => {
    const same = ["10", "9", "a", "é"].map((docid) => ({ docid, title: "cell", text: "gene" }))
    const searcher = searcherOf(same, { title: 2, text: 1 }, defaultBm25)
    expect(found(searcher, "gene cell", 3).map(([docid]) => docid)).toEqual(["é", "a", "9"])
    expect(found(searcher, "the zebra", 3)).toEqual([])
    expect(found(searcherOf([], { title: 2, text: 1 }, defaultBm25), "cell", 3)).toEqual([])
  })

  const passages = { d1: "tower harbor tower rust", d2: "harbor mud", d3: "tower mud rust mud mud", d4: "fog" }
  const queries = { q1: "tower mud", q2: "harbor", q3: "rust fog" }
  const wired = (...sets: ReadonlyArray<string>) => wireSmall({ passages, queries }, [], ...sets)

  it.effect("R16 it is the system bm25, and of texts alone the same as BM25 where there are no titles", () =>
    live(
      Effect.gen(function* () {
        const executor = new Executor()
        const plain = yield* executor.make(nodeNamed(yield* wired(), "retrieve.bm25"))
        const fields = nodeNamed(yield* wired('retrieve.bm25.fields={"text":1}'), "retrieve.fields")
        const { outputs } = yield* executor.make(fields)
        const rows = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
        expect(rows).toEqual(yield* readRows(storedFolder(Kinds.Run, plain.outputs["run"]?.path ?? "")))
        expect(rows.length).toBeGreaterThan(5)

        // A typed query is answered as the stage answers.
        const [input] = fields._tag === "StageNode" ? fields.inputs : []
        const paths = yield* Effect.forEach(input?.artifacts ?? [], (artifact) => executor.artifact(artifact))
        const config = {
          ...defaultBm25,
          ...{ splits: ["test"], depth: 3, leaveOutOwn: false, fields: [{ name: "text", weight: 1 }] },
        }
        const inputs = { indexes: paths.map(({ path }) => path) }
        const answer = yield* openSearchers([{ stored: { stage: "retrieve.fields", config, inputs, facts: {} } }]).pipe(
          Effect.flatMap(([search]) => search?.(queries.q1) ?? Effect.succeed([])),
          Effect.scoped,
        )
        const first = rows.filter(({ qid }) => qid === "q1")
        expect(answer).toEqual(first.map(({ docid, score }) => ({ docid, score })))
      }),
    ),
  )

  it.effect("R18 a field that no passage has, is an error that says so", () =>
    live(
      Effect.gen(function* () {
        const node = nodeNamed(yield* wired('retrieve.bm25.fields={"title":2,"text":1}'), "retrieve.fields")
        const error = yield* Effect.flip(new Executor().make(node))
        expect(error._tag).toBe("FieldsUnsuitable")
        expect(error.message).toContain("no passage of the collection has a title")
        expect(error.message).toContain("Leave title out")
      }),
    ),
  )

  it.each([
    ['retrieve.bm25.fields={"body":1}', "Settings of retrieve.bm25.fields: title, text."],
    ['retrieve.bm25.fields={"title":0,"text":1}', "between 0.001 and 1000, actual 0"],
    ['retrieve.bm25.fields={"title":-1}', "between 0.001 and 1000, actual -1"],
    ["retrieve.bm25.fields={}", "at least one of title and text"],
  ])("R18 %s is refused, with what is allowed", (set, said) => {
    expect(() => Effect.runSync(wired(set))).toThrow(said)
  })

  it.each([
    ["retrieve.rm3.enabled=true", "bm25+rm3 expands queries by passages as a whole"],
    ["retrieve.rocchio.enabled=true", "bm25+rocchio expands queries by passages as a whole"],
    ["retrieve.index=other.ciff", "other.ciff is another tool's index"],
  ])("R18 %s cannot follow", (set, said) => {
    expect(() => Effect.runSync(wired('retrieve.bm25.fields={"text":1}', set))).toThrow(said)
  })
})

const shared = new URL("../../../shared/data/", import.meta.url)

const textOf = Schema.decodeUnknownSync(
  Schema.parseJson(Schema.Struct({ _id: Schema.String, title: Schema.optional(Schema.String), text: Schema.String })),
)

describe.skipIf(!existsSync(shared))(
  "BM25 over fields on a published collection (skipped where ../shared is absent)",
  () => {
    it("R17 scifact, title 1 and text 1: nDCG@10 0.6647 and R@100 0.9076, as published for Lucene", () => {
      const lines = (name: string): Array<string> =>
        readFileSync(new URL(`scifact/${name}`, shared), "utf8")
          .trimEnd()
          .split("\n")
      const passages = lines("corpus.jsonl").map((line) => {
        const { _id, text, title = "" } = textOf(line)
        return { docid: _id, title, text }
      })
      const searcher = searcherOf(passages, { title: 1, text: 1 }, defaultBm25)
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
        const gained = found(searcher, texts.get(qid) ?? "", 100).map(([docid]) => grades.get(docid) ?? 0)
        ndcg += gain(gained) / gain([...grades.values()].sort((left, right) => right - left))
        recall += gained.filter((grade) => grade > 0).length / grades.size
      }
      expect(judged.size).toBe(300)
      expect(Math.abs(ndcg / judged.size - 0.6647)).toBeLessThan(0.0005)
      expect(Math.abs(recall / judged.size - 0.9076)).toBeLessThan(0.0005)
    })
  },
)
