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
    scales[row] = Number.isFinite(sum)
      ? largest === 0
        ? 1
        : Math.max(largest, leastMagnitude) / quantizedLevels
      : Number.NaN
  }
  return scales
}

/** Scales are normal numbers: processors may take others for 0. */
const leastMagnitude = 2 ** -100

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
