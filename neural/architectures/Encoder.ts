import type { Floats } from "./Parameters.ts"

/**
 * What drops elements while training, given a tensor and the name of the place: each place of a model has its own name,
 * so that a counter-based generator gives each its own stream. In inference nothing is dropped.
 */
export type Dropout = (x: Floats, place: string) => Floats

export const keepAll: Dropout = (x) => x

/** The end of an encoder: its final states, of all tokens, or of the first or the last alone. */
export interface Encoder {
  readonly width: number
  /** [batch · sequence, width] */
  readonly states: () => Floats
  /** [batch, width]. The last layer is computed for the first tokens only. */
  readonly first: () => Floats
  /** [batch, width]: of each text's last token that is no padding, on whichever side that stands. */
  readonly last: () => Floats
}
