import type { Gradient } from "./Gradient.ts"

/** How a step changes a weight. */
export interface UpdateTerms {
  /** The learning rate of the weight's group. */
  readonly rate: number
  /** Its decoupled decay: it loses rate · decay of itself. */
  readonly decay: number
  /** What the gradient is multiplied by: below 1 where its norm is clipped. */
  readonly scale: number
  /** Which update this is, from 1. */
  readonly count: number
}

/** What a weight follows its gradient by, with what it remembers of earlier ones. */
export interface WeightUpdate {
  /** What is remembered, by name. The arrays are the live ones: to be saved, and to be overwritten when restoring. */
  readonly memory: Readonly<Record<string, Float32Array | Int32Array>>
  /** Changes the weight in place. */
  readonly apply: (weight: Float32Array, gradient: Gradient, terms: UpdateTerms) => void
}
