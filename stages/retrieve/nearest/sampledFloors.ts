/**
 * From how near on a passage is worth a look, and by which product first: estimated from some of the passages. What is found does not depend
 * on it, how soon it is does: without, everything is near at first.
 */
import * as Effect from "effect/Effect"
import type { VectorTable } from "../../../neural/index.ts"
import { Random } from "../../../schemas/index.ts"
import { kthGreatest } from "./NearestSets.ts"
import { attempt, blockRows, openEstimates } from "./searchBlocks.ts"
import { lengthOf } from "./vectorProducts.ts"

/** Fewer passages are not worth it. */
const leastPassages = 16_384

/** Passages that are looked at: at most, and in one of how many. */
const mostSampled = 8192
const oneOf = 32

/** Of the blocks of a sample, those in which it is counted what is near enough to be multiplied twice. */
const lookedAtOneOf = 4

/** Lengths whose squares 32 bits hold with all their digits. */
const [shortest, longest] = [1e-12, 1e12]

/** Of all pairs, the share that may be multiplied twice for nothing: one such costs what 20 pairs save in 8 bits. */
const worthTwice = 0.05

/** What a sample says. */
export interface SampledFloors {
  /** Of each query. */
  readonly floors: Float32Array
  readonly first: ReadonlyArray<"int8" | "fp32">
  readonly centre: Float32Array
}

/** Places of `count` passages, ascending: of as many equal parts, one of each. */
const placesOf = (texts: number, count: number): Uint32Array => {
  const random = new Random(1)
  return Uint32Array.from({ length: count }, (_, part) => {
    const [from, to] = [Math.floor((part * texts) / count), Math.floor(((part + 1) * texts) / count)]
    return from + (random.next() % (to - from))
  })
}

/** Where there are too few passages to be worth it, nothing is said: every floor is below all. */
export const sampledFloors = (passages: VectorTable, queries: Float32Array, k: number) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { dimensions, greatestNorm, texts } = passages
      const count = queries.length / dimensions
      const centre = new Float32Array(dimensions)
      const none: SampledFloors = {
        centre,
        floors: new Float32Array(count).fill(Number.NEGATIVE_INFINITY),
        first: Array.from({ length: count }, () => "fp32" as const),
      }
      const norms = Array.from({ length: count }, (_, query) => lengthOf(queries, query * dimensions, dimensions))
      const suits = [greatestNorm, ...norms].every((norm) => norm > shortest && norm < longest)
      if (texts < leastPassages || !suits || count === 0) return none
      const places = placesOf(texts, Math.min(mostSampled, Math.floor(texts / oneOf)))
      const sample = new Float32Array(places.length * dimensions)
      yield* attempt(() => {
        places.forEach((place, at) => {
          passages.read(sample.subarray(at * dimensions, (at + 1) * dimensions), place)
        })
      })
      const sums = new Float64Array(dimensions)
      for (let at = 0; at < sample.length; at++) sums[at % dimensions]! += sample[at]!
      sums.forEach((sum, i) => {
        centre[i] = sum / places.length
      })
      const { floors } = none
      const { columns, error, estimate } = yield* openEstimates({ queries, floors, centre }, passages)
      const blockOf = (from: number) => sample.subarray(from * dimensions, (from + blockRows) * dimensions)
      const share = (k * places.length) / texts
      const kept = Math.min(places.length, Math.ceil(share + 4 * Math.sqrt(share) + 4))
      const capacity = 2 * kept
      const best = new Float32Array(count * capacity)
      const sizes = new Uint32Array(count)
      const cut = (query: number): void => {
        const own = best.subarray(query * capacity, (query + 1) * capacity)
        floors[query] = kthGreatest(own, sizes[query]!, kept)
        sizes[query] = kept
      }
      for (let from = 0; from < places.length; from += blockRows) {
        const estimates = yield* estimate(blockOf(from))
        for (let row = 0; row < estimates.length; row += columns) {
          for (let query = 0; query < count; query++) {
            const value = estimates[row + query]!
            if (value < floors[query]!) continue
            best[query * capacity + sizes[query]!++] = value
            if (sizes[query] === capacity) cut(query)
          }
        }
      }
      for (let query = 0; query < count; query++) cut(query)
      const near = new Uint32Array(count)
      const off = Float64Array.from(floors, (floor, query) => floor - error(query))
      let looked = 0
      for (let from = 0; from < places.length; from += lookedAtOneOf * blockRows) {
        const estimates = yield* estimate(blockOf(from))
        looked += estimates.length / columns
        for (let row = 0; row < estimates.length; row += columns) {
          for (let query = 0; query < count; query++) if (estimates[row + query]! >= off[query]!) near[query]!++
        }
      }
      const first = Array.from(near, (passages) =>
        passages / looked - kept / places.length > worthTwice ? ("fp32" as const) : ("int8" as const),
      )
      return { centre, floors, first }
    }),
  )
