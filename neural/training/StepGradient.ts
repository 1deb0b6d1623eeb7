import { type Gradient, RowSum, squaredNorm } from "../optimizers/index.ts"
import { type Tensor } from "../runtime/index.ts"
import { gradientOutput, rowIndicesOutput, type TrainingGraphs } from "./trainingGraphs.ts"

const addTo = (sums: Float32Array, values: Float32Array): void => {
  for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!
}

/**
 * The gradients of a step's weights. Sessions write those of whole weights into arrays that stay; from the second micro-batch
 * of a step on they write into a second set, which is added.
 */
export class StepGradient {
  readonly #dense: ReadonlyMap<string, Float32Array>
  #added: ReadonlyMap<string, Float32Array> | undefined
  readonly #byRow: ReadonlyMap<string, RowSum>
  readonly #shapes: ReadonlyMap<string, readonly number[]>
  #empty = true

  /** @param dense for the gradient of each whole weight the array it is written to */
  constructor(
    graphs: TrainingGraphs,
    shapes: ReadonlyMap<string, readonly number[]>,
    dense: ReadonlyMap<string, Float32Array>,
  ) {
    this.#shapes = shapes
    this.#dense = dense
    this.#byRow = new Map(
      graphs.byRow.map((name) => {
        const [entries = 0, width = 0] = shapes.get(name) ?? []
        return [name, new RowSum(entries, width)]
      }),
    )
  }

  clear(): void {
    this.#empty = true
    for (const sum of this.#byRow.values()) sum.clear()
  }

  /** Where a session is to write the gradients of the next micro-batch. */
  places(): Readonly<Record<string, Tensor>> {
    const places: Record<string, Tensor> = {}
    if (!this.#empty) {
      this.#added ??= new Map([...this.#dense].map(([name, { length }]) => [name, new Float32Array(length)] as const))
    }
    for (const [name, data] of (this.#empty ? undefined : this.#added) ?? this.#dense) {
      places[gradientOutput(name)] = { type: "float32", shape: this.#shapes.get(name) ?? [], data }
    }
    return places
  }

  /** Takes in what a session wrote. */
  take(results: ReadonlyMap<string, Tensor>): void {
    for (const [name, values] of (this.#empty ? undefined : this.#added) ?? []) {
      const sums = this.#dense.get(name)
      if (sums !== undefined) addTo(sums, values)
    }
    for (const [name, sum] of this.#byRow) {
      const [indices, rows] = [results.get(rowIndicesOutput(name)), results.get(gradientOutput(name))]
      if (indices?.type === "int64" && rows?.type === "float32") sum.add(indices.data, rows.data)
    }
    this.#empty = false
  }

  /** To be called when all micro-batches are taken in: without any, the gradient is zero. */
  complete(): void {
    if (this.#empty) for (const values of this.#dense.values()) values.fill(0)
  }

  of(name: string): Gradient | undefined {
    const values = this.#dense.get(name)
    return values === undefined ? this.#byRow.get(name)?.gradient() : { kind: "dense", values }
  }

  /** The norm over all weights. */
  norm(): number {
    let squares = 0
    for (const name of [...this.#dense.keys(), ...this.#byRow.keys()]) {
      const gradient = this.of(name)
      if (gradient !== undefined) squares += squaredNorm(gradient)
    }
    return Math.sqrt(squares)
  }
}
