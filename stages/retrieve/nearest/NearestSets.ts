import { scanBytes } from "./generated/scanBytes.ts"
import { exactProduct, floatBelow, lengthOf, productError } from "./vectorProducts.ts"

/** The kernel of `scan.wat`. */
interface ScanKernel {
  readonly scan: (
    at: number,
    end: number,
    floor: number,
    floors: number,
    floorsEnd: number,
    row: number,
    sizes: number,
    scores: number,
    rows: number,
    capacity: number,
  ) => number
  readonly product: (a: number, b: number, end: number) => number
}

const isScanKernel = (exported: object): exported is ScanKernel => "scan" in exported && "product" in exported

let compiled: WebAssembly.Module | undefined

const pageBytes = 65_536
const roundedUp = (bytes: number): number => Math.ceil(bytes / 16) * 16

/** Passages and scores of one query: places that change with the next scan. */
export interface SetEntries {
  readonly rows: Uint32Array
  readonly scores: Float32Array
}

/**
 * What may be among the `k` nearest of each of some queries, by scores that are known to within an error: all that come to within
 * twice that of the k-th greatest so far. Nothing below a query's floor, which rises as better ones come, can be among its nearest.
 * All of it, the products that are looked through too, lies in one memory of WebAssembly, whose kernel does the looking.
 */
export class NearestSets {
  /** Queries, and what makes them a multiple of 4. */
  readonly columns: number
  /** Where a block's products are put: passages × `columns`. */
  readonly products: Float32Array<ArrayBuffer>
  /** Where a block's vectors are read to. */
  readonly block: Float32Array<ArrayBuffer>
  readonly #queries: Float32Array
  readonly #dimensions: number
  readonly #k: number
  readonly #errors: Float64Array
  readonly #capacity: number
  readonly #kernel: ScanKernel
  readonly #floors: Float32Array
  readonly #sizes: Uint32Array
  readonly #scores: Float32Array
  readonly #rows: Uint32Array
  readonly #scratch: Float32Array

  /**
   * @param vectors the queries', one behind another
   * @param longest the length of the longest vector of a passage
   * @param blockRows passages of a block at most
   * @throws RangeError where the memory cannot be had
   */
  constructor(k: number, vectors: Float32Array, dimensions: number, longest: number, blockRows: number) {
    const queries = vectors.length / dimensions
    this.#k = k
    this.#dimensions = dimensions
    this.#errors = Float64Array.from({ length: queries }, (_, query) =>
      productError(dimensions, lengthOf(vectors, query * dimensions, dimensions), longest),
    )
    this.#capacity = k + Math.max(512, k)
    this.columns = Math.ceil(queries / 4) * 4
    const places = this.columns * this.#capacity
    const sizes = [blockRows * this.columns, this.columns, this.columns, places, places, blockRows * dimensions]
    const bytes = [...sizes, vectors.length].map((all) => roundedUp(4 * all))
    const starts = bytes.map((_, at) => bytes.slice(0, at).reduce((sum, each) => sum + each, 0))
    const [atProducts = 0, atFloors = 0, atSizes = 0, atScores = 0, atRows = 0, atBlock = 0, atQueries = 0] = starts
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes.reduce((a, b) => a + b) / pageBytes) })
    compiled ??= new WebAssembly.Module(Buffer.from(scanBytes, "base64"))
    const { exports } = new WebAssembly.Instance(compiled, { scan: { memory } })
    if (!isScanKernel(exports)) throw new RangeError("the kernel of scan.wat has no function scan")
    this.#kernel = exports
    const { buffer } = memory
    this.products = new Float32Array(buffer, atProducts, blockRows * this.columns)
    this.#floors = new Float32Array(buffer, atFloors, this.columns)
    this.#sizes = new Uint32Array(buffer, atSizes, this.columns)
    this.#scores = new Float32Array(buffer, atScores, places)
    this.#rows = new Uint32Array(buffer, atRows, places)
    this.block = new Float32Array(buffer, atBlock, blockRows * dimensions)
    this.#queries = new Float32Array(buffer, atQueries, vectors.length)
    this.#queries.set(vectors)
    this.#floors.fill(Number.NEGATIVE_INFINITY).fill(Number.POSITIVE_INFINITY, queries)
    this.#scratch = new Float32Array(this.#capacity)
  }

  /** The product, as it ranks, of a query's vector with that of a row of the block. */
  exact(query: number, row: number): number {
    const dimensions = this.#dimensions
    const [a, b] = [row * dimensions, query * dimensions]
    if (dimensions % 4 !== 0) return exactProduct(this.block, a, this.#queries, b, dimensions)
    const at = this.block.byteOffset + 4 * a
    return this.#kernel.product(at, this.#queries.byteOffset + 4 * b, at + 4 * dimensions)
  }

  /** What a query's set holds. */
  entries(query: number): SetEntries {
    const from = query * this.#capacity
    const to = from + this.#sizes[query]!
    return { rows: this.#rows.subarray(from, to), scores: this.#scores.subarray(from, to) }
  }

  /**
   * Takes what is near enough of a block whose products are there.
   *
   * @param row the first passage of the block
   * @param settle of a query whose set is full of what its scores cannot tell apart: the score, as it ranks, of its k-th best passage
   * of all that were seen, which the caller keeps from then on
   */
  take(rows: number, row: number, settle: (query: number) => number): void {
    const { columns, products } = this
    const rowBytes = 4 * columns
    const begin = products.byteOffset
    const end = begin + rows * rowBytes
    const floors = this.#floors.byteOffset
    for (let at = begin; at < end; ) {
      const column = (at - begin) % rowBytes
      const first = row + (at - begin - column) / rowBytes
      at = this.#kernel.scan(
        at,
        end,
        floors + column,
        floors,
        floors + rowBytes,
        first,
        this.#sizes.byteOffset,
        this.#scores.byteOffset,
        this.#rows.byteOffset,
        this.#capacity,
      )
      // The last four queries that were looked at: where one's set is full, it stopped.
      const last = ((at - begin) / 4 - 4) % columns
      for (let query = last; query < last + 4; query++) {
        if (this.#sizes[query] === this.#capacity) this.#makeRoom(query, settle)
      }
    }
  }

  #makeRoom(query: number, settle: (query: number) => number): void {
    this.cut(query)
    if (this.#sizes[query]! <= 0.9 * this.#capacity) return
    this.#raise(query, settle(query) - this.#errors[query]!)
    this.#sizes[query] = 0
  }

  /** Raises a query's floor and drops what is below it. */
  cut(query: number): void {
    const { rows, scores } = this.entries(query)
    const size = scores.length
    if (size >= this.#k) {
      this.#scratch.set(scores)
      this.#raise(query, kthGreatest(this.#scratch, size, this.#k) - 2 * this.#errors[query]!)
    }
    const floor = this.#floors[query]!
    let kept = 0
    for (let i = 0; i < size; i++) {
      if (scores[i]! < floor) continue
      rows[kept] = rows[i]!
      scores[kept++] = scores[i]!
    }
    this.#sizes[query] = kept
  }

  #raise(query: number, floor: number): void {
    this.#floors[query] = Math.max(this.#floors[query]!, floatBelow(floor))
  }
}

/** The k-th greatest of the first values, whose order changes: quickselect (Hoare's FIND, 1961). */
const kthGreatest = (values: Float32Array, size: number, k: number): number => {
  let low = 0
  let high = size - 1
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!
    let i = low
    let j = high
    while (i <= j) {
      while (values[i]! > pivot) i++
      while (values[j]! < pivot) j--
      if (i > j) break
      const value = values[i]!
      values[i++] = values[j]!
      values[j--] = value
    }
    if (k - 1 <= j) high = j
    else if (k - 1 >= i) low = i
    else break
  }
  return values[k - 1]!
}
