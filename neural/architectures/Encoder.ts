import type { Floats } from "./Parameters.ts"
import { lastRows, type TokenBatch } from "./TokenBatch.ts"

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

/**
 * An encoder of layers, one behind another. The last one is computed when it is known for which tokens: all, or the first alone.
 *
 * @param embedded what the first layer reads, [batch · sequence, width]
 * @param end what comes behind the last layer. Default: nothing
 */
export const layeredEncoder = (
  tokens: TokenBatch,
  { layers, width }: { readonly layers: number; readonly width: number },
  embedded: Floats,
  layerOf: (x: Floats, layer: number, only: "all" | "first") => Floats,
  end: (states: Floats) => Floats = (states) => states,
): Encoder => {
  let x = embedded
  for (let layer = 0; layer < layers - 1; layer++) x = layerOf(x, layer, "all")
  const before = x
  const ended = (only: "all" | "first"): Floats => end(layerOf(before, layers - 1, only))
  return {
    width,
    states: () => ended("all"),
    first: () => ended("first"),
    last: () => lastRows(ended("all"), tokens),
  }
}
