import { mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as Scope from "effect/Scope"
import { afterAll, describe, expect, it } from "vitest"
import {
  type DuckDb,
  layerDuckDb,
  type Progress,
  readRows,
  type StoredArtifact,
  tableWriter,
} from "../../pipeline/index.ts"
import { type ArtifactKind, Kinds, type RowOf, type TableKind } from "../../schemas/index.ts"
import { Bm25Searcher, defaultBm25, queryAnalyzer } from "../../stages/retrieve/Bm25.ts"
import * as buildIndex from "../../stages/retrieve/buildIndex.ts"
import { docidAt } from "../../stages/retrieve/Docids.ts"
import { analyze } from "../../stages/retrieve/EnglishAnalyzer.ts"
import { IndexBuilder, type InvertedIndex } from "../../stages/retrieve/InvertedIndex.ts"
import { indexPassages, rerankTfIdf, retrieve, retrieveTfIdf, retrieveWink } from "../../stages/retrieve/index.ts"
import * as rerank from "../../stages/retrieve/rerankTfIdf.ts"
import * as retrieveBm25 from "../../stages/retrieve/retrieveBm25.ts"
import * as tfidf from "../../stages/retrieve/retrieveTfIdf.ts"
import * as wink from "../../stages/retrieve/retrieveWink.ts"
import { TfIdfSearcher } from "../../stages/retrieve/TfIdf.ts"
import { WinkBm25 } from "../../stages/retrieve/WinkBm25.ts"
import { goldenLines, unescapeText } from "./golden.ts"

const root = mkdtempSync(join(tmpdir(), "rankdag-retrieve-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let folders = 0
const folder = (): string => {
  const path = join(root, String(folders++))
  mkdirSync(path)
  return path
}

const runEffect = <A, E>(effect: Effect.Effect<A, E, DuckDb | Scope.Scope>): Promise<A> =>
  Effect.runPromise(Effect.provide(Effect.scoped(effect), layerDuckDb({ memoryLimit: "1GB" })))

const stored = <K extends ArtifactKind>(kind: K, path: string): StoredArtifact<K> => ({
  kind,
  hash: "0".repeat(64),
  path,
  from: "test",
})

const table = <K extends TableKind>(kind: K, rows: ReadonlyArray<RowOf<K["columns"]>>) =>
  Effect.gen(function* () {
    const path = folder()
    const writer = yield* tableWriter(kind, path)
    yield* writer.writeRows(rows)
    yield* writer.finish
    return stored(kind, path)
  })

const reports: Array<Progress> = []
const context = <C, I, O>(config: C, inputs: I, outputs: O) => ({
  config,
  inputs,
  outputs,
  scratch: folder(),
  progress: (progress: Progress) => void reports.push(progress),
  warn: () => undefined,
})

const texts = goldenLines("documents.txt.gz").map(unescapeText)
const passages = texts.map((text, i) => {
  const cut = text.indexOf(". ")
  return {
    docid: `p${i}`,
    title: i % 3 === 0 && cut > 0 ? text.slice(0, cut + 1) : null,
    text: i % 3 === 0 && cut > 0 ? text.slice(cut + 2) : text,
  }
})
const queries = goldenLines("queries.txt.gz").map((line, i) => ({
  qid: `q${String(i).padStart(3, "0")}`,
  text: unescapeText(line),
  kind: "question",
  split: i % 2 === 0 ? "test" : "train",
}))

const build = (all: ReadonlyArray<string>, docid = (i: number): string => `p${i}`): InvertedIndex => {
  const builder = new IndexBuilder()
  all.forEach((text, i) => builder.add(docid(i), text))
  return builder.finish()
}

const given = Effect.gen(function* () {
  const collection = {
    passages: yield* table(Kinds.Passages, passages),
    queries: yield* table(Kinds.Queries, queries),
  }
  const made = context({}, { passages: collection.passages }, { index: folder() })
  const result = yield* buildIndex.run(made)
  return { ...collection, index: stored(Kinds.Bm25Index, made.outputs.index), result }
})

describe("the stages of retrieval", () => {
  const asked = { splits: ["test"] as const, depth: 20, leaveOutOwn: false }

  it("R30 are wired as plain data and load nothing", () => {
    for (const each of [indexPassages, retrieve, retrieveWink, retrieveTfIdf, rerankTfIdf]) {
      expect(each.code).toMatch(/^stages\/retrieve\/\w+\.ts$/)
    }
    expect(new Set([indexPassages, retrieve, retrieveWink, retrieveTfIdf, rerankTfIdf].map((s) => s.name)).size).toBe(5)
  })

  it("R31 bm25: passages to index to run, sorted by qid and rank, of the splits asked for", async () => {
    const { rows, result, run } = await runEffect(
      Effect.gen(function* () {
        const { index, queries: asking, result } = yield* given
        const made = context({ ...defaultBm25, ...asked }, { index, queries: asking }, { run: folder() })
        const run = yield* retrieveBm25.run(made)
        return { rows: yield* readRows(stored(Kinds.Run, made.outputs.run)), result, run }
      }),
    )
    const index = build(texts)
    const searcher = new Bm25Searcher(index, defaultBm25)
    const expected = queries
      .filter(({ split }) => split === "test")
      .flatMap(({ qid, text }) => {
        const { docs, scores } = searcher.search(queryAnalyzer(index)(text), 20)
        return Array.from(docs, (doc, i) => ({
          system: "bm25",
          qid,
          docid: docidAt(index.docids, doc),
          rank: i + 1,
          score: scores[i],
        }))
      })
    expect(rows).toEqual(expected)
    expect(run.rows).toEqual({ run: expected.length })
    expect(result.rows).toEqual({ index: texts.length })
    expect(result.facts).toEqual({ terms: index.terms.size, postings: index.offsets.at(-1), tokens: index.totalLength })
    expect(reports.at(-1)).toMatchObject({ done: 34, total: 34, unit: "queries" })
  })

  it.each(["bm25", "tfidf", "wink-bm25"] as const)(
    "R40 %s: where a query's own passage is left out the others are as they were, and as many as asked for",
    async (system) => {
      const { own, plain, facts } = await runEffect(
        Effect.gen(function* () {
          const { index, passages: all, queries: asking } = yield* given
          // Each query takes the name of the passage that it finds second.
          const search = (queries: typeof asking, depth: number, leaveOutOwn: boolean) =>
            Effect.gen(function* () {
              const how = { splits: ["test"] as const, depth, leaveOutOwn }
              const outputs = { run: folder() }
              const { facts } = yield* system === "bm25"
                ? retrieveBm25.run(context({ ...defaultBm25, ...how }, { index, queries }, outputs))
                : system === "tfidf"
                  ? tfidf.run(context({ sublinear: true, ...how }, { index, queries }, outputs))
                  : wink.run(
                      context(
                        { k1: 1.2, b: 0.75, k: 1, maxPassages: 1000, ...how },
                        { passages: all, queries },
                        outputs,
                      ),
                    )
              return { rows: yield* readRows(stored(Kinds.Run, outputs.run)), facts }
            })
          const first = yield* search(asking, 20, false)
          const taken = new Set<string>()
          const renamed = queries.flatMap((query) => {
            const docid = first.rows.find(({ qid, rank }) => qid === query.qid && rank === 2)?.docid
            if (docid === undefined || taken.has(docid)) return []
            taken.add(docid)
            return [{ ...query, qid: docid }]
          })
          const ofPassages = yield* table(
            Kinds.Queries,
            renamed.toSorted((a, b) => (a.qid < b.qid ? -1 : 1)),
          )
          const plain = yield* search(ofPassages, 21, false)
          const own = yield* search(ofPassages, 20, true)
          return { plain: plain.rows, own: own.rows, facts: { plain: plain.facts, own: own.facts } }
        }),
      )
      const asked = new Set(plain.map(({ qid }) => qid))
      expect(asked.size).toBeGreaterThan(15)
      for (const qid of asked) {
        const others = plain.filter((row) => row.qid === qid && row.docid !== qid).slice(0, 20)
        const ranked = others.map((row, i) => ({ ...row, rank: i + 1 }))
        expect(own.filter((row) => row.qid === qid)).toEqual(ranked)
      }
      expect(facts.plain).toMatchObject({ leftOutOwn: 0 })
      expect(facts.own).toMatchObject({ leftOutOwn: asked.size })
    },
  )

  it("R32 no query in the splits: an error that says which splits there are", async () => {
    const failure = await runEffect(
      Effect.gen(function* () {
        const { index, queries: asking } = yield* given
        return yield* Effect.either(
          retrieveBm25.run(
            context({ ...defaultBm25, ...asked, splits: ["dev"] }, { index, queries: asking }, { run: folder() }),
          ),
        )
      }),
    )
    expect(Either.isLeft(failure) && failure.left.message).toBe(
      "No query of split dev: the collection has only test, train. Set retrieve.splits.",
    )
  })

  it("R33 tfidf: the cosine of its formula, as first stage and as reranker", async () => {
    const { first, second } = await runEffect(
      Effect.gen(function* () {
        const { index, queries: asking } = yield* given
        const made = context({ sublinear: true, ...asked }, { index, queries: asking }, { run: folder() })
        yield* tfidf.run(made)
        const first = yield* readRows(stored(Kinds.Run, made.outputs.run))
        const shuffled = [...first].reverse().sort((a, b) => (a.qid < b.qid ? -1 : a.qid > b.qid ? 1 : 0))
        const candidates = yield* table(
          Kinds.Candidates,
          shuffled.map(({ qid, docid }, i) => ({ qid, docid, rank: i + 1, score: 0, grade: null })),
        )
        const again = context({ sublinear: true }, { index, queries: asking, candidates }, { run: folder() })
        yield* rerank.run(again)
        return { first, second: yield* readRows(stored(Kinds.Run, again.outputs.run)) }
      }),
    )
    expect(first.length).toBeGreaterThan(300)
    expect(second).toEqual(first.map((row) => ({ ...row, system: "tfidf-rerank" })))
  })

  it("R34 a candidate that the index does not have is an error that names it", async () => {
    const failure = await runEffect(
      Effect.gen(function* () {
        const { index, queries: asking } = yield* given
        const candidates = yield* table(Kinds.Candidates, [
          { qid: "q000", docid: "p1", rank: 1, score: 1, grade: null },
          { qid: "q000", docid: "elsewhere", rank: 2, score: 0, grade: null },
        ])
        return yield* Effect.either(
          rerank.run(context({ sublinear: false }, { index, queries: asking, candidates }, { run: folder() })),
        )
      }),
    )
    expect(Either.isLeft(failure) && failure.left.message).toMatch(/Candidate elsewhere of query q000/)
  })

  it("R35 wink-bm25: wink's own scores, our order of ties, refused above its limit", async () => {
    const parameters = { k1: 1.2, b: 0.75, k: 1, maxPassages: 1000 }
    const { rows, refusal } = await runEffect(
      Effect.gen(function* () {
        const { passages: all, queries: asking } = yield* given
        const made = context({ ...parameters, ...asked }, { passages: all, queries: asking }, { run: folder() })
        yield* wink.run(made)
        const refusal = yield* Effect.either(
          wink.run(
            context(
              { ...parameters, ...asked, maxPassages: 100 },
              { passages: all, queries: asking },
              { run: folder() },
            ),
          ),
        )
        return { rows: yield* readRows(stored(Kinds.Run, made.outputs.run)), refusal }
      }),
    )
    expect(new Set(rows.map(({ system }) => system))).toEqual(new Set(["wink-bm25"]))
    const engine = new WinkBm25(parameters)
    texts.forEach((text, i) => engine.add(`p${i}`, text))
    engine.finish()
    const first = queries[0]!
    expect(rows.filter(({ qid }) => qid === first.qid).map(({ docid, score }) => ({ docid, score }))).toEqual(
      engine.search(first.text, 20),
    )
    for (let i = 1; i < rows.length; i++) {
      const [before, row] = [rows[i - 1]!, rows[i]!]
      if (before.qid !== row.qid) continue
      expect(row.rank).toBe(before.rank + 1)
      expect(before.score > row.score || (before.score === row.score && before.docid > row.docid)).toBe(true)
    }
    expect(Either.isLeft(refusal) && refusal.left.message).toMatch(/limited to 100 passages/)
  })
})

describe("tf-idf", () => {
  it.each([true, false])(
    "R33 scores are the cosine, computed a second time from strings (sublinear: %s)",
    (sublinear) => {
      const all = texts.slice(0, 150)
      const index = build(all)
      const documents = all.map((text) => analyze(text))
      const vector = (terms: ReadonlyArray<string>): Map<string, number> => {
        const counts = new Map<string, number>()
        for (const term of terms) counts.set(term, (counts.get(term) ?? 0) + 1)
        const n = (term: string): number => documents.filter((other) => other.includes(term)).length
        for (const [term, count] of counts) {
          const inDocuments = n(term)
          if (inDocuments === 0) counts.delete(term)
          else counts.set(term, (sublinear ? 1 + Math.log(count) : count) * (Math.log(151 / (1 + inDocuments)) + 1))
        }
        return counts
      }
      const norm = (weights: Map<string, number>): number => Math.hypot(...weights.values())
      const searcher = new TfIdfSearcher(index, { sublinear })
      const vectors = documents.slice(0, 20).map(vector)
      for (const query of ["protein cells cells", "gene expression in mice"]) {
        const asked = vector(analyze(query))
        const hits = searcher.rank(queryAnalyzer(index)(query), Int32Array.from(vectors.keys()))
        expect(hits.docs.length).toBe(20)
        hits.docs.forEach((doc, i) => {
          let dot = 0
          for (const [term, weight] of asked) dot += weight * (vectors[doc]!.get(term) ?? 0)
          const cosine = dot === 0 ? 0 : dot / norm(asked) / norm(vectors[doc]!)
          expect(hits.scores[i]).toBeCloseTo(cosine, 6)
        })
      }
    },
  )
})
