import * as Effect from "effect/Effect"
import type { ScoredTexts, ScoringFileFailed } from "../../neural/index.ts"
import type { Pairs } from "./Pairs.ts"

/** Where the vector of each text lies in the file, by the text's place among those embedded. */
const placesOf = ({ batches, inputOf }: ScoredTexts): Uint32Array => {
  const places = new Uint32Array(batches.order.length)
  batches.order.forEach((input, place) => {
    places[input] = place
  })
  return inputOf.map((input) => places[input]!)
}

/** Passages' vectors held at once. */
const block = 4096

/**
 * The product of query and passage vector for each pair. The queries' vectors are in memory; the passages' are read once, block
 * by block, and each meets all pairs that it is in.
 *
 * @param chosen the texts that were embedded, ascending
 */
export const products = (
  pairs: Pairs,
  chosen: { readonly queries: Uint32Array; readonly passages: Uint32Array },
  queries: ScoredTexts,
  passages: ScoredTexts,
): Effect.Effect<Float32Array, ScoringFileFailed> =>
  Effect.gen(function* () {
    const { width } = passages
    const vectors = new Float32Array(queries.batches.order.length * width)
    yield* queries.file.read(vectors, 0)
    const queryPlaces = placesOf(queries)
    const queryAt = new Map(Array.from(chosen.queries, (text, at) => [text, (queryPlaces[at] ?? 0) * width]))
    const queryStarts = Float64Array.from(pairs.queryTexts, (text) => queryAt.get(text) ?? 0)

    // The pairs in the order of their passages' places, by counting.
    const passagePlaces = placesOf(passages)
    const placeOf = new Map(Array.from(chosen.passages, (text, at) => [text, passagePlaces[at] ?? 0]))
    const places = Uint32Array.from(pairs.passages, (text) => placeOf.get(text) ?? 0)
    const count = passages.batches.order.length
    const starts = new Uint32Array(count + 1)
    for (const place of places) starts[place + 1]!++
    for (let place = 0; place < count; place++) starts[place + 1]! += starts[place]!
    const next = starts.slice()
    const ordered = new Uint32Array(pairs.count)
    places.forEach((place, pair) => {
      ordered[next[place]!++] = pair
    })

    const scores = new Float32Array(pairs.count)
    const held = new Float32Array(Math.min(block, count) * width)
    for (let from = 0; from < count; from += block) {
      const end = Math.min(from + block, count)
      yield* passages.file.read(held.subarray(0, (end - from) * width), from * width)
      for (let place = from; place < end; place++) {
        const passage = (place - from) * width
        for (let at = starts[place]!; at < starts[place + 1]!; at++) {
          const pair = ordered[at]!
          const query = queryStarts[pairs.queryOf[pair]!]!
          let product = 0
          for (let i = 0; i < width; i++) product += vectors[query + i]! * held[passage + i]!
          scores[pair] = product
        }
      }
    }
    return scores
  })
