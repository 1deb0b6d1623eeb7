import * as Effect from "effect/Effect"
import type { Pair, ScorePairs } from "./scorePairs.ts"
import { type TrainingData, writeRanks } from "./TrainingData.ts"

/** Pairs that are scored in one call: many, so that batches can be packed by length, and few enough to hold. */
const atOnce = 8192

/**
 * The ranks that the model, as it is, gives the retrieved candidates of some queries; 0 for all others.
 *
 * @param queries positions in the data, ascending
 */
export const mineRanks = (scorePairs: ScorePairs, data: TrainingData, queries: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const scores = new Float64Array(data.passages.length).fill(Number.NaN)
    const ranks = new Uint32Array(data.passages.length)
    let pairs: Array<Pair> = []
    let places: Array<number> = []
    const flush = Effect.gen(function* () {
      const values = yield* scorePairs(pairs)
      places.forEach((c, i) => {
        scores[c] = values[i]!
      })
      pairs = []
      places = []
    })
    for (const query of queries) {
      for (let c = data.starts[query]!; c < data.starts[query + 1]!; c++) {
        if (data.ranks[c] === 0) continue
        pairs.push([data.queryTexts[query]!, data.passages[c]!])
        places.push(c)
      }
      if (pairs.length >= atOnce) yield* flush
    }
    yield* flush
    for (const query of queries) writeRanks(scores, data.starts[query]!, data.starts[query + 1]!, ranks)
    return ranks
  })
