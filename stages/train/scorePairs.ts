import * as Effect from "effect/Effect"
import type { TokenSequence, Trainer } from "../../neural/index.ts"
import type { TextInputs } from "./Inputs.ts"

/** A query and a passage, positions in the tables of tokens. */
export type Pair = readonly [query: number, passage: number]

/** A text's place among the distinct ones. */
const placesOf = (texts: Iterable<number>): ReadonlyMap<number, number> => {
  const places = new Map<number, number>()
  for (const text of texts) if (!places.has(text)) places.set(text, places.size)
  return places
}

const product = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0)

/** Scores pairs by the model in training, in their order; where it reads texts apart, each text once. */
export const pairScorer =
  (trainer: Pick<Trainer, "score" | "width">, inputs: TextInputs) => (pairs: readonly Pair[]) => {
    if (inputs.kind === "together") {
      return trainer.score(pairs.map(([query, passage]): TokenSequence => inputs.of(query, passage)))
    }
    const queries = placesOf(pairs.map(([query]) => query))
    const passages = placesOf(pairs.map(([, passage]) => passage))
    const texts = [...[...queries.keys()].map(inputs.query), ...[...passages.keys()].map(inputs.passage)]
    return Effect.map(trainer.score(texts), (vectors) => {
      const { width } = trainer
      const vector = (place: number): Float32Array => vectors.subarray(place * width, (place + 1) * width)
      return Float32Array.from(pairs, ([query, passage]) =>
        product(vector(queries.get(query) ?? 0), vector(queries.size + (passages.get(passage) ?? 0))),
      )
    })
  }

export type ScorePairs = ReturnType<typeof pairScorer>
