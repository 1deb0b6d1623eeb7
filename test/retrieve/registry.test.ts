import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { layerDuckDb, readRows } from "../../pipeline/index.ts"
import { Kinds } from "../../schemas/index.ts"
import { chosenFirstStages, firstStages } from "../../stages/retrieve/index.ts"
import { Executor, nodeNamed, wireSmall } from "../support/smallExperiment.ts"
import { storedFolder } from "../support/storedTable.ts"

/** Words that no analysis changes. */
const passages = {
  d1: "tower harbor tower rust",
  d2: "harbor mud",
  d3: "tower mud rust mud mud",
  d4: "fog",
  d5: "fog rust fog",
}
const queries = { q1: "tower mud", q2: "harbor", q3: "rust fog" }

const all = Object.values(passages).map((text) => text.split(" "))
const mean = all.reduce((sum, words) => sum + words.length, 0) / all.length
const times = (words: ReadonlyArray<string>, term: string): number => words.filter((word) => word === term).length
const holding = (term: string): number => all.filter((words) => words.includes(term)).length

/** What a passage scores for a query, in plain words of its formula; above 0 where it is found. */
type ClosedForm = (
  passage: ReadonlyArray<string>,
  query: ReadonlyArray<string>,
  ids: { readonly docid: string; readonly qid: string },
) => number

/** Σ over terms of idf · tf (k1 + 1) / (k1 (1 − b + b |d| / avgdl) + tf), with or without the factor k1 + 1. */
const bm25 =
  (k1: number, b: number, factor: number, idf: (n: number) => number): ClosedForm =>
  (passage, query) => {
    const norm = k1 * (1 - b + (b * passage.length) / mean)
    return query.reduce((sum, term) => {
      const tf = times(passage, term)
      return sum + (idf(holding(term)) * tf * factor) / (norm + tf)
    }, 0)
  }

const odds = (n: number): number => (all.length - n + 0.5) / (n + 0.5)

const tfIdf = (words: ReadonlyArray<string>) => (term: string) => {
  const tf = times(words, term)
  return tf === 0 ? 0 : (1 + Math.log(tf)) * (Math.log((1 + all.length) / (1 + holding(term))) + 1)
}

const cosine: ClosedForm = (passage, query) => {
  const [p, q] = [tfIdf(passage), tfIdf(query)]
  const terms = [...new Set([...passage, ...query])]
  const product = (f: (term: string) => number, g: (term: string) => number): number =>
    terms.reduce((sum, term) => sum + f(term) * g(term), 0)
  return product(p, q) / Math.sqrt(product(p, p) * product(q, q))
}

/** A first stage that has none fails the test: a line here comes with a line in the registry. */
const closedForms: Readonly<Record<string, ClosedForm>> = {
  tfidf: cosine,
  "wink-bm25": bm25(1.2, 0.75, 2.2, (n) => Math.log(odds(n) + 1)),
  bm25: bm25(0.9, 0.4, 1, (n) => Math.log(1 + odds(n))),
}

describe("the registry of first stages", () => {
  // Those that settings of their own ask for are shown where these are: feedback.test.ts, sparse.test.ts, dense.test.ts,
  // vectorFiles.test.ts.
  const shown = ["rm3", "rocchio", "sparse", "dense", "vectors"]

  it("R50 each is shown somewhere", () => {
    expect(firstStages.map(({ name }) => name)).toEqual([...Object.keys(closedForms), ...shown])
  })

  it.each(firstStages.map(({ name }) => name).filter((name) => !shown.includes(name)))(
    "R50 %s ranks and scores as its closed form does",
    async (name) => {
      const form = closedForms[name]
      expect(form).toBeDefined()
      const run = Effect.gen(function* () {
        const wired = yield* wireSmall({ passages, queries }, [], `retrieve.systems=["${name}"]`)
        const { outputs } = yield* new Executor().make(nodeNamed(wired, `retrieve.${name}`))
        return yield* readRows(storedFolder(Kinds.Run, outputs["run"]?.path ?? ""))
      })
      const rows = await Effect.runPromise(run.pipe(Effect.scoped, Effect.provide(layerDuckDb())))
      const expected = Object.entries(queries).flatMap(([qid, query]) =>
        Object.entries(passages)
          .map(([docid, text]) => ({ docid, score: form?.(text.split(" "), query.split(" "), { docid, qid }) ?? 0 }))
          .filter(({ score }) => score > 0)
          .sort((a, b) => b.score - a.score || (a.docid < b.docid ? 1 : -1))
          .map(({ docid, score }, i) => ({ system: name, qid, docid, rank: i + 1, score: expect.closeTo(score, 3) })),
      )
      expect(rows).toEqual(expected)
    },
  )

  it("R50 each has settings of its own under retrieve, and names and sections are no one else's", () => {
    expect(new Set(firstStages.map(({ name }) => name)).size).toBe(firstStages.length)
    expect(new Set(firstStages.map(({ section }) => section)).size).toBe(firstStages.length)
    for (const { section } of firstStages) expect(["systems", "splits", "depth", "leaveOutOwn"]).not.toContain(section)
  })

  it("R50 those named are asked in the order named, and what asks by its settings; else all of a small collection, and BM25 of any", () => {
    const names = (systems: ReadonlyArray<string> | undefined, small: boolean) =>
      chosenFirstStages(systems, small).map(({ name }) => name)
    expect(names(undefined, true)).toEqual(firstStages.map(({ name }) => name))
    expect(names(undefined, false)).toEqual(firstStages.filter(({ anySize }) => anySize).map(({ name }) => name))
    expect(names(undefined, false)).toContain("bm25")
    expect(names(["bm25", "tfidf"], false)).toEqual(["bm25", "tfidf", ...shown])
    expect(names(["dense", "bm25"], false)).toEqual(["dense", "bm25", "rm3", "rocchio", "sparse", "vectors"])
  })
})
