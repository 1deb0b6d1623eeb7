import { Random } from "../../schemas/index.ts"
import { type Adapters, factorA, factorB } from "./Adapters.ts"

/**
 * The factors that changes begin with, as peft begins them: A uniform between ± 1 / √inputs (Kaiming's with a = √5), B zero, so that
 * nothing is changed at first. Each A is a function of the seed and its name.
 */
export const initialFactors = (
  { weights }: Pick<Adapters, "weights">,
  seed: number,
): ReadonlyMap<string, Float32Array<ArrayBuffer>> => {
  const factors = new Map<string, Float32Array<ArrayBuffer>>()
  for (const { inputs, module, outputs, rank } of weights) {
    const name = factorA(module)
    const random = new Random(seed, ...Buffer.from(name))
    const bound = inputs ** -0.5
    factors.set(
      name,
      Float32Array.from({ length: rank * inputs }, () => bound * (2 * random.unit() - 1)),
    )
    factors.set(factorB(module), new Float32Array(outputs * rank))
  }
  return factors
}
