import * as Effect from "effect/Effect"
import { floats, Onnx, OnnxRuntime, type Tensor, type VectorTable } from "../../../neural/index.ts"
import { SearchFailed } from "../RetrieveError.ts"
import { NearestSets, type Sought } from "./NearestSets.ts"
import { spreadVectors } from "./vectorProducts.ts"

/** Vectors multiplied at once. */
export const blockRows = 256

/** Vectors that a thread takes at once, and between which the event loop has its turn. */
export const chunkRows = 16 * blockRows

/** A turn of the event loop: lets signals and the live line have their say. */
export const breathe = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))

export const attempt = <A>(work: () => A): Effect.Effect<A, SearchFailed> =>
  Effect.try({ try: work, catch: (cause) => new SearchFailed({ system: "dense", answered: 0, cause }) })

/** The products of a block with queries, which lie in the graph. */
const blockProducts = ({ columns, stride, weights }: NearestSets) => {
  const rows = Onnx.dimensions.named("rows")
  if ("vectors" in weights) {
    const block = Onnx.input("block", "float32", [rows, stride])
    return { block, products: Onnx.matMul(block, Onnx.constant(weights.vectors, [stride, columns])) }
  }
  const block = Onnx.input("block", "uint8", [rows, stride])
  const queries = Onnx.parameter8("queries", "int8", [stride, columns])
  return { block, products: Onnx.integerProduct(block, queries, Onnx.constant(weights.scales, [columns])) }
}

/**
 * A session in one thread over a block: its products with the queries, or which of them are near. The binding copies what comes out of a
 * session, whatever place is given for it: a byte of each is a quarter of that.
 */
const openBlocks = (sets: NearestSets, output: "products" | "near") =>
  Effect.gen(function* () {
    const { columns, weights } = sets
    const { block, products } = blockProducts(sets)
    const leasts = Onnx.input("leasts", "float32", [columns])
    const margins = Onnx.input("margins", "float32", [columns])
    const steps = Onnx.input("steps", "float32", [Onnx.dimensions.named("rows"), 1])
    const least = Onnx.subtract(Onnx.multiply(steps, leasts), margins)
    const near = Onnx.greaterOrEqual(products, "vectors" in weights ? leasts : least)
    const limits = output === "products" ? [] : "vectors" in weights ? [leasts] : [leasts, margins, steps]
    const graph = {
      name: "blocks",
      inputs: [block, ...limits],
      outputs: output === "products" ? { products } : { near },
    }
    const { model } = Onnx.encodeModel(graph, { kind: "inside" })
    const bytes = Onnx.toBytes(model, "codes" in weights ? new Map([["queries", weights.codes]]) : new Map())
    const { open } = yield* OnnxRuntime
    return yield* open({ name: "blocks", bytes }, { device: "cpu", threads: 1 })
  })

/** Sets, and what finds out of a block's vectors, which lie there, what is near. */
const openSets = (k: number, sought: Sought, passages: VectorTable) =>
  Effect.gen(function* () {
    const sets = yield* attempt(() => new NearestSets(k, sought, passages, blockRows))
    const { columns, leasts, margins, near, steps } = sets
    const session = yield* openBlocks(sets, "near")
    const findNear = (rows: number) =>
      Effect.gen(function* () {
        sets.round(rows)
        const rounding = {
          margins: floats([columns], margins),
          steps: floats([rows, 1], steps.subarray(0, rows)),
        }
        yield* session.run(
          { block: blockOf(sets, rows), leasts: floats([columns], leasts), ...(sets.first === "int8" ? rounding : {}) },
          { near: { type: "bool", shape: [rows, columns], data: near.subarray(0, rows * columns) } },
        )
      })
    return { sets, findNear }
  })

const blockOf = ({ block, codes, first, stride }: NearestSets, rows: number): Tensor => {
  const shape = [rows, stride]
  return first === "int8"
    ? { type: "uint8", shape, data: codes.subarray(0, rows * stride) }
    : floats(shape, block.subarray(0, rows * stride))
}

/** Sets that estimate queries' scores by products of 8 bits. */
export const openEstimates = (sought: Omit<Sought, "first">, passages: VectorTable) =>
  Effect.gen(function* () {
    const sets = yield* attempt(() => new NearestSets(1, { first: "int8", ...sought }, passages, blockRows))
    const session = yield* openBlocks(sets, "products")
    /** Of vectors, a block at most: a row of `columns` each. */
    const estimate = (vectors: Float32Array) =>
      Effect.gen(function* () {
        const { dimensions } = passages
        const rows = vectors.length / dimensions
        spreadVectors(vectors, dimensions, sets.block, sets.stride)
        sets.round(rows)
        const products = (yield* session.run({ block: blockOf(sets, rows) })).get("products")
        const estimates = products?.type === "float32" ? products.data : new Float32Array(0)
        sets.estimates(estimates, rows)
        return estimates
      })
    const { columns } = sets
    return { columns, estimate, error: (query: number) => sets.error(query) }
  })

/** What is left of the nearest of each query, one behind another. */
export interface FoundParts {
  readonly sizes: Uint32Array
  readonly texts: Uint32Array
  readonly scores: Float32Array
}

const partsOf = (sets: NearestSets, count: number): FoundParts => {
  const found = Array.from({ length: count }, (_, query) => sets.nearest(query))
  const sizes = Uint32Array.from(found, ({ rows }) => rows.length)
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const texts = new Uint32Array(total)
  const scores = new Float32Array(total)
  let at = 0
  for (const each of found) {
    texts.set(each.rows, at)
    scores.set(each.scores, at)
    at += each.rows.length
  }
  return { sizes, texts, scores }
}

/** A search of a table, whole or shared among threads. */
export interface Search {
  readonly k: number
  readonly groups: ReadonlyArray<Sought>
  /** The next chunk that nobody has taken: one 32-bit number. */
  readonly next: SharedArrayBuffer
}

/**
 * Takes chunks of the passages until none is left, and gives the nearest of them for each query of each group.
 *
 * @param seen told how many passages have been taken by all
 */
export const searchBlocks = (passages: VectorTable, { groups, k, next }: Search, seen: (passages: number) => void) =>
  Effect.scoped(
    Effect.gen(function* () {
      const { dimensions, texts } = passages
      const all = yield* Effect.forEach(groups, (sought) => openSets(k, sought, passages))
      const counter = new Int32Array(next)
      const vectors = new Float32Array(dimensions % 4 === 0 && all.length === 1 ? 0 : blockRows * dimensions)
      for (;;) {
        const begin = Atomics.add(counter, 0, 1) * chunkRows
        if (begin >= texts) break
        const end = Math.min(begin + chunkRows, texts)
        for (let from = begin; from < end; from += blockRows) {
          const rows = Math.min(blockRows, end - from)
          const [first] = all
          if (vectors.length === 0 && first !== undefined) {
            yield* attempt(() => passages.read(first.sets.block.subarray(0, rows * dimensions), from))
          } else {
            const read = vectors.subarray(0, rows * dimensions)
            yield* attempt(() => passages.read(read, from))
            for (const { sets } of all) spreadVectors(read, dimensions, sets.block, sets.stride)
          }
          for (const { findNear, sets } of all) {
            yield* findNear(rows)
            yield* attempt(() => sets.take(rows, from))
          }
        }
        seen(end)
        yield* breathe
      }
      return yield* attempt(() => all.map(({ sets }, at) => partsOf(sets, groups[at]!.queries.length / dimensions)))
    }),
  )
