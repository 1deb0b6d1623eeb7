/**
 * BM25 over passages in memory, analyzed and scored as Lucene 9 does: the first stage of experiments, without a store.
 *
 * @packageDocumentation
 */
import { passageText } from "../schemas/index.ts"
import {
  analyze,
  Bm25Searcher,
  defaultBm25,
  docidAt,
  englishStopWords,
  IndexBuilder,
  queryAnalyzer,
} from "../stages/retrieve/index.ts"

export { analyze, englishStopWords }

/** A passage. Title and text are indexed as one text, joined by a space. */
export interface Passage {
  readonly docid: string
  readonly text: string
  readonly title?: string | null
}

/** Parameters of BM25. */
export interface Bm25Options {
  /** Saturation of term frequency, 0 or more. Default 0.9, as Anserini's. */
  readonly k1?: number
  /** Weight of a passage's length, 0 to 1. Default 0.4, as Anserini's. */
  readonly b?: number
  /** `lucene` (the default): lengths as Lucene keeps them, in one byte, exact to 39 terms. `exact`: as they are. */
  readonly lengths?: "lucene" | "exact"
}

/** A passage that was found. */
export interface Hit {
  readonly docid: string
  /** From 1. */
  readonly rank: number
  /** A 32-bit float, above 0. */
  readonly score: number
}

/** An index that can be searched. */
export interface Bm25Index {
  /** Passages in it. */
  readonly passages: number
  /** Distinct terms in it. */
  readonly terms: number
  /**
   * The `k` best passages for a query, by score, ties by the bytes of their docids descending, as trec_eval orders them. Fewer where
   * fewer have a term of the query; none for a query of stop words.
   *
   * @param k a whole number from 1
   */
  readonly search: (query: string, k: number) => ReadonlyArray<Hit>
}

/**
 * Indexes passages for BM25. Memory: about five bytes for each distinct term of each passage, and twice that while it is built.
 *
 * @param passages read once, in their order
 * @throws RangeError for a parameter out of its range, a docid that comes twice or is empty; IndexTooLarge above 2^30 postings
 */
export const bm25Index = (passages: Iterable<Passage>, options: Bm25Options = {}): Bm25Index => {
  const parameters = { ...defaultBm25, ...options }
  const { b, k1 } = parameters
  if (!(k1 >= 0 && Number.isFinite(k1))) throw new RangeError(`k1 is a number of 0 or more, not ${k1}`)
  if (!(b >= 0 && b <= 1)) throw new RangeError(`b is a number from 0 to 1, not ${b}`)
  const builder = new IndexBuilder()
  const docids = new Set<string>()
  for (const { docid, text, title } of passages) {
    if (docid === "") throw new RangeError(`Passage ${docids.size + 1} has an empty docid`)
    if (docids.has(docid)) throw new RangeError(`Two passages have the docid ${docid}`)
    docids.add(docid)
    builder.add(docid, passageText(title ?? null, text))
  }
  const index = builder.finish()
  const searcher = new Bm25Searcher(index, parameters)
  const terms = queryAnalyzer(index)
  return {
    passages: index.lengths.length,
    terms: index.terms.size,
    search: (query, k) => {
      if (!Number.isInteger(k) || k < 1) throw new RangeError(`k is a whole number from 1, not ${k}`)
      const { docs, scores } = searcher.search(terms(query), k)
      return Array.from(docs, (doc, i) => ({ docid: docidAt(index.docids, doc), rank: i + 1, score: scores[i]! }))
    },
  }
}
