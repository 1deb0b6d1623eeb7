/** Searching twice: with the query, then with what its results make of it. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { readBatches, type StageContext, type StoredTable } from "../../../pipeline/index.ts"
import { type Kinds, passageText } from "../../../schemas/index.ts"
import { termsOf } from "../Analyzer.ts"
import { analysisNamed } from "../analyses.ts"
import { Bm25Searcher, type QueryTerms, queryAnalyzer } from "../Bm25.ts"
import type { ExpandConfig, expandInputs, runOutputs } from "../contract.ts"
import { docidAt } from "../Docids.ts"
import { documentFrequency, type InvertedIndex } from "../InvertedIndex.ts"
import { loadIndex } from "../loadIndex.ts"
import { SearchFailed } from "../RetrieveError.ts"
import { oneByOne, type Query, queriesOf, type Ranking, rankingOf, searchDepth, writeRun } from "../runTable.ts"
import { wordAt } from "../WordTable.ts"
import type { TermVector } from "./TermVector.ts"

/** A document that a query's first search found. */
export interface FeedbackDocument {
  readonly score: number
  /** How often its terms stand in it, without those that are no feedback terms. */
  readonly vector: TermVector
}

/** A way to make another query of the results of one. */
export interface Expand {
  /** Which results it looks at: places among those found. */
  readonly documents: (found: number) => ReadonlyArray<number>
  readonly isFeedbackTerm: (term: string) => boolean
  /**
   * @param query how often each term stands in it
   * @param found how many results there were
   */
  readonly expand: (query: TermVector, documents: ReadonlyArray<FeedbackDocument>, found: number) => TermVector
}

/** Terms that stand in a greater share of the documents, empty ones counted, are too common to say anything. */
const commonest = Math.fround(0.1)

const shortest = 2
const longest = 20

/** Whether a term of the index says enough to be asked for; remembered. */
const feedbackTerms = (index: InvertedIndex, isFeedbackTerm: Expand["isFeedbackTerm"]) => {
  const known = new Map<number, boolean>()
  const { lengths, terms } = index
  const decide = (term: number): boolean => {
    const word = wordAt(terms, term)
    if (word.length < shortest || word.length > longest || !isFeedbackTerm(word)) return false
    return Math.fround(documentFrequency(index, term) / lengths.length) <= commonest
  }
  return (term: number): boolean => {
    const before = known.get(term)
    if (before !== undefined) return before
    const decided = decide(term)
    known.set(term, decided)
    return decided
  }
}

/** What a query's first search found that it is expanded by. */
interface FirstFound {
  /** How many results there were. */
  readonly count: number
  readonly docs: Int32Array
  readonly scores: Float32Array
}

/** What is searched, and how deep. */
interface Ground {
  readonly index: InvertedIndex
  readonly passages: StoredTable<Kinds.Passages>
  readonly asked: ExpandConfig
  /** Told how many passages have been read for their terms. */
  readonly read: (passages: number) => void
}

/**
 * Ranks queries by what BM25 finds for them, expanded. It begins with all queries, whose feedback documents are read from the passages in
 * one pass; gives how many those are, and what answers one of them.
 */
export const openExpanded = (
  { asked, index, passages, read }: Ground,
  { documents, expand, isFeedbackTerm }: Expand,
) => {
  const { bm25, leaveOutOwn, system = "expanded" } = asked
  const depth = searchDepth(asked)
  const toTerms = queryAnalyzer(index)
  const analysis = analysisNamed(index.analyzer)
  const searcher = new Bm25Searcher(index, bm25)
  const { ranks } = index.docidOrder
  const isWanted = feedbackTerms(index, isFeedbackTerm)

  return (queries: ReadonlyArray<Pick<Query, "qid" | "text">>) =>
    Effect.gen(function* () {
      const found = new Map<string, FirstFound>()
      const wanted = new Map<number, { readonly ids: Int32Array; readonly counts: Int32Array } | undefined>()
      for (const [answered, { qid, text }] of queries.entries()) {
        const hits = yield* Effect.try({
          try: () => searcher.search(toTerms(text), depth),
          catch: (cause) => new SearchFailed({ system, answered, cause }),
        })
        // A query that is a passage is not expanded by itself.
        const kept = [...hits.docs.keys()].filter((at) => !leaveOutOwn || docidAt(index.docids, hits.docs[at]!) !== qid)
        // Which of equal ones are feedback is Anserini's choice, docids ascending, so that queries are expanded as there.
        kept.sort((a, b) => hits.scores[b]! - hits.scores[a]! || ranks[hits.docs[a]!]! - ranks[hits.docs[b]!]!)
        const chosen = documents(kept.length).map((place) => kept[place]!)
        const docs = Int32Array.from(chosen, (at) => hits.docs[at]!)
        for (const doc of docs) wanted.set(doc, undefined)
        found.set(qid, { count: kept.length, docs, scores: Float32Array.from(chosen, (at) => hits.scores[at]!) })
      }

      let doc = 0
      yield* Stream.runForEach(readBatches(passages, ["title", "text"]), ({ text, title }) =>
        Effect.sync(() => {
          for (let row = 0; row < text.length; row++, doc++) {
            if (!wanted.has(doc)) continue
            const { counts, ids } = toTerms(passageText(title[row] ?? null, text[row] ?? ""))
            const kept = [...ids.keys()].filter((at) => isWanted(ids[at]!))
            wanted.set(doc, {
              ids: Int32Array.from(kept, (at) => ids[at]!),
              counts: Int32Array.from(kept, (at) => counts[at]!),
            })
          }
          read(doc)
        }),
      )

      const expanded = ({ qid, text }: Pick<Query, "qid" | "text">): QueryTerms => {
        const { count = 0, docs = [], scores = [] } = found.get(qid) ?? {}
        const idOf = new Map(toTerms(text).ids.map((term) => [wordAt(index.terms, term), term]))
        const own = new Map<string, number>()
        for (const term of termsOf(analysis, text)) own.set(term, (own.get(term) ?? 0) + 1)
        const feedback = Array.from(docs, (doc, at): FeedbackDocument => {
          const { counts = [], ids = [] } = wanted.get(doc) ?? {}
          const vector = new Map<string, number>()
          for (let i = 0; i < ids.length; i++) {
            const word = wordAt(index.terms, ids[i]!)
            idOf.set(word, ids[i]!)
            vector.set(word, counts[i]!)
          }
          return { score: scores[at]!, vector }
        })
        const terms = [...expand(own, feedback, count)].flatMap(([term, weight]) => {
          const id = idOf.get(term)
          return id === undefined || weight <= 0 ? [] : [{ id, weight }]
        })
        return { ids: terms.map(({ id }) => id), counts: terms.map(({ weight }) => weight) }
      }
      return {
        feedbackDocuments: wanted.size,
        search: (query: Pick<Query, "qid" | "text">): Ranking =>
          rankingOf(index.docids, searcher.search(expanded(query), depth)),
      }
    })
}

/** Expands each query by what BM25 finds for it, and searches again. */
export const expandedRun = (
  { config, inputs, outputs, progress, shard }: StageContext<ExpandConfig, typeof expandInputs, typeof runOutputs>,
  expand: Expand,
) =>
  Effect.gen(function* () {
    const { splits, system = "expanded" } = config
    const queries = yield* queriesOf(inputs.queries, splits, shard)
    const index = yield* loadIndex(inputs.index, { shared: false })
    const total = index.lengths.length
    const read = (done: number): void => progress({ done, total, unit: "passages" })
    const ground = { index, passages: inputs.passages, asked: config, read }
    const { feedbackDocuments, search } = yield* openExpanded(ground, expand)(queries)
    const { leftOut, rows } = yield* writeRun({
      system,
      queries,
      directory: outputs.run,
      asked: config,
      progress,
      search: oneByOne(system, search),
    })
    return { rows: { run: rows }, facts: { queries: queries.length, feedbackDocuments, leftOutOwn: leftOut } }
  })
