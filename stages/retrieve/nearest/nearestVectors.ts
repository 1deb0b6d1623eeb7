/**
 * The passages whose vectors have the greatest products with a query's: exactly, in memory that does not grow with the collection.
 *
 * onnxruntime multiplies the vectors, block by block of the file, rounded to 8 bits or as they are, and sums in an order of its own. What
 * can be among the nearest, by a bound of how far these products are off, is multiplied again in one fixed order of summation
 * (`scan.wat`): these scores rank, so that results are a function of the vectors alone, whatever the processor and the number of threads.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type {
  DeviceUnavailable,
  InferenceFailed,
  ModelRejected,
  OnnxRuntime,
  VectorTable,
} from "../../../neural/index.ts"
import type { SearchFailed } from "../RetrieveError.ts"
import type { Ranking } from "../runTable.ts"
import type { FirstPass, Sought } from "./NearestSets.ts"
import { NearestThreads } from "./NearestThreads.ts"
import { sampledFloors } from "./sampledFloors.ts"
import { attempt, type FoundParts, searchBlocks } from "./searchBlocks.ts"

/** Passages by score descending, then by the bytes of their docids descending. */
export interface NearestVectors {
  /** Their places in the table. */
  readonly texts: Uint32Array
  readonly scores: Float32Array
}

export const nearestRanking = ({ nameOf }: VectorTable, { scores, texts }: NearestVectors): Ranking => ({
  docids: Array.from(texts, nameOf),
  scores: Array.from(scores),
})

/** What was found for each query, and how. */
export interface FoundVectors {
  readonly nearest: ReadonlyArray<NearestVectors>
  /** Queries whose products were of 32 bits from the beginning: in 8 bits their bound would have let too much through. */
  readonly inFull: number
  /** Queries that were searched for twice, as fewer than `k` passages came to what a sample had made likely. */
  readonly again: number
}

/** What is searched for. */
export interface NearestOptions {
  /** The queries' vectors, one behind another. */
  readonly queries: Float32Array
  readonly k: number
  /** By which products; left out, by what suits each query. */
  readonly first?: FirstPass
  /** Told now and then how many passages have been seen. */
  readonly seen: (passages: number) => void
}

/** Searches one table. */
export type SearchVectors = (
  options: NearestOptions,
) => Effect.Effect<FoundVectors, DeviceUnavailable | ModelRejected | InferenceFailed | SearchFailed, OnnxRuntime>

/** Multiplications below which a thread is not started. */
const worthThreads = 1e11

const bits = new Int32Array(1)
const float = new Float32Array(bits.buffer)

/** Whole numbers from 0 to 2^32 in the order of 32-bit floats. */
const orderOf = (score: number): number => {
  float[0] = score + 0
  const of = bits[0]!
  return of >= 0 ? of + 2 ** 31 : 2 ** 31 - (of & 0x7fffffff)
}

/** Scores and places fit one number: 32 bits and 21. */
const mostPlaces = 2 ** 21

/** Places by score descending; equal ones are in no order yet. */
const byScore = (scores: Float32Array): Uint32Array => {
  const { length } = scores
  if (length > mostPlaces) return Uint32Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!)
  const keys = new Float64Array(length)
  for (let place = 0; place < length; place++) keys[place] = orderOf(scores[place]!) * mostPlaces + place
  keys.sort()
  const places = new Uint32Array(length)
  for (let at = 0; at < length; at++) {
    const key = keys[length - 1 - at]!
    places[at] = key - Math.floor(key / mostPlaces) * mostPlaces
  }
  return places
}

/** The first `k` of some passages. */
const firstOf = (
  { scores, texts }: NearestVectors,
  k: number,
  compareNames: VectorTable["compareNames"],
): NearestVectors => {
  const count = texts.length
  const places = byScore(scores)
  for (let from = 0; from < Math.min(k, count); ) {
    let to = from + 1
    while (to < count && scores[places[to]!] === scores[places[from]!]) to++
    if (to - from > 1) places.subarray(from, to).sort((a, b) => compareNames(texts[b]!, texts[a]!))
    from = to
  }
  const first = { texts: new Uint32Array(Math.min(k, count)), scores: new Float32Array(Math.min(k, count)) }
  for (let at = 0; at < first.texts.length; at++) {
    first.texts[at] = texts[places[at]!]!
    first.scores[at] = scores[places[at]!]!
  }
  return first
}

/** What several threads found of one group of queries, together. */
const together = (
  parts: ReadonlyArray<FoundParts>,
  count: number,
  k: number,
  compareNames: VectorTable["compareNames"],
): ReadonlyArray<NearestVectors> => {
  const starts = parts.map(() => 0)
  return Array.from({ length: count }, (_, query) => {
    const own = parts.map(({ scores, sizes, texts }, at) => {
      const [from, to] = [starts[at]!, starts[at]! + sizes[query]!]
      starts[at] = to
      return { texts: texts.subarray(from, to), scores: scores.subarray(from, to) }
    })
    const total = own.reduce((sum, { texts }) => sum + texts.length, 0)
    const all = { texts: new Uint32Array(total), scores: new Float32Array(total) }
    let at = 0
    for (const { scores, texts } of own) {
      all.texts.set(texts, at)
      all.scores.set(scores, at)
      at += texts.length
    }
    return firstOf(all, k, compareNames)
  })
}

const chosen = (from: Float32Array, width: number, which: ReadonlyArray<number>): Float32Array => {
  const of = new Float32Array(which.length * width)
  which.forEach((query, at) => {
    of.set(from.subarray(query * width, (query + 1) * width), at * width)
  })
  return of
}

/**
 * Opens a table for searches, by as many threads as are worth it; they end with the scope. Memory holds k + max(512, k) places for each
 * query in each thread, and the table's names.
 *
 * @param worth multiplications for which a thread is started
 */
export const openNearest = (
  passages: VectorTable,
  threads: number,
  worth = worthThreads,
): Effect.Effect<SearchVectors, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { compareNames, dimensions, texts } = passages
    const others = yield* NearestThreads.open(passages)
    const searchAll = (k: number, groups: ReadonlyArray<Sought>, seen: (passages: number) => void) =>
      Effect.gen(function* () {
        const queries = groups.reduce((sum, group) => sum + group.queries.length, 0)
        const search = { k, groups, next: new SharedArrayBuffer(4) }
        const helpers = others.ask(search, Math.min(threads - 1, Math.floor((queries * texts) / worth)))
        const own = yield* searchBlocks(passages, search, seen)
        const parts = [own, ...(yield* Effect.all(helpers))]
        return groups.map((group, at) =>
          together(
            parts.map((part) => part[at]!),
            group.queries.length / dimensions,
            k,
            compareNames,
          ),
        )
      })
    return ({ first, k, queries, seen }) =>
      Effect.gen(function* () {
        const count = queries.length / dimensions
        const sampled = yield* sampledFloors(passages, queries, k)
        const firstOfQuery = (query: number): FirstPass => first ?? sampled.first[query]!
        const all = Array.from({ length: count }, (_, query) => query)
        const nearest = new Array<NearestVectors>(count)
        const searchFor = (which: ReadonlyArray<number>, floors: Float32Array) =>
          Effect.gen(function* () {
            const groups = (["int8", "fp32"] as const)
              .map((pass) => ({ pass, members: which.filter((query) => firstOfQuery(query) === pass) }))
              .filter(({ members }) => members.length > 0)
            const found = yield* searchAll(
              k,
              groups.map(({ members, pass }) => ({
                first: pass,
                queries: chosen(queries, dimensions, members),
                floors: chosen(floors, 1, members),
                centre: sampled.centre,
              })),
              seen,
            )
            yield* attempt(() =>
              groups.forEach(({ members }, group) => {
                members.forEach((query, at) => {
                  nearest[query] = found[group]![at]!
                })
              }),
            )
          })
        yield* searchFor(all, sampled.floors)
        const again = all.filter((query) => nearest[query]!.texts.length < Math.min(k, texts))
        if (again.length > 0) yield* searchFor(again, new Float32Array(count).fill(Number.NEGATIVE_INFINITY))
        return { nearest, inFull: all.filter((query) => firstOfQuery(query) === "fp32").length, again: again.length }
      })
  })
