import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { microBatches } from "../../../neural/training/microBatches.ts"

describe("micro-batches", () => {
  it("T14 have each item once and at most so many tokens with padding, unless one text alone has more", () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 })
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 400 }), (of, most) => {
        const texts = of.map((length) => ({ ids: new Int32Array(length) }))
        const items = Array.from(texts.keys()).filter((item) => item % 7 !== 3)
        const batches = microBatches(texts, items, most)
        expect(batches.flat().sort((a, b) => a - b)).toEqual(items)
        for (const batch of batches) {
          const longest = Math.max(1, ...batch.map((item) => of[item] ?? 0))
          expect(batch.length === 1 || batch.length * longest <= most).toBe(true)
        }
        // No two neighbours could be one.
        batches.slice(1).forEach((batch, before) => {
          const joined = [...(batches[before] ?? []), ...batch.slice(0, 1)]
          const longest = Math.max(1, ...joined.map((item) => of[item] ?? 0))
          expect(joined.length * longest).toBeGreaterThan(most)
        })
      }),
      { seed: 5 },
    )
  })
})
