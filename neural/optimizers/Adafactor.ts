import type { AdafactorSettings } from "../../schemas/index.ts"
import type { Gradient } from "./Gradient.ts"
import type { UpdateTerms, WeightUpdate } from "./WeightUpdate.ts"

const rootMeanSquare = (values: Float32Array): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]! * values[i]!
  return Math.sqrt(sum / values.length)
}

const mean = (values: Float32Array): number => {
  let sum = 0
  for (let i = 0; i < values.length; i++) sum += values[i]!
  return sum / values.length
}

/**
 * Adafactor as Shazeer and Stern have it, and `transformers`: the second moment of a matrix is kept as the means of its rows
 * and of its columns. Gradients by row are taken as the whole gradient.
 */
export class Adafactor implements WeightUpdate {
  readonly memory: Readonly<Record<string, Float32Array>>
  readonly #settings: AdafactorSettings
  readonly #columns: number
  /** The second moments: of each row and of each column of a matrix, of each element of anything else. */
  readonly #second: { readonly rows: Float32Array; readonly columns: Float32Array } | { readonly all: Float32Array }
  readonly #first: Float32Array | undefined
  readonly #update: Float32Array

  constructor(settings: AdafactorSettings, shape: readonly number[]) {
    const elements = shape.reduce((a, b) => a * b, 1)
    const columns = shape.at(-1) ?? 1
    this.#settings = settings
    this.#columns = columns
    this.#update = new Float32Array(elements)
    this.#first = settings.beta1 === undefined ? undefined : new Float32Array(elements)
    const second =
      shape.length >= 2
        ? { rows: new Float32Array(elements / columns), columns: new Float32Array(columns) }
        : { all: new Float32Array(elements) }
    this.#second = second
    this.memory = { ...second, ...(this.#first === undefined ? {} : { first: this.#first }) }
  }

  apply(weight: Float32Array, gradient: Gradient, { count, decay, rate, scale }: UpdateTerms): void {
    const {
      beta1 = 0,
      clipThreshold,
      decayRate,
      epsilonScale,
      relativeStep,
      scaleParameter,
      warmupInit,
    } = this.#settings
    const update = this.#update
    this.#spread(gradient, scale)
    this.#precondition(1 - count ** decayRate)
    const relative = relativeStep ? Math.min(warmupInit ? 1e-6 * count : 1e-2, 1 / Math.sqrt(count)) : rate
    const step = relative * (scaleParameter ? Math.max(epsilonScale, rootMeanSquare(weight)) : 1)
    const factor = step / Math.max(1, rootMeanSquare(update) / clipThreshold)
    const kept = 1 - decay * step
    const first = this.#first
    for (let i = 0; i < weight.length; i++) {
      let change = factor * update[i]!
      if (first !== undefined) {
        change = beta1 * first[i]! + (1 - beta1) * change
        first[i] = change
      }
      weight[i] = kept * weight[i]! - change
    }
  }

  /** The whole gradient, scaled, in `#update`. */
  #spread(gradient: Gradient, scale: number): void {
    const update = this.#update
    const { values } = gradient
    if (gradient.kind === "dense") {
      for (let i = 0; i < update.length; i++) update[i] = values[i]! * scale
      return
    }
    update.fill(0)
    const { rows, width } = gradient
    for (let place = 0; place < rows.length; place++) {
      const to = rows[place]! * width
      for (let channel = 0; channel < width; channel++) update[to + channel] = values[place * width + channel]! * scale
    }
  }

  /** Takes the squares of `#update` into the second moments, and divides it by their root. */
  #precondition(kept: number): void {
    const update = this.#update
    const { epsilonGradient } = this.#settings
    const second = this.#second
    if ("all" in second) {
      const { all } = second
      for (let i = 0; i < update.length; i++) {
        const v = kept * all[i]! + (1 - kept) * (update[i]! * update[i]! + epsilonGradient)
        all[i] = v
        update[i] = update[i]! / Math.sqrt(v)
      }
      return
    }
    const { columns, rows } = second
    const width = this.#columns
    const sums = new Float64Array(width)
    for (let row = 0; row < rows.length; row++) {
      let sum = 0
      for (let column = 0; column < width; column++) {
        const square = update[row * width + column]! ** 2 + epsilonGradient
        sum += square
        sums[column]! += square
      }
      rows[row] = kept * rows[row]! + (1 - kept) * (sum / width)
    }
    for (let column = 0; column < width; column++) {
      columns[column] = kept * columns[column]! + (1 - kept) * (sums[column]! / rows.length)
    }
    const average = mean(rows)
    for (let row = 0; row < rows.length; row++) {
      const byRow = Math.sqrt(average / rows[row]!)
      for (let column = 0; column < width; column++)
        update[row * width + column]! *= byRow / Math.sqrt(columns[column]!)
    }
  }
}
