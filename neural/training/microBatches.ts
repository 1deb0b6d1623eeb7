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

/**
 * How many groups a step's texts are divided into, if they are. A graph has all of its groups, and a session keeps the memory that
 * its largest step took: so there is one number, and four groups save most of the padding.
 */
const groupCount = 4

/** How many tokens' time one more group costs on a CPU: its gradients of all weights are added to the others'. */
export const usualGroupOverhead = 64

/** How many tokens groups have, each padded to its longest. */
export const paddedTokens = (texts: readonly TokenSequence[], groups: readonly MicroBatch[]): number =>
  groups.reduce((sum, group) => {
    const longest = group.reduce((most, item) => Math.max(most, texts[item]?.ids.length ?? 0), 1)
    return sum + group.length * longest
  }, 0)

/**
 * Items in groups for the one graph of a whole step: each group is padded on its own, so that short texts need not be as long as
 * the longest. Each has as many texts, neighbours by length, the longest first. All in one group, in their order, where dividing
 * them saves nothing.
 *
 * @param overhead how many tokens' time one more group costs; infinite, there is one
 */
export const textGroups = (
  texts: readonly TokenSequence[],
  items: readonly number[],
  overhead: number,
): readonly MicroBatch[] => {
  const lengthOf = (item: number): number => Math.max(1, texts[item]?.ids.length ?? 0)
  if (items.length < groupCount) return [items]
  const sorted = [...items].sort((a, b) => lengthOf(b) - lengthOf(a) || a - b)
  const end = (group: number): number => Math.ceil((group * items.length) / groupCount)
  const groups = Array.from({ length: groupCount }, (_, group) => sorted.slice(end(group), end(group + 1)))
  const together = items.length * lengthOf(sorted[0] ?? 0)
  return paddedTokens(texts, groups) + overhead * (groupCount - 1) < together ? groups : [items]
}
