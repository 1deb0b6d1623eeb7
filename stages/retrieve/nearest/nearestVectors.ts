/**
 * The passages whose vectors have the greatest products with a query's: exactly, in memory that does not grow with the collection.
 *
 * onnxruntime multiplies the vectors, block by block of the file, and sums in an order of its own. What comes to within twice
 * `productError` of the k-th best so far stays, and is scored again by `exactProduct` in the end: these scores rank, so that results
 * are a function of the vectors alone, whatever the processor and the number of threads.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import {
  type DeviceUnavailable,
  floats,
  type InferenceFailed,
  type ModelRejected,
  Onnx,
  OnnxRuntime,
  type VectorTable,
} from "../../../neural/index.ts"
import { VectorsUnreadable } from "../RetrieveError.ts"
import { NearestSets } from "./NearestSets.ts"
import { exactProduct } from "./vectorProducts.ts"

/** Vectors read and multiplied at once. */
const blockRows = 1024

/** Blocks between turns of the event loop. */
const blocksAtOnce = 16

/** Passages by score descending, then by the bytes of their docids descending. */
export interface NearestVectors {
  /** Their places in the table. */
  readonly texts: Uint32Array
  readonly scores: Float32Array
}

/** What is searched for. */
export interface NearestOptions {
  readonly passages: VectorTable
  /** The queries' vectors, one behind another. */
  readonly queries: Float32Array
  readonly k: number
  /** Of the products. */
  readonly threads: number
  /** Told now and then how many passages have been seen. */
  readonly seen: (passages: number) => void
}

/** A turn of the event loop: lets signals and the live line have their say. */
const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

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
  const keys = Float64Array.from(scores, (score, place) => orderOf(score) * mostPlaces + place).sort()
  return Uint32Array.from({ length }, (_, at) => keys[length - 1 - at]! % mostPlaces)
}

/** The first `k` of passages with the scores that rank, some of them known from before. */
const firstOf = (
  found: NearestVectors,
  before: NearestVectors | undefined,
  k: number,
  compareNames: VectorTable["compareNames"],
): NearestVectors => {
  const all = found.texts.length
  const count = all + (before?.texts.length ?? 0)
  const texts = new Uint32Array(count)
  const scores = new Float32Array(count)
  texts.set(found.texts)
  scores.set(found.scores)
  if (before !== undefined) {
    texts.set(before.texts, all)
    scores.set(before.scores, all)
  }
  const places = byScore(scores)
  for (let from = 0; from < Math.min(k, count); ) {
    let to = from + 1
    while (to < count && scores[places[to]!] === scores[places[from]!]) to++
    if (to - from > 1) places.subarray(from, to).sort((a, b) => compareNames(texts[b]!, texts[a]!))
    from = to
  }
  const first = places.subarray(0, k)
  return { texts: first.map((at) => texts[at]!), scores: Float32Array.from(first, (at) => scores[at]!) }
}

/** A session that multiplies passages' vectors with those of the queries, which lie in it; columns beyond the queries are zeros. */
const openProducts = (queries: Float32Array, columns: number, dimensions: number, threads: number) =>
  Effect.gen(function* () {
    const count = queries.length / dimensions
    const transposed = new Float32Array(columns * dimensions)
    for (let query = 0; query < count; query++) {
      for (let i = 0; i < dimensions; i++) transposed[i * columns + query] = queries[query * dimensions + i]!
    }
    const vectors = Onnx.input("vectors", "float32", [Onnx.dimensions.named("rows"), dimensions])
    const products = Onnx.matMul(vectors, Onnx.constant(transposed, [dimensions, columns]))
    const graph = { name: "products", inputs: [vectors], outputs: { products } }
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model)
    const { open } = yield* OnnxRuntime
    return yield* open({ name: "products", bytes }, { device: "cpu", threads })
  })

/** What some sets hold with the scores that rank, by one more reading of the blocks that they have anything of. */
const scoredExactly = (
  { dimensions, read, texts }: VectorTable,
  sets: NearestSets,
  count: number,
): ReadonlyArray<NearestVectors> => {
  const blocks = Math.ceil(texts / blockRows)
  const found = Array.from({ length: count }, (_, query) => {
    const texts = sets.entries(query).rows.slice()
    return { texts, scores: new Float32Array(texts.length) }
  })
  // All entries in the order of their blocks, by counting.
  const next = new Uint32Array(blocks + 1)
  for (const { texts } of found) for (const text of texts) next[Math.floor(text / blockRows) + 1]!++
  for (let at = 0; at < blocks; at++) next[at + 1]! += next[at]!
  const starts = next.slice()
  const queryOf = new Uint32Array(starts[blocks]!)
  const placeOf = new Uint32Array(queryOf.length)
  found.forEach(({ texts }, query) => {
    texts.forEach((text, place) => {
      const at = next[Math.floor(text / blockRows)]!++
      queryOf[at] = query
      placeOf[at] = place
    })
  })
  for (let at = 0; at < blocks; at++) {
    if (starts[at] === starts[at + 1]) continue
    const from = at * blockRows
    read(sets.block.subarray(0, Math.min(blockRows, texts - from) * dimensions), from)
    for (let entry = starts[at]!; entry < starts[at + 1]!; entry++) {
      const query = queryOf[entry]!
      const { scores, texts } = found[query]!
      const place = placeOf[entry]!
      scores[place] = sets.exact(query, texts[place]! - from)
    }
  }
  return found
}

/** The `k` nearest passages of each query, or all there are. */
export const nearestVectors = (
  options: NearestOptions,
): Effect.Effect<
  ReadonlyArray<NearestVectors>,
  VectorsUnreadable | InferenceFailed | DeviceUnavailable | ModelRejected,
  OnnxRuntime | Scope.Scope
> =>
  Effect.gen(function* () {
    const { passages, queries, seen, threads } = options
    const { compareNames, dimensions, greatestNorm, texts } = passages
    const count = queries.length / dimensions
    const k = Math.min(options.k, texts)
    if (k === 0 || count === 0) {
      return Array.from({ length: count }, () => ({ texts: new Uint32Array(0), scores: new Float32Array(0) }))
    }
    const attempt = <A>(body: () => A) => Effect.try({ try: body, catch: (cause) => new VectorsUnreadable({ cause }) })
    const most = Math.min(blockRows, texts)
    const sets = yield* attempt(() => new NearestSets(k, queries, dimensions, greatestNorm, most))
    /** The best of those sets that were full of what is equally near. */
    const settled = new Array<NearestVectors | undefined>(count).fill(undefined)
    const vector = new Float32Array(dimensions)
    const settle = (query: number): number => {
      const found = sets.entries(query).rows.slice()
      const scores = Float32Array.from(found, (row) => {
        passages.read(vector, row)
        return exactProduct(queries, query * dimensions, vector, 0, dimensions)
      })
      const first = firstOf({ texts: found, scores }, settled[query], k, compareNames)
      settled[query] = first
      return first.scores.at(-1) ?? Number.NEGATIVE_INFINITY
    }

    const { block, columns } = sets
    const session = yield* openProducts(queries, columns, dimensions, threads)
    for (let from = 0; from < texts; from += blockRows) {
      const rows = Math.min(blockRows, texts - from)
      const vectors = block.subarray(0, rows * dimensions)
      const products = sets.products.subarray(0, rows * columns)
      yield* attempt(() => passages.read(vectors, from))
      yield* session.run(
        { vectors: floats([rows, dimensions], vectors) },
        { products: floats([rows, columns], products) },
      )
      yield* attempt(() => sets.take(rows, from, settle))
      if ((from / blockRows) % blocksAtOnce === 0) {
        seen(from)
        yield* breathe
      }
    }
    return yield* attempt(() => {
      for (let query = 0; query < count; query++) sets.cut(query)
      return scoredExactly(passages, sets, count).map((found, query) => firstOf(found, settled[query], k, compareNames))
    })
  })
