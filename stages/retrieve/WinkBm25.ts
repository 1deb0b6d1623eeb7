/**
 * wink-bm25-text-search behind our search signature, with the preparation its documentation gives for wink-nlp-utils. A
 * second opinion on ranking, for small collections: it holds every passage as JavaScript objects.
 */
import bm25 from "wink-bm25-text-search"
import nlp from "wink-nlp-utils"

export interface WinkParameters {
  readonly k1: number
  readonly b: number
  /** Smoothing of wink's idf, `ln((N - n + 0.5) / (n + 0.5) + k)`. */
  readonly k: number
  /** More passages than this are refused. */
  readonly maxPassages: number
}

/** The collection is outside of what wink can take. */
export class WinkLimit extends Error {
  override readonly name = "WinkLimit"
  readonly passages: number
  readonly limit: number
  constructor(passages: number, limit: number) {
    super(
      passages > limit
        ? `wink-bm25 holds every passage as JavaScript objects and is limited to ${limit} passages here: leave it out of the systems, or raise maxPassages`
        : `wink-bm25 needs at least ${minimumPassages} passages and was given ${passages}: leave it out of the systems`,
    )
    this.passages = passages
    this.limit = limit
  }
}

const minimumPassages = 3

export class WinkBm25 {
  readonly #engine: ReturnType<typeof bm25>
  readonly #docids: Array<Buffer> = []
  readonly #names: Array<string> = []
  readonly #limit: number

  constructor(parameters: WinkParameters) {
    const { k1, b, k, maxPassages } = parameters
    this.#limit = maxPassages
    this.#engine = bm25()
    this.#engine.defineConfig({ fldWeights: { text: 1 }, bm25Params: { k1, b, k } })
    this.#engine.definePrepTasks([
      nlp.string.lowerCase,
      nlp.string.removeExtraSpaces,
      nlp.string.tokenize0,
      nlp.tokens.removeWords,
      nlp.tokens.stem,
      nlp.tokens.propagateNegations,
    ])
  }

  get documents(): number {
    return this.#names.length
  }

  /** @throws WinkLimit above `maxPassages`. */
  add(docid: string, text: string): void {
    const doc = this.#names.length
    if (doc >= this.#limit) throw new WinkLimit(doc + 1, this.#limit)
    this.#engine.addDoc({ text }, doc)
    this.#names.push(docid)
    this.#docids.push(Buffer.from(docid))
  }

  /** To be called once, after the last `add` and before the first `search`. @throws WinkLimit under three passages. */
  finish(): void {
    if (this.#names.length < minimumPassages) throw new WinkLimit(this.#names.length, this.#limit)
    this.#engine.consolidate()
  }

  /** The `k` best by score descending, then docid descending by bytes. */
  search(query: string, k: number): Array<{ readonly docid: string; readonly score: number }> {
    // All of wink's results: it would cut between equal scores by a rule of its own.
    const all = this.#engine
      .search(query, Math.max(1, this.#names.length))
      .map(([id, score]) => ({ doc: Number(id), score }))
    all.sort(
      (left, right) => right.score - left.score || Buffer.compare(this.#docids[right.doc]!, this.#docids[left.doc]!),
    )
    return all.slice(0, k).map(({ doc, score }) => ({ docid: this.#names[doc]!, score }))
  }
}
