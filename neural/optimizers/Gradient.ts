import { kernelsOf } from "./kernels/kernelSpaces.ts"

/** The gradient of a weight, in its shape. */
export interface DenseGradient {
  readonly kind: "dense"
  readonly values: Float32Array
}

/** The gradient of a table of which a step uses few rows: those of other rows are zero. */
export interface RowsGradient {
  readonly kind: "rows"
  /** The rows that were used, each once. */
  readonly rows: Int32Array
  /** For each row of the table its place among those, or −1. */
  readonly places: Int32Array
  /** Their gradients, [rows, width]. */
  readonly values: Float32Array
  readonly width: number
}

export type Gradient = DenseGradient | RowsGradient

/** Sums gradients of rows in which a row may occur many times. Made once for a table; `clear` begins a new sum. */
export class RowSum {
  readonly #width: number
  /** For each row of the table its place in the sum, or −1. */
  readonly #places: Int32Array
  #rows: Int32Array
  #values: Float32Array
  #count = 0

  constructor(entries: number, width: number) {
    this.#width = width
    this.#places = new Int32Array(entries).fill(-1)
    this.#rows = new Int32Array(256)
    this.#values = new Float32Array(256 * width)
  }

  clear(): void {
    for (let place = 0; place < this.#count; place++) this.#places[this.#rows[place]!] = -1
    this.#values.fill(0, 0, this.#count * this.#width)
    this.#count = 0
  }

  /** Adds `values` [n, width] to the rows of `indices` [n]. */
  add(indices: BigInt64Array, values: Float32Array): void {
    const width = this.#width
    for (let i = 0; i < indices.length; i++) {
      const place = this.#placeOf(Number(indices[i]))
      const [from, to] = [i * width, place * width]
      const sums = this.#values
      for (let channel = 0; channel < width; channel++) sums[to + channel]! += values[from + channel]!
    }
  }

  #placeOf(row: number): number {
    const known = this.#places[row]!
    if (known >= 0) return known
    if (this.#count === this.#rows.length) this.#grow()
    this.#rows[this.#count] = row
    this.#places[row] = this.#count
    return this.#count++
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2)
    const values = new Float32Array(rows.length * this.#width)
    rows.set(this.#rows)
    values.set(this.#values)
    this.#rows = rows
    this.#values = values
  }

  /** The sum; valid until the next `add` or `clear`. */
  gradient(): RowsGradient {
    return {
      kind: "rows",
      rows: this.#rows.subarray(0, this.#count),
      places: this.#places,
      values: this.#values.subarray(0, this.#count * this.#width),
      width: this.#width,
    }
  }
}

/** The sum of the squares of a gradient's elements. */
export const squaredNorm = ({ values }: Gradient): number => {
  const kernels = kernelsOf(values)
  if (kernels !== undefined && values.length > 0 && values.length % 4 === 0) {
    return kernels.squares(values.byteOffset, values.length)
  }
  // Four sums, so that an addition need not wait for the one before.
  let [a, b, c, d] = [0, 0, 0, 0]
  const whole = values.length - (values.length % 4)
  for (let i = 0; i < whole; i += 4) {
    a += values[i]! * values[i]!
    b += values[i + 1]! * values[i + 1]!
    c += values[i + 2]! * values[i + 2]!
    d += values[i + 3]! * values[i + 3]!
  }
  for (let i = whole; i < values.length; i++) a += values[i]! * values[i]!
  return a + b + c + d
}
