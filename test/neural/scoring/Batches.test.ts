import * as FastCheck from "fast-check"
import { describe, expect, it } from "vitest"
import { packBatches } from "../../../neural/index.ts"

const cases = FastCheck.tuple(
  FastCheck.array(FastCheck.integer({ min: 0, max: 40 }), { maxLength: 60 }),
  FastCheck.integer({ min: 1, max: 200 }),
)

/** The batches as lists of texts. */
const listsOf = (lengths: ReadonlyArray<number>, budget: number): ReadonlyArray<ReadonlyArray<number>> => {
  const { order, starts } = packBatches(lengths, budget)
  return Array.from({ length: starts.length - 1 }, (_, b) => [...order.subarray(starts[b], starts[b + 1])])
}

describe("batches", () => {
  it("N322 every text is in one batch; a batch is within the budget, padding included, unless it has one text", () => {
    FastCheck.assert(
      FastCheck.property(cases, ([lengths, budget]) => {
        const lists = listsOf(lengths, budget)
        expect(lists.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i))
        let padded = 0
        for (const texts of lists) {
          const widest = Math.max(1, ...texts.map((text) => lengths[text] ?? 0))
          padded += texts.length * widest
          if (texts.length > 1) expect(texts.length * widest).toBeLessThanOrEqual(budget)
        }
        const sums = packBatches(lengths, budget)
        expect(sums.padded).toBe(padded)
        expect(sums.tokens).toBe(lengths.reduce((a, b) => a + b, 0))
      }),
    )
  })

  it("N322 the longest texts come first, of equal ones the earlier; a batch is as large as the budget allows, or its texts are of one length and more than half as many", () => {
    FastCheck.assert(
      FastCheck.property(cases, ([lengths, budget]) => {
        const sorted = lengths.map((_, i) => i).sort((a, b) => (lengths[b] ?? 0) - (lengths[a] ?? 0) || a - b)
        const lists = listsOf(lengths, budget)
        expect(lists.flat()).toEqual(sorted)
        let at = 0
        for (const texts of lists) {
          const widest = Math.max(1, lengths[texts[0] ?? 0] ?? 0)
          const allowed = Math.min(sorted.length - at, Math.max(1, Math.floor(budget / widest)))
          at += texts.length
          if (texts.length === allowed) continue
          expect(new Set(texts.map((text) => lengths[text])).size).toBe(1)
          expect(lengths[sorted[at] ?? -1]).not.toBe(lengths[texts[0] ?? -1])
          expect(2 * texts.length).toBeGreaterThan(allowed)
        }
      }),
    )
  })
})
