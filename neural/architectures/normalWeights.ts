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

/** A weight that a new model begins with. */
export interface NewTensor {
  readonly name: string
  readonly shape: readonly number[]
}

/** The weights of a linear layer: states of root mean square 1 stay so. */
export const fanIn = (seed: number, { name, shape }: NewTensor): Float32Array<ArrayBuffer> => {
  const [rows = 0, columns = 0] = shape
  return normalWeights(seed, name, rows * columns, columns ** -0.5)
}

/** One value everywhere. */
export const filled = ({ shape }: NewTensor, value: number): Float32Array<ArrayBuffer> =>
  new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value)
