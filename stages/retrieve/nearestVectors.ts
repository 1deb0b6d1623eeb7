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
} from "../../neural/index.ts"
import { NearestSet } from "./NearestSet.ts"
import { VectorsUnreadable } from "./RetrieveError.ts"
import { exactProduct, floatBelow, lengthOf, productError } from "./vectorProducts.ts"

/** Vectors read and multiplied at once. */
const blockRows = 1024

/** Blocks between turns of the event loop. */
const blocksAtOnce = 16

/** A set that is larger is settled: scored exactly before everything was seen. */
const largestSet = (k: number): number => Math.max(8192, 8 * k)

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

/** The first `k` of passages with exact scores, some of them known from before. */
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
  const places = Uint32Array.from({ length: count }, (_, at) => at)
    .sort((a, b) => scores[b]! - scores[a]! || compareNames(texts[b]!, texts[a]!))
    .subarray(0, k)
  return { texts: places.map((at) => texts[at]!), scores: Float32Array.from(places, (at) => scores[at]!) }
}

/** A session that multiplies passages' vectors with those of the queries, which lie in it. */
const openProducts = (queries: Float32Array, count: number, dimensions: number, threads: number) =>
  Effect.gen(function* () {
    const columns = new Float32Array(queries.length)
    for (let query = 0; query < count; query++) {
      for (let i = 0; i < dimensions; i++) columns[i * count + query] = queries[query * dimensions + i]!
    }
    const vectors = Onnx.input("vectors", "float32", [Onnx.dimensions.named("rows"), dimensions])
    const products = Onnx.matMul(vectors, Onnx.constant(columns, [dimensions, count]))
    const graph = { name: "products", inputs: [vectors], outputs: { products } }
    const bytes = Onnx.toBytes(Onnx.encodeModel(graph, { kind: "inside" }).model)
    const { open } = yield* OnnxRuntime
    return yield* open({ name: "products", bytes }, { device: "cpu", threads })
  })

/** The sets' passages with their exact scores, by one more reading of the blocks that have any. */
const scoredExactly = ({ passages, queries }: NearestOptions, sets: ReadonlyArray<NearestSet>, block: Float32Array) => {
  const { dimensions, texts } = passages
  const blocks = Math.ceil(texts / blockRows)
  // All sets' entries in the order of their blocks, by counting.
  const next = new Uint32Array(blocks + 1)
  for (const { rows, size } of sets) for (let i = 0; i < size; i++) next[Math.floor(rows[i]! / blockRows) + 1]!++
  for (let at = 0; at < blocks; at++) next[at + 1]! += next[at]!
  const starts = next.slice()
  const queryOf = new Uint32Array(starts[blocks]!)
  const placeOf = new Uint32Array(queryOf.length)
  sets.forEach(({ rows, size }, query) => {
    for (let i = 0; i < size; i++) {
      const at = next[Math.floor(rows[i]! / blockRows)]!++
      queryOf[at] = query
      placeOf[at] = i
    }
  })
  for (let at = 0; at < blocks; at++) {
    if (starts[at] === starts[at + 1]) continue
    const from = at * blockRows
    passages.read(block.subarray(0, Math.min(blockRows, texts - from) * dimensions), from)
    for (let entry = starts[at]!; entry < starts[at + 1]!; entry++) {
      const query = queryOf[entry]!
      const set = sets[query]!
      const place = placeOf[entry]!
      const row = set.rows[place]! - from
      set.scores[place] = exactProduct(queries, query * dimensions, block, row * dimensions, dimensions)
    }
  }
  return sets.map(({ rows, scores, size }) => ({ texts: rows.subarray(0, size), scores: scores.subarray(0, size) }))
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
    const sets = Array.from({ length: count }, (_, query) => {
      const length = lengthOf(queries, query * dimensions, dimensions)
      return new NearestSet(k, productError(dimensions, length, greatestNorm))
    })
    const floors = new Float32Array(count).fill(Number.NEGATIVE_INFINITY)
    /** The best of the sets that grew too large. */
    const settled = new Array<NearestVectors | undefined>(count).fill(undefined)
    const vector = new Float32Array(dimensions)
    const settle = (query: number, set: NearestSet): void => {
      const found = set.rows.slice(0, set.size).sort()
      const scores = Float32Array.from(found, (row) => {
        passages.read(vector, row)
        return exactProduct(queries, query * dimensions, vector, 0, dimensions)
      })
      const first = firstOf({ texts: found, scores }, settled[query], k, compareNames)
      settled[query] = first
      set.settle(first.scores.at(-1) ?? Number.NEGATIVE_INFINITY)
    }
    const makeRoom = (query: number, set: NearestSet): void => {
      set.cut()
      if (set.size > set.capacity / 2) {
        if (set.capacity < largestSet(k)) set.grow()
        else settle(query, set)
      }
      floors[query] = floatBelow(set.floor)
    }

    const session = yield* openProducts(queries, count, dimensions, threads)
    const block = new Float32Array(Math.min(blockRows, texts) * dimensions)
    const products = new Float32Array(Math.min(blockRows, texts) * count)
    for (let from = 0; from < texts; from += blockRows) {
      const rows = Math.min(blockRows, texts - from)
      const vectors = block.subarray(0, rows * dimensions)
      const given = products.subarray(0, rows * count)
      yield* attempt(() => passages.read(vectors, from))
      yield* session.run({ vectors: floats([rows, dimensions], vectors) }, { products: floats([rows, count], given) })
      yield* attempt(() => {
        for (let row = 0, at = 0; row < rows; row++) {
          for (let query = 0; query < count; query++, at++) {
            if (given[at]! < floors[query]!) continue
            const set = sets[query]!
            set.add(from + row, given[at]!)
            if (set.size === set.capacity) makeRoom(query, set)
          }
        }
      })
      if ((from / blockRows) % blocksAtOnce === 0) {
        seen(from)
        yield* breathe
      }
    }
    return yield* attempt(() => {
      for (const set of sets) set.cut()
      const found = scoredExactly(options, sets, block)
      return found.map((each, query) => firstOf(each, settled[query], k, compareNames))
    })
  })
