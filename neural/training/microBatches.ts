import type { Architecture } from "../architectures/index.ts"
import type { TokenSequence } from "../runtime/index.ts"

/** As much memory as a micro-batch's values may take, about, where nothing else is said. */
const memory = 2 ** 31

/** How many tokens go through a model at once: as many as 2 GB hold the values of, from 1,024 to 16,384. */
export const usualTokensPerMicroBatch = ({ layers, ...sizes }: Architecture): number => {
  const perLayer = 16 * sizes.width + 4 * sizes.innerWidth + 4 * 128 * sizes.heads
  const fitting = memory / (4 * layers * perLayer)
  return 2 ** Math.floor(Math.log2(Math.min(16_384, Math.max(1_024, fitting))))
}

/** Some of a step's items, by their places in it, whose texts go through the model together. */
export type MicroBatch = readonly number[]

/**
 * Items in batches of at most so many tokens, padding included, the longest texts first, so that texts of like length are
 * together. A text that is longer than that is alone. All in one batch, in their order, where they fit.
 */
export const microBatches = (
  texts: readonly TokenSequence[],
  items: readonly number[],
  mostTokens: number,
): readonly MicroBatch[] => {
  if (items.length === 0) return []
  const lengthOf = (item: number): number => Math.max(1, texts[item]?.ids.length ?? 0)
  const longest = items.reduce((most, item) => Math.max(most, lengthOf(item)), 0)
  if (items.length * longest <= mostTokens) return [items]
  const batches: number[][] = []
  let first = 0
  for (const item of [...items].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)) {
    const batch = batches.at(-1)
    if (batch !== undefined && (batch.length + 1) * first <= mostTokens) batch.push(item)
    else {
      batches.push([item])
      first = lengthOf(item)
    }
  }
  return batches
}
