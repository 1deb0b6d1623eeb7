import { describe, expect, it } from "vitest"
import { Random } from "../../schemas/index.ts"

describe("the generator", () => {
  it("K35 a key gives the same numbers on any machine", () => {
    const random = new Random(1, 2 ** 40, 3)
    expect([random.next(), random.next(), random.next()]).toEqual([1955184859, 3948132058, 3057415996])
    expect(random.keyed(1, 2 ** 40, 3).next()).toBe(new Random(1, 2 ** 40, 3).next())
  })

  it("K35 its draws have the moments of their distributions", () => {
    const random = new Random(7)
    const draws = 100_000
    const sums = { unit: 0, normal: 0, square: 0, fourth: 0 }
    for (let i = 0; i < draws; i++) {
      sums.unit += random.unit()
      const normal = random.normal()
      sums.normal += normal
      sums.square += normal ** 2
      sums.fourth += normal ** 4
    }
    expect(sums.unit / draws).toBeCloseTo(0.5, 2)
    expect(sums.normal / draws).toBeCloseTo(0, 2)
    expect(sums.square / draws).toBeCloseTo(1, 2)
    expect(sums.fourth / draws).toBeCloseTo(3, 1)
  })

  it("K35 a shuffle is a permutation, and every element comes first as often", () => {
    const firsts = new Int32Array(5)
    for (let trial = 0; trial < 5_000; trial++) {
      const values = Int32Array.of(0, 1, 2, 3, 4)
      new Random(trial).shuffle(values, trial % 6)
      expect([...values].sort()).toEqual([0, 1, 2, 3, 4])
      if (trial % 6 > 0) firsts[values[0]!]!++
    }
    for (const count of firsts) expect(Math.abs(count - 833)).toBeLessThan(120)
  })
})
