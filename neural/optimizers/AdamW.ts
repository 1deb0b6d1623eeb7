import type { AdamWSettings } from "../../schemas/index.ts"
import type { Gradient, RowsGradient } from "./Gradient.ts"
import { type Kernels, kernelsOf, ordinarySpace, type Space } from "./kernels/kernelSpaces.ts"
import type { UpdateTerms, WeightUpdate } from "./WeightUpdate.ts"

/** The numbers of one update, the same for all elements. */
interface Coefficients {
  /** What is kept of the two moments. */
  readonly kept1: number
  readonly kept2: number
  /** What the gradient and its square add to them. */
  readonly new1: number
  readonly new2: number
  readonly scale: number
  /** What is kept of the weight. */
  readonly keptWeight: number
  /** The learning rate, by the first moment's bias. */
  readonly rate: number
  /** One by the root of the second moment's bias. */
  readonly root: number
  readonly epsilon: number
}

/** How many of so many elements kernels take, if there are any: a multiple of 4. */
const takenBy = (kernels: Kernels | undefined, elements: number): number =>
  kernels === undefined ? 0 : elements - (elements % 4)

/**
 * AdamW as Loshchilov and Hutter have it, and PyTorch: m ← β₁ m + (1 − β₁) g, v ← β₂ v + (1 − β₂) g²,
 * w ← (1 − rate · decay) w − rate · m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).
 *
 * Of a table with gradients by row, either all rows are updated (those without a gradient go on by their moments, and decay),
 * or only the touched ones. Then a row's moments have decayed by as many steps as have passed since it was last touched, as
 * they would have otherwise; what the row would have moved and decayed meanwhile is not made up for.
 */
export class AdamW implements WeightUpdate {
  readonly #settings: AdamWSettings
  readonly #first: Float32Array
  readonly #second: Float32Array
  /** For each row of a table the update that touched it last, 0 at first. */
  readonly #touched: Int32Array
  readonly #onlyTouched: boolean
  /** The gradient of a row that has none. */
  readonly #nothing: Float32Array

  /**
   * @param rows how many rows a table has whose gradients come by row; 0 for other weights
   * @param onlyTouched whether of a table only the touched rows are updated
   * @param space where to make the arrays whose lengths `AdamW.arrays` gives: with the weight's and the gradient's in one memory,
   *   an update takes half the time
   */
  constructor(settings: AdamWSettings, elements: number, rows = 0, onlyTouched = false, space: Space = ordinarySpace) {
    this.#settings = settings
    this.#onlyTouched = onlyTouched
    this.#first = space(elements)
    this.#second = space(elements)
    this.#touched = new Int32Array(rows)
    this.#nothing = space(rows === 0 ? 0 : elements / rows)
  }

  /** The lengths of the arrays that it makes. */
  static arrays(elements: number, rows = 0): readonly number[] {
    return [elements, elements, rows === 0 ? 0 : elements / rows]
  }

  get memory(): Readonly<Record<string, Float32Array | Int32Array>> {
    const moments = { first: this.#first, second: this.#second }
    return this.#touched.length === 0 ? moments : { ...moments, touched: this.#touched }
  }

  apply(weight: Float32Array, gradient: Gradient, terms: UpdateTerms): void {
    if (gradient.kind === "dense") {
      const { values } = gradient
      const kernels = kernelsOf(weight, this.#first, this.#second, values)
      this.#span(weight, 0, weight.length, values, 0, this.#coefficients(terms, 1), kernels)
    } else {
      if (!this.#onlyTouched) this.#otherRows(weight, gradient, terms)
      this.#touchedRows(weight, gradient, terms)
    }
  }

  #coefficients({ count, decay, rate, scale }: UpdateTerms, passed: number): Coefficients {
    const { beta1, beta2, epsilon } = this.#settings
    return {
      kept1: beta1 ** passed,
      kept2: beta2 ** passed,
      new1: 1 - beta1,
      new2: 1 - beta2,
      scale,
      keptWeight: 1 - rate * decay,
      rate: rate / (1 - beta1 ** count),
      root: 1 / Math.sqrt(1 - beta2 ** count),
      epsilon,
    }
  }

  /** Elements begin ≤ i < end of the weight, whose gradients lie from `at` on. */
  #span(
    weight: Float32Array,
    begin: number,
    end: number,
    values: Float32Array,
    at: number,
    by: Coefficients,
    kernels: Kernels | undefined,
  ): void {
    const [first, second] = [this.#first, this.#second]
    const { epsilon, kept1, kept2, keptWeight, new1, new2, rate, root, scale } = by
    const offset = at - begin
    const taken = takenBy(kernels, end - begin)
    if (taken > 0) {
      kernels?.adamw(
        weight.byteOffset + 4 * begin,
        first.byteOffset + 4 * begin,
        second.byteOffset + 4 * begin,
        values.byteOffset + 4 * at,
        taken,
        scale,
        kept1,
        new1,
        kept2,
        new2,
        keptWeight,
        rate,
        root,
        epsilon,
      )
    }
    for (let i = begin + taken; i < end; i++) {
      const slope = values[i + offset]! * scale
      const m = kept1 * first[i]! + new1 * slope
      const v = kept2 * second[i]! + new2 * slope * slope
      first[i] = m
      second[i] = v
      weight[i] = keptWeight * weight[i]! - (rate * m) / (Math.sqrt(v) * root + epsilon)
    }
  }

  /** Multiplies elements begin ≤ i < end of the weight by a number. */
  #decay(weight: Float32Array, begin: number, end: number, kept: number, kernels: Kernels | undefined): void {
    const taken = takenBy(kernels, end - begin)
    if (taken > 0) kernels?.decay(weight.byteOffset + 4 * begin, taken, kept)
    for (let i = begin + taken; i < end; i++) weight[i]! *= kept
  }

  /** The rows without a gradient: they go on by their moments. */
  #otherRows(weight: Float32Array, { places, width }: RowsGradient, terms: UpdateTerms): void {
    const by = this.#coefficients(terms, 1)
    const kernels = kernelsOf(weight, this.#first, this.#second, this.#nothing)
    for (let row = 0; row < places.length; row++) {
      if (places[row]! >= 0) continue
      const [begin, end] = [row * width, (row + 1) * width]
      if (this.#touched[row] !== 0) this.#span(weight, begin, end, this.#nothing, 0, by, kernels)
      // Without moments all that is left of the formula is the decay.
      else if (by.keptWeight !== 1) this.#decay(weight, begin, end, by.keptWeight, kernels)
    }
  }

  #touchedRows(weight: Float32Array, { rows, values, width }: RowsGradient, terms: UpdateTerms): void {
    for (let place = 0; place < rows.length; place++) {
      const row = rows[place]!
      const passed = this.#onlyTouched ? terms.count - this.#touched[row]! : 1
      const by = this.#coefficients(terms, passed)
      this.#span(weight, row * width, (row + 1) * width, values, place * width, by, undefined)
      this.#touched[row] = terms.count
    }
  }
}
