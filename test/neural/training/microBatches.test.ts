import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { microBatches, textGroups } from "../../../neural/training/microBatches.ts"

const lengths = fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 40 })

describe("micro-batches", () => {
  it("T14 have each item once and at most so many tokens with padding, unless one text alone has more", () => {
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

describe("groups of texts", () => {
  it("T14 have each item once, by length, and take the less padding for what they cost", () => {
    fc.assert(
      fc.property(lengths, fc.integer({ min: 0, max: 200 }), (of, overhead) => {
        const texts = of.map((length) => ({ ids: new Int32Array(length) }))
        const items = Array.from(texts.keys()).filter((item) => item % 7 !== 3)
        const costOf = (groups: ReadonlyArray<ReadonlyArray<number>>): number =>
          groups.reduce((sum, group) => sum + group.length * Math.max(1, ...group.map((item) => of[item] ?? 0)), 0) +
          overhead * (groups.length - 1)
        const groups = textGroups(texts, items, overhead)
        expect(groups.flat().sort((a, b) => a - b)).toEqual(items)
        expect([1, 4]).toContain(groups.length)
        expect(items.length === 0 || groups.every((group) => group.length > 0)).toBe(true)
        if (groups.length > 1) {
          const inOrder = groups.flat().map((item) => of[item] ?? 0)
          expect(inOrder).toEqual([...inOrder].sort((a, b) => b - a))
        }
        expect(costOf(groups)).toBeLessThanOrEqual(costOf([items]))
        expect(textGroups(texts, items, Number.POSITIVE_INFINITY)).toEqual([items])
      }),
      { seed: 5 },
    )
  })
})
