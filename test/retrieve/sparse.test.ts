import { readFileSync, writeFileSync } from "node:fs"
import { basename, join } from "node:path"
import { gunzipSync, gzipSync } from "node:zlib"
import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import { compareBytes, Kinds } from "../../schemas/index.ts"
import { docidAt } from "../../stages/retrieve/Docids.ts"
import { DocidsBuilder, DocidTable } from "../../stages/retrieve/DocidTable.ts"
import { WeightsUnusable } from "../../stages/retrieve/RetrieveError.ts"
import { readImpacts, writeImpacts } from "../../stages/retrieve/sparse/ImpactFiles.ts"
import { ImpactBuilder } from "../../stages/retrieve/sparse/ImpactIndex.ts"
import { ImpactSearcher } from "../../stages/retrieve/sparse/ImpactSearcher.ts"
import { weightedTerms } from "../../stages/retrieve/sparse/weightedTerms.ts"
import { Executor, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder, temporaryFolder } from "../support/storedTable.ts"

const golden = new URL("../reference/impacts/", import.meta.url)
const unpacked = (name: string): string => gunzipSync(readFileSync(new URL(name, golden))).toString("utf8")

const written = (name: string, bytes: string | Uint8Array): string => {
  const path = join(temporaryFolder("vectors"), name)
  writeFileSync(path, bytes)
  return path
}

const passages = { d1: "fog", d2: "rust", d3: "mud", d4: "tower" }
const queries = { q1: "fog rust fog", q2: "mud" }
const lines = (rows: ReadonlyArray<unknown>): string => rows.map((row) => `${JSON.stringify(row)}\n`).join("")
const vectors = [
  { id: "d3", contents: "", vector: { fog: 0.25, mud: 2.5, 7: 1 } },
  { id: "d1", contents: "", vector: { fog: 1.75, rust: 0.5, 7: 1 } },
  { id: "d2", contents: "", vector: { rust: 1.25, mud: 0 } },
  { id: "d4", vector: {} },
]

/** What is found by vectors of these files: qid, docid and score. */
const found = (
  settings: Readonly<Record<string, unknown>>,
  collection: Parameters<typeof wireSmall>[0] = { passages, queries },
) =>
  Effect.gen(function* () {
    const set = Object.entries(settings).map(([name, value]) => `retrieve.sparse.${name}=${JSON.stringify(value)}`)
    const wired = yield* wireSmall(collection, [], 'retrieve.systems=["bm25"]', ...set)
    const { outputs } = yield* new Executor().make(nodeNamed(wired, "retrieve.sparse"))
    const rows = yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
    return rows.map(({ docid, qid, score }) => [qid, docid, score] as const)
  }).pipe(Effect.scoped, Effect.provide(layerDuckDb()))

const failure = (settings: Readonly<Record<string, unknown>>) =>
  Effect.map(Effect.flip(found(settings)), (error) => `${"_tag" in error ? error._tag : ""}: ${error.message}`)

/** What ends the reading of a file. */
const lineFailure = (path: string) =>
  Effect.promise(async () => {
    try {
      const form = { weights: "real", scale: 1 } as const
      for await (const _ of weightedTerms(path, basename(path), form, false)) continue
      return ""
    } catch (error) {
      return error instanceof WeightsUnusable ? `${error._tag}: ${error.message}` : String(error)
    }
  })

describe("learned sparse vectors", () => {
  it.effect(
    "R80 score by the product of weights, which stay what they are; the query's are its words where none are given",
    () =>
      Effect.gen(function* () {
        const file = written("splade.jsonl.gz", gzipSync(lines(vectors)))
        expect(yield* found({ vectors: file })).toEqual([
          ["q1", "d1", 4],
          ["q1", "d2", 1.25],
          ["q1", "d3", 0.5],
          ["q2", "d3", 2.5],
        ])
        const asked = written(
          "queries.jsonl",
          lines([
            { qid: "q2", vector: { 7: 0.5, mud: 2 } },
            { qid: "q1", vector: { rust: 2, sun: 9 } },
          ]),
        )
        expect(yield* found({ vectors: file, queries: asked })).toEqual([
          ["q1", "d2", 2.5],
          ["q1", "d1", 1],
          ["q2", "d3", 5.5],
          ["q2", "d1", 0.5],
        ])
        expect(yield* found({ vectors: file, queries: asked, weights: "truncated" })).toEqual([
          ["q1", "d2", 2],
          ["q2", "d3", 4],
        ])
        expect(yield* found({ vectors: file, queries: asked, weights: "rounded", scale: 2 })).toEqual([
          ["q1", "d2", 8],
          ["q1", "d1", 4],
          ["q2", "d3", 22],
          ["q2", "d1", 2],
        ])
      }),
  )

  it.effect("R81 finds what Anserini finds, score for score, of whole parts and Pyserini's topics", () =>
    Effect.gen(function* () {
      const topics = unpacked("topics.tsv.gz")
      const qids = topics
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[0]!)
      const settings = {
        vectors: written("vectors.jsonl", unpacked("vectors.jsonl.gz")),
        queries: written("topics.tsv", topics),
        weights: "truncated",
      }
      const docids = Array.from({ length: 120 }, (_, at) => [`p${at}`, "text"])
      const rows = yield* found(settings, {
        passages: Object.fromEntries(docids),
        queries: Object.fromEntries(qids.map((qid) => [qid, "text"])),
      })
      const expected = unpacked("run.txt.gz")
        .trim()
        .split("\n")
        .map((line) => line.split(" "))
        .map(([qid, , docid, , score]) => `${qid} ${docid} ${Math.ceil(Number(score) - 0.01)}`)
      expect(rows.map(([qid, docid, score]) => `${qid} ${docid} ${score}`).sort()).toEqual(expected.sort())
      expect(expected.length).toBeGreaterThan(2000)
    }),
  )

  it("R82 the k best are the first k of all, ties by docid descending, and an index comes back from its files as it was", () => {
    const weight = fc.integer({ min: 0, max: 12 }).map((quarters) => quarters / 4)
    const vector = fc.dictionary(fc.constantFrom("a", "b", "c", "d", "__proto__", "1"), weight, { maxKeys: 5 })
    fc.assert(
      fc.property(
        fc.array(vector, { minLength: 1, maxLength: 40 }),
        fc.dictionary(fc.constantFrom("a", "b", "c", "z", "__proto__", "1"), weight, { minKeys: 1 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (documents, query, k, backwards) => {
          const docids = new DocidsBuilder()
          documents.forEach((_, doc) => docids.add(`d${doc}`))
          const builder = new ImpactBuilder(new DocidTable(docids.finish()))
          const order = [...documents.keys()]
          for (const doc of backwards ? order.reverse() : order) {
            const kept = Object.entries(documents[doc]!).filter(([, each]) => each > 0)
            builder.add(
              doc,
              kept.map(([term]) => term),
              kept.map(([, each]) => each),
            )
          }
          const folder = temporaryFolder("impacts")
          const made = builder.finish()
          writeImpacts(folder, made)
          const index = readImpacts(folder)
          expect(index).toEqual(made)
          const asked = Object.entries(query).filter(([, each]) => each > 0)
          const hits = new ImpactSearcher(index).search(
            asked.map(([term]) => term),
            asked.map(([, each]) => each),
            k,
          )
          const all = documents
            .map((each, doc) => {
              const own = new Map(Object.entries(each))
              return { docid: `d${doc}`, score: asked.reduce((sum, [term, w]) => sum + w * (own.get(term) ?? 0), 0) }
            })
            .filter(({ score }) => score > 0)
            .sort((one, other) => other.score - one.score || compareBytes(other.docid, one.docid))
          expect(
            Array.from(hits.docs, (doc, at) => ({ docid: docidAt(index.docids, doc), score: hits.scores[at] })),
          ).toEqual(all.slice(0, k))
        },
      ),
      { numRuns: 150 },
    )
  })

  it.effect("R83 what cannot be used is an error with its line", () =>
    Effect.gen(function* () {
      const first = lines(vectors.slice(0, 2))
      const whole = (line: string) => failure({ vectors: written("splade.jsonl", `${first}${line}\n`) })
      const bad = (line: string) => lineFailure(written("splade.jsonl", `${first}${line}\n`))
      expect(yield* bad('{"id": "d2", "contents": "rust"}')).toMatch(
        /^WeightsUnusable: splade\.jsonl:3: "vector" .*: there is none\. Write/,
      )
      expect(yield* bad('{"id": "d2", "vector": [1, 2]}')).toContain("splade.jsonl:3: ")
      expect(yield* bad('{"vector": {"a": 1}}')).toContain('splade.jsonl:3: there is no "id"')
      expect(yield* whole('{"id": "d9", "vector": {"a": 1}}')).toContain(
        "splade.jsonl:3: d9 is no docid of the collection",
      )
      expect(yield* whole('{"id": "d1", "vector": {"a": 1}}')).toContain("splade.jsonl:3: d1 comes a second time")
      expect(yield* bad('{"id": "d2", "vector": {"a": -1}}')).toContain("splade.jsonl:3: the weight of «a» is -1")
      expect(yield* bad('{"id": "d2", "vector": {"a": 1e60}}')).toContain("splade.jsonl:3: the weight of «a» is 1e+60")
      expect(yield* bad('{"id": "d2", "vector": {"a": "1"}}')).toContain(
        "splade.jsonl:3: the weight of «a» is no number",
      )
      expect(yield* bad('{"id": "d2", "vector": {"a": NaN}}')).toContain("splade.jsonl:3: it is no JSON object")
      expect(yield* bad("[]")).toContain("splade.jsonl:3: it is no JSON object")
      expect(yield* failure({ vectors: written("splade.jsonl", "\n") })).toContain("splade.jsonl: it holds no vector")
      const cut = written("cut.jsonl.gz", gzipSync(first).subarray(0, 60))
      expect(yield* lineFailure(cut)).toMatch(/cut\.jsonl\.gz:1: the gzip data ends before its end mark/)
      const file = written("splade.jsonl", lines(vectors))
      const none = written("queries.tsv", "q1\tfog\n")
      expect(yield* failure({ vectors: file, queries: none })).toContain(
        "queries.tsv: 1 of the 2 queries of dev and test have no vector (q2). Add them",
      )
      expect(yield* failure({ vectors: file, queries: written("queries.tsv", "q1 fog\n") })).toContain(
        "queries.tsv:1: ",
      )
    }),
  )
})
