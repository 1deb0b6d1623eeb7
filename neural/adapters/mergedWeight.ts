import type { Slice } from "../checkpoints/index.ts"
import { type AdaptedWeight, factorA, factorB } from "./Adapters.ts"

/**
 * Adds scale · B · A to a slice of a weight, row by row. The sum over the rank is of 64-bit floats.
 *
 * @param slice of the flattened weight
 * @param into the slice's numbers, at its start
 */
export const addChange = (
  { inputs, module, rank, scale }: AdaptedWeight,
  factors: ReadonlyMap<string, Float32Array>,
  { begin, end }: Slice,
  into: Float32Array,
): void => {
  const [a, b] = [factors.get(factorA(module)), factors.get(factorB(module))]
  if (a === undefined || b === undefined) return
  const change = new Float64Array(inputs)
  for (let row = Math.floor(begin / inputs); row * inputs < end; row++) {
    change.fill(0)
    for (let k = 0; k < rank; k++) {
      const factor = scale * b[row * rank + k]!
      if (factor === 0) continue
      for (let column = 0; column < inputs; column++) change[column]! += factor * a[k * inputs + column]!
    }
    const first = Math.max(begin, row * inputs)
    const last = Math.min(end, (row + 1) * inputs)
    for (let i = first; i < last; i++) into[i - begin]! += change[i - row * inputs]!
  }
}
