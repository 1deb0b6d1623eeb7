import type { FusionMethod, FusionNormalise } from "../../schemas/index.ts"

/**
 * One system's results for a query, best first. A document is its place among all that any system found for the query, by docid
 * descending (bytes), so that ties of fused scores are broken by place.
 */
export interface Ranking {
  readonly places: Int32Array
  readonly scores: Float64Array
}

/** What several systems say of one query's documents, by place. */
export interface FusedQuery {
  /** For each system a comparable score for each document, 0 where it did not find it. */
  readonly scores: ReadonlyArray<Float64Array>
  /** How many systems found the document. */
  readonly found: Uint8Array
}

/** A spread below this is taken for none, as ranx does: all scores are then equal. */
const LEAST_SPREAD = 1e-9

/**
 * Scores of one query made comparable, ranx's min-max and zero-mean-unit-variance: (s − min) / (max − min), or (s − mean) over the
 * standard deviation of the population.
 */
export const normalisedScores = (scores: Float64Array, normalise: FusionNormalise): Float64Array => {
  switch (normalise) {
    case "none":
      return scores
    case "min-max": {
      let least = Number.POSITIVE_INFINITY
      let most = Number.NEGATIVE_INFINITY
      for (const score of scores) {
        if (score < least) least = score
        if (score > most) most = score
      }
      const spread = Math.max(most - least, LEAST_SPREAD)
      return scores.map((score) => (score - least) / spread)
    }
    case "z-score": {
      let sum = 0
      for (const score of scores) sum += score
      const mean = sum / scores.length
      let squares = 0
      for (const score of scores) squares += (score - mean) ** 2
      const spread = Math.max(Math.sqrt(squares / scores.length), LEAST_SPREAD)
      return scores.map((score) => (score - mean) / spread)
    }
  }
}

/** How a query's rankings become comparable scores. */
export interface Comparable {
  readonly method: FusionMethod
  readonly normalise: FusionNormalise
  readonly k: number
}

/** Brings one query's rankings together, in the order of the systems. */
export const fuseQuery = (
  rankings: ReadonlyArray<Ranking>,
  documents: number,
  { method, normalise, k }: Comparable,
): FusedQuery => {
  const found = new Uint8Array(documents)
  const scores = rankings.map(({ places, scores }) => {
    const comparable =
      method === "rrf" ? scores.map((_, position) => 1 / (k + position + 1)) : normalisedScores(scores, normalise)
    const placed = new Float64Array(documents)
    places.forEach((place, position) => {
      placed[place] = comparable[position]!
      found[place] = found[place]! + 1
    })
    return placed
  })
  return { scores, found }
}

/** Fused scores, document by document. Weights are those of a weighted sum; the other methods weigh all systems the same. */
export const fusedScores = (
  { scores, found }: FusedQuery,
  method: FusionMethod,
  weights: ReadonlyArray<number>,
): Float64Array => {
  const fused = new Float64Array(found.length)
  scores.forEach((ofSystem, system) => {
    const weight = method === "weighted" ? weights[system]! : 1
    for (let place = 0; place < fused.length; place++) fused[place] = fused[place]! + weight * ofSystem[place]!
  })
  return method === "combmnz" ? fused.map((score, place) => score * found[place]!) : fused
}

/** The places of the documents by score descending, then docid descending. */
export const orderOf = (scores: Float64Array): Uint32Array =>
  Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b)
