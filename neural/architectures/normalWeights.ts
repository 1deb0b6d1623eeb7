import { Random } from "../../schemas/index.ts"

/**
 * Weights to begin a training with: independent normal numbers with mean 0, a function of the seed, the tensor's name and the
 * position alone, so that adding a tensor changes no other.
 *
 * @param deviation their standard deviation
 */
export const normalWeights = (
  seed: number,
  name: string,
  count: number,
  deviation: number,
): Float32Array<ArrayBuffer> => {
  const random = new Random(seed, ...Buffer.from(name))
  const weights = new Float32Array(count)
  for (let i = 0; i < count; i++) weights[i] = deviation * random.normal()
  return weights
}
