import { type Expression, parameter } from "../onnx/index.ts"

export type Floats = Expression<"float32">

/** The weights of a model by name: asking twice for one gives the same node. */
export class Parameters {
  readonly #known = new Map<string, Floats>()

  get(name: string, ...shape: readonly number[]): Floats {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    const made = parameter(name, shape)
    this.#known.set(name, made)
    return made
  }
}
