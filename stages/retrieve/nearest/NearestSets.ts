import { scanBytes } from "./generated/scanBytes.ts"
import { floatBelow, lengthOf, productError, roundedQuery, spreadVectors } from "./vectorProducts.ts"

/** The kernel of `scan.wat`. */
interface ScanKernel {
  readonly round: (
    vector: number,
    end: number,
    dimensions: number,
    centre: number,
    codes: number,
    steps: number,
    greatest: number,
  ) => void
  readonly scan: (
    at: number,
    end: number,
    column: number,
    columns: number,
    vector: number,
    vectorBytes: number,
    row: number,
    queries: number,
    lows: number,
    floors: number,
    sizes: number,
    scores: number,
    rows: number,
    capacity: number,
  ) => number
}

const isScanKernel = (exported: object): exported is ScanKernel => "scan" in exported && "round" in exported

let compiled: WebAssembly.Module | undefined

const pageBytes = 65_536
const roundedUp = (bytes: number): number => Math.ceil(bytes / 64) * 64

/** How products come about of which the near ones are multiplied again as they rank. */
export type FirstPass = "int8" | "fp32"

/** Queries that are searched for together. */
export interface Sought {
  readonly first: FirstPass
  /** The queries' vectors, one behind another. */
  readonly queries: Float32Array
  /** What no passage of a query's counts below. */
  readonly floors: Float32Array
  /** What is taken off passages' vectors before they are rounded. */
  readonly centre: Float32Array
}

/** What is searched. */
export interface SearchedTable {
  readonly dimensions: number
  /** The length of the longest vector. */
  readonly greatestNorm: number
  /** Less than 0 where the first passage's docid comes first by its bytes. */
  readonly compareNames: (a: number, b: number) => number
}

/** Passages and scores of one query: places that change with the next block. */
export interface SetEntries {
  readonly rows: Uint32Array
  readonly scores: Float32Array
}

/** Relative, more than what a few roundings to 32 bits add up to. */
const fewRoundings = 2 ** -20

/**
 * The nearest passages of each of some queries, of those in the blocks so far: by products in 8 or 32 bits whose error has a bound,
 * so that a passage which can be near enough is known, and multiplied again as it ranks. All of it lies in one memory of WebAssembly,
 * whose kernel does the looking and multiplying.
 *
 * In 8 bits a passage is c + n / t with a centre c and whole numbers n, and a query s m. Then |q·x − (q·c + s m·n / t)| is at most
 * |q − s m| |x − c| + |s m| |x − c − n / t|, lengths that are known: of passages, the greatest so far.
 */
export class NearestSets {
  /** Queries, and what makes them a multiple of 16. */
  readonly columns: number
  /** Numbers of a vector, and what makes them a multiple of 4. */
  readonly stride: number
  readonly first: FirstPass
  /** Where it is put what of a block is near enough to be multiplied again, 1 or 0: passages × `columns`. */
  readonly near: Uint8Array<ArrayBuffer>
  /** From which product on: not below a passage's `steps` × a query's `leasts` − its `margins`. */
  readonly leasts: Float32Array<ArrayBuffer>
  readonly margins: Float32Array<ArrayBuffer>
  /** How many steps of its rounding are 1, of each passage of the block. */
  readonly steps: Float32Array<ArrayBuffer>
  /** Where a block's vectors are put: passages × `stride`. */
  readonly block: Float32Array<ArrayBuffer>
  /** A block's vectors in 8 bits, 128 for 0: passages × `stride`. */
  readonly codes: Uint8Array<ArrayBuffer>
  /** The queries in 8 bits and their scales, `stride` × `columns`, or as they are. */
  readonly weights: { readonly codes: Int8Array; readonly scales: Float32Array } | { readonly vectors: Float32Array }
  readonly #table: SearchedTable
  readonly #k: number
  readonly #count: number
  readonly #capacity: number
  readonly #kernel: ScanKernel
  readonly #floors: Float32Array
  /** Floors of products in 32 bits. */
  readonly #lows: Float32Array
  readonly #centre: Float32Array
  readonly #queries: Float32Array
  readonly #sizes: Uint32Array
  readonly #scores: Float32Array
  readonly #rows: Uint32Array
  readonly #scratch: Float32Array
  /** In steps, the greatest length of what rounding takes from a passage; the greatest square of a length that is rounded. */
  readonly #greatest: Float32Array
  readonly #known = { rest: 0, length: 0 }
  /** Of each query: what its score has besides the product, and what it can be off: at all, by a passage's length, by its rounding. */
  readonly #shifts: Float64Array
  readonly #errors: Float64Array
  readonly #inFull: Float64Array
  readonly #byLength: Float64Array
  readonly #byRest: Float64Array

  /**
   * @param blockRows passages of a block at most
   * @throws RangeError where the memory cannot be had
   */
  constructor(k: number, sought: Sought, table: SearchedTable, blockRows: number) {
    const { centre, first, floors, queries: vectors } = sought
    const { dimensions, greatestNorm } = table
    const count = vectors.length / dimensions
    const stride = Math.ceil(dimensions / 4) * 4
    const columns = Math.ceil(count / 16) * 16
    this.#k = k
    this.#count = count
    this.#table = table
    this.#capacity = k + Math.max(512, k)
    this.columns = columns
    this.stride = stride
    this.first = first
    const codes = first === "int8" ? blockRows * stride : 0
    const floats = [columns, columns, columns, columns, blockRows, stride, 2]
    const places = columns * this.#capacity
    const sizes = [...floats, columns * stride, blockRows * stride, columns, places, places].map((all) => 4 * all)
    const bytes = [...sizes, codes, blockRows * columns].map(roundedUp)
    const starts = bytes.map((_, at) => bytes.slice(0, at).reduce((sum, each) => sum + each, 0))
    const memory = new WebAssembly.Memory({ initial: Math.ceil(bytes.reduce((a, b) => a + b) / pageBytes) })
    compiled ??= new WebAssembly.Module(Buffer.from(scanBytes, "base64"))
    const { exports } = new WebAssembly.Instance(compiled, { scan: { memory } })
    if (!isScanKernel(exports)) throw new RangeError("the kernel of scan.wat has no function scan")
    this.#kernel = exports
    const { buffer } = memory
    const floatsAt = (which: number): Float32Array<ArrayBuffer> =>
      new Float32Array(buffer, starts[which], sizes[which]! / 4)
    this.#floors = floatsAt(0)
    this.#lows = floatsAt(1)
    this.leasts = floatsAt(2)
    this.margins = floatsAt(3)
    this.steps = floatsAt(4).fill(1)
    this.#centre = floatsAt(5)
    this.#greatest = floatsAt(6)
    this.#queries = floatsAt(7)
    this.block = floatsAt(8)
    this.#sizes = new Uint32Array(buffer, starts[9], columns)
    this.#scores = floatsAt(10)
    this.#rows = new Uint32Array(buffer, starts[11], places)
    this.codes = new Uint8Array(buffer, starts[12], codes)
    this.near = new Uint8Array(buffer, starts[13], blockRows * columns)
    this.#scratch = new Float32Array(this.#capacity)
    this.#centre.set(centre)
    spreadVectors(vectors, dimensions, this.#queries, stride)
    // Columns beyond the queries let nothing in.
    this.#floors.fill(Number.POSITIVE_INFINITY).set(floors)
    this.leasts.fill(Number.POSITIVE_INFINITY)
    this.#shifts = new Float64Array(count)
    this.#errors = new Float64Array(count)
    this.#inFull = Float64Array.from({ length: count }, (_, query) =>
      productError(stride, lengthOf(this.#vectorOf(query), 0, stride), greatestNorm),
    )
    this.#byLength = new Float64Array(count)
    this.#byRest = new Float64Array(count)
    this.weights = first === "int8" ? this.#roundQueries(greatestNorm) : this.#wholeQueries()
    for (let query = 0; query < count; query++) this.#setLeast(query)
  }

  #vectorOf(query: number): Float32Array {
    return this.#queries.subarray(query * this.stride, (query + 1) * this.stride)
  }

  #wholeQueries(): { readonly vectors: Float32Array } {
    const { columns, stride } = this
    const vectors = new Float32Array(columns * stride)
    for (let query = 0; query < this.#count; query++) {
      const vector = this.#vectorOf(query)
      for (let i = 0; i < stride; i++) vectors[i * columns + query] = vector[i]!
      this.#errors[query] = this.#inFull[query]!
    }
    return { vectors }
  }

  #roundQueries(greatestNorm: number): { readonly codes: Int8Array; readonly scales: Float32Array } {
    const { columns, stride } = this
    const codes = new Int8Array(columns * stride)
    const scales = new Float32Array(columns).fill(1)
    const middle = lengthOf(this.#centre, 0, stride)
    for (let query = 0; query < this.#count; query++) {
      const vector = this.#vectorOf(query)
      const { codes: own, length, rest, scale } = roundedQuery(vector)
      for (let i = 0; i < stride; i++) codes[i * columns + query] = own[i]!
      scales[query] = scale
      let shift = 0
      for (let i = 0; i < stride; i++) shift += vector[i]! * this.#centre[i]!
      this.#shifts[query] = shift
      this.#byLength[query] = rest
      this.#byRest[query] = length
      this.#errors[query] = fewRoundings * lengthOf(vector, 0, stride) * (greatestNorm + middle)
    }
    return { codes, scales }
  }

  /** Says from which product on a passage is multiplied again. */
  #setLeast(query: number): void {
    this.#lows[query] = floatBelow(this.#floors[query]! - this.#inFull[query]!)
    const off = this.#errors[query]! + this.#byLength[query]! * this.#known.length
    const least = this.#floors[query]! - this.#shifts[query]! - off
    const slack = Number.isFinite(least) ? Math.abs(least) * fewRoundings : 0
    this.leasts[query] = floatBelow(least - slack)
    this.margins[query] = -floatBelow(-this.#byRest[query]! * this.#known.rest * (1 + fewRoundings))
  }

  /** Prepares a block whose vectors are there for its product: in 8 bits, its `codes`. */
  round(rows: number): void {
    if (this.first === "fp32") return
    const { block, codes, stride } = this
    this.#kernel.round(
      block.byteOffset,
      block.byteOffset + 4 * rows * stride,
      stride,
      this.#centre.byteOffset,
      codes.byteOffset,
      this.steps.byteOffset,
      this.#greatest.byteOffset,
    )
    // What sums of squares in 32 bits can lack, and what the differences' own rounding changes, in steps.
    const sums = 1 + stride * 2 ** -24
    const rest = this.#greatest[0]! * sums + 2 ** -21 * 127 * Math.sqrt(stride)
    const length = Math.sqrt(this.#greatest[1]!) * sums
    if (rest <= this.#known.rest && length <= this.#known.length) return
    this.#known.rest = rest
    this.#known.length = length
    for (let query = 0; query < this.#count; query++) this.#setLeast(query)
  }

  /** What scores may be off by at most, of passages such as those so far. */
  error(query: number): number {
    const { length, rest } = this.#known
    const step = this.steps[0]!
    return this.#errors[query]! + this.#byLength[query]! * length + (this.#byRest[query]! * rest) / step
  }

  /** Turns a block's products into what they say of the scores. */
  estimates(products: Float32Array, rows: number): void {
    const { columns } = this
    for (let row = 0; row < rows; row++) {
      const scale = 1 / this.steps[row]!
      const from = row * columns
      for (let query = 0; query < this.#count; query++) {
        products[from + query] = products[from + query]! * scale + this.#shifts[query]!
      }
    }
  }

  /**
   * Takes what is near enough of a block.
   *
   * @param row the first passage of the block
   */
  take(rows: number, row: number): void {
    const { block, columns, near, stride } = this
    const begin = near.byteOffset
    const end = begin + rows * columns
    for (let at = begin; at < end; ) {
      const column = (at - begin) % columns
      const passage = (at - begin - column) / columns
      at = this.#kernel.scan(
        at,
        end,
        column,
        columns,
        block.byteOffset + 4 * stride * passage,
        4 * stride,
        row + passage,
        this.#queries.byteOffset,
        this.#lows.byteOffset,
        this.#floors.byteOffset,
        this.#sizes.byteOffset,
        this.#scores.byteOffset,
        this.#rows.byteOffset,
        this.#capacity,
      )
      // The last sixteen queries that were looked at: where one's set is full, it stopped.
      const last = (at - begin - 16) % columns
      for (let query = last; query < last + 16; query++) if (this.#sizes[query] === this.#capacity) this.#cut(query)
    }
  }

  /** The nearest of a query, `k` at most, in no order. */
  nearest(query: number): SetEntries {
    this.#cut(query)
    return this.#entries(query)
  }

  #entries(query: number): SetEntries {
    const from = query * this.#capacity
    const to = from + this.#sizes[query]!
    return { rows: this.#rows.subarray(from, to), scores: this.#scores.subarray(from, to) }
  }

  /** Leaves the nearest `k`, of equal ones the last by docid; below them nothing counts from now on. */
  #cut(query: number): void {
    const k = this.#k
    const { rows, scores } = this.#entries(query)
    const size = scores.length
    if (size < k) return
    this.#scratch.set(scores)
    const floor = kthGreatest(this.#scratch, size, k)
    let kept = 0
    const tied: Array<number> = []
    for (let i = 0; i < size; i++) {
      if (scores[i]! < floor) continue
      if (scores[i] === floor) {
        tied.push(rows[i]!)
        continue
      }
      rows[kept] = rows[i]!
      scores[kept++] = scores[i]!
    }
    if (tied.length > k - kept) tied.sort((a, b) => this.#table.compareNames(b, a))
    for (let i = 0; kept < k; i++) {
      rows[kept] = tied[i]!
      scores[kept++] = floor
    }
    this.#sizes[query] = k
    this.#floors[query] = floor
    this.#setLeast(query)
  }
}

/** The k-th greatest of the first values, whose order changes: quickselect (Hoare's FIND, 1961). */
export const kthGreatest = (values: Float32Array, size: number, k: number): number => {
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
