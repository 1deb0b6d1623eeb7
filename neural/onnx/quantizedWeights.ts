import { quantizedLevels } from "./Expression.ts"

/** The scales of rows (or blocks) of a weight: the largest magnitude becomes 127. A row of zeros has scale 1; one that is not finite, NaN. */
export const scalesOf = (weights: Float32Array, width: number): Float32Array => {
  const scales = new Float32Array(weights.length / width)
  for (let row = 0; row < scales.length; row++) {
    let largest = 0
    let sum = 0
    for (let at = row * width; at < (row + 1) * width; at++) {
      const magnitude = Math.abs(weights[at]!)
      if (magnitude > largest) largest = magnitude
      sum += magnitude
    }
    scales[row] = Number.isFinite(sum) ? scaleOf(largest) : Number.NaN
  }
  return scales
}

const scaleOf = (largest: number): number => (largest === 0 ? 1 : Math.max(largest, leastMagnitude) / quantizedLevels)

/** The scales of a weight's columns: the largest magnitude becomes 127. A column of zeros has scale 1; one that is not finite, NaN. */
export class ColumnScales {
  readonly #largest: Float32Array

  constructor(columns: number) {
    this.#largest = new Float32Array(columns)
  }

  /** Takes in whole rows. */
  add(rows: Float32Array): void {
    const width = this.#largest.length
    for (let at = 0, column = 0; at < rows.length; at++) {
      const magnitude = Math.abs(rows[at]!)
      if (!(magnitude <= this.#largest[column]!)) this.#largest[column] = magnitude
      if (++column === width) column = 0
    }
  }

  scales(): Float32Array {
    return this.#largest.map((largest) => (Number.isFinite(largest) ? scaleOf(largest) : Number.NaN))
  }
}

/** Scales are normal numbers: processors may take others for 0. */
const leastMagnitude = 2 ** -100

/**
 * Rows of a weight as whole numbers of −127 … 127, each column by its scale.
 *
 * @returns the numbers in the weight's order
 */
export const quantizeColumns = (weights: Float32Array, scales: Float32Array): Int8Array => {
  const numbers = new Int8Array(weights.length)
  for (let at = 0, column = 0; at < weights.length; at++) {
    numbers[at] = Math.round(weights[at]! / scales[column]!)
    if (++column === scales.length) column = 0
  }
  return numbers
}

/**
 * Rows of a weight as whole numbers of −127 … 127: each is within half a scale of the weight.
 *
 * @param scales of these rows
 * @param put takes each number, its row among these and its column
 */
export const quantizeWeights = (
  weights: Float32Array,
  width: number,
  scales: Float32Array,
  put: (value: number, row: number, column: number) => void,
): void => {
  for (let row = 0; row < weights.length / width; row++) {
    const scale = scales[row]!
    for (let column = 0; column < width; column++) put(Math.round(weights[row * width + column]! / scale), row, column)
  }
}
