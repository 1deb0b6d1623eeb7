import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Random } from "../../../schemas/index.ts"
import {
  adjustPValues,
  bootstrapInterval,
  type ColumnPair,
  meanOf,
  normalQuantile,
  normalTail,
  pairedT,
  pairedTPower,
  queriesNeeded,
  randomizationTests,
  randomizedTukey,
  resampledMeans,
  standardizedDifference,
  studentInterval,
  summarizeDifferences,
  wilcoxon,
} from "../../../stages/evaluate/statistics/index.ts"

const score = fc.oneof(
  fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
  fc.integer({ min: 1, max: 10 }).map((rank) => 1 / rank),
  fc.double({ min: 0, max: 1, noNaN: true }),
)
const columnsOf = (queries: number, systems: number) =>
  fc.array(
    fc.array(score, { minLength: queries, maxLength: queries }).map((values) => Float64Array.from(values)),
    {
      minLength: systems,
      maxLength: systems,
    },
  )

/** Scores of systems that differ by chance alone, drawn with our own generator; means lie near one half. */
const nullScores = (seed: number, systems: number, queries: number): ReadonlyArray<Float64Array> => {
  const stream = new Random(seed)
  const difficulty = Float64Array.from({ length: queries }, () => stream.below(1 << 20) / (1 << 20))
  return Array.from({ length: systems }, () =>
    difficulty.map((level) => {
      const value = level + stream.below(1 << 20) / (1 << 20)
      // A third of the values sit on a grid, as reciprocal ranks do.
      return stream.below(3) === 0 ? 1 / (1 + Math.floor(value * 5)) : value / 2
    }),
  )
}

const pairOf = (columns: ReadonlyArray<Float64Array>, permutations: number, seed: number) => {
  const [test] = randomizationTests(columns, [{ a: 0, b: 1 }], { permutations, seed })
  if (test === undefined) throw new Error("no test")
  return test
}

const noTests = { ps: new Float64Array(0), margin: null }

describe("statistics", () => {
  it("E106 the same seed gives the same bytes", () => {
    const columns = nullScores(3, 4, 60)
    const pairs: ReadonlyArray<ColumnPair> = [
      { a: 0, b: 1 },
      { a: 2, b: 3 },
      { a: 0, b: 3 },
    ]
    const options = { permutations: 3000, seed: 11 }
    const digest = createHash("sha256")
    digest.update(Float64Array.from(randomizationTests(columns, pairs, options), ({ p }) => p))
    for (const { ps } of randomizedTukey([columns], { ...options, alpha: 0.05 })) digest.update(ps)
    digest.update(resampledMeans(columns[0]!, 200, 11))
    expect(digest.digest("hex").slice(0, 16)).toBe("aeeceaa4aaabdb40")
  })

  it("E102 a pair's p does not depend on the other pairs, nor on which system stands first", () => {
    const columns = nullScores(8, 20, 40)
    const options = { permutations: 2500, seed: 2 }
    const pairs = columns.flatMap((_, a) => columns.slice(0, a).map((_, b) => ({ a, b })))
    const together = randomizationTests(columns, pairs, options)
    for (const at of [0, 57, pairs.length - 1]) {
      const { a, b } = pairs[at]!
      expect(pairOf([columns[a]!, columns[b]!], 2500, 2)).toEqual(together[at])
      expect(pairOf([columns[b]!, columns[a]!], 2500, 2)).toEqual(together[at])
    }
  })

  it("E102 sampled signs agree with all of them, within their own error", () => {
    for (let seed = 0; seed < 12; seed++) {
      const columns = nullScores(seed, 2, 12)
      const differing = columns[0]!.filter((value, i) => value !== columns[1]![i]).length
      const all = 2 ** differing
      const exact = pairOf(columns, all, 1)
      const sampled = pairOf(columns, all - 1, seed)
      expect([exact.exact, sampled.exact]).toEqual([true, false])
      const error = Math.sqrt((exact.p * (1 - exact.p)) / all)
      expect(Math.abs(sampled.p - exact.p)).toBeLessThan(4.5 * error + 1 / all)
    }
  })

  it("E102 a sampled p is never 0", () => {
    const low = new Float64Array(200)
    expect(pairOf([low, low.map((_, i) => 0.5 + (i % 7) / 100)], 999, 1)).toEqual({ p: 1 / 1000, exact: false })
  })

  it("E103 where nothing differs, or one query is all there is, p is 1 by every test", () => {
    for (const n of [1, 2, 40]) {
      const same = new Float64Array(n)
      expect([pairedT(same).p, wilcoxon(same).p, pairOf([same, same], 100, 1).p]).toEqual([1, 1, 1])
      expect(pairedT(same).note).toBe("no query differs")
    }
    const one = Float64Array.of(0.3)
    expect([pairedT(one).p, wilcoxon(one).p, pairOf([one, Float64Array.of(0)], 100, 1).p]).toEqual([1, 1, 1])
    expect([studentInterval(one, 0.95), summarizeDifferences(one).effect]).toEqual([null, null])
    expect([pairedT(new Float64Array(0)).p, wilcoxon(new Float64Array(0)).p]).toEqual([1, 1])
  })

  it("E103 where every query differs by the same amount, t is infinite, and said", () => {
    const constant = Float64Array.from({ length: 20 }, (_, i) => (i + 1) / 8 + 0.1 - (i + 1) / 8)
    expect(pairedT(constant)).toMatchObject({ statistic: null, p: 0, note: expect.stringContaining("same amount") })
    expect(summarizeDifferences(constant)).toMatchObject({ effect: null, deviation: 0, wins: 20 })
    expect(pairOf([constant, new Float64Array(20)], 2 ** 20, 1)).toEqual({ p: 2 / 2 ** 20, exact: true })
  })

  it("E101 p lies in [0, 1], does not change when the systems are exchanged, and t not with their scale", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 70 }).chain((n) => columnsOf(n, 2)),
        ([a = new Float64Array(0), b = new Float64Array(0)]) => {
          const forth = a.map((value, i) => value - b[i]!)
          const back = forth.map((value) => -value)
          for (const test of [pairedT, wilcoxon]) {
            expect(test(forth).p).toBeGreaterThanOrEqual(0)
            expect(test(forth).p).toBeLessThanOrEqual(1)
            expect(test(back).p).toBeCloseTo(test(forth).p, 12)
          }
          expect(pairedT(forth.map((value) => 8 * value)).p).toBeCloseTo(pairedT(forth).p, 10)
        },
      ),
      { numRuns: 200, seed: 5 },
    )
  })

  it("E104 adjusted p-values are at least the plain ones, keep their order, and Bonferroni's are the largest", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 40 }), (given) => {
        const ps = Float64Array.from(given)
        const holm = adjustPValues(ps, "holm")
        const bonferroni = adjustPValues(ps, "bonferroni")
        const bh = adjustPValues(ps, "benjamini-hochberg")
        for (let i = 0; i < ps.length; i++) {
          expect(holm[i]).toBeGreaterThanOrEqual(ps[i]!)
          expect(bonferroni[i]).toBeGreaterThanOrEqual(holm[i]!)
          expect(holm[i]).toBeGreaterThanOrEqual(bh[i]! - 1e-15)
          for (let j = 0; j < i; j++) if (ps[i]! < ps[j]!) expect(holm[i]).toBeLessThanOrEqual(holm[j]!)
        }
      }),
      { numRuns: 200, seed: 6 },
    )
  })

  it("E105 with the queries needed the power is reached, with one fewer it is not", () => {
    for (const effect of [0.013, 0.07, 0.31, 0.9, 3, 40]) {
      const queries = queriesNeeded(effect, 0.05, 0.8) ?? 0
      expect(pairedTPower(effect, queries, 0.05)).toBeGreaterThanOrEqual(0.8)
      if (queries > 2) expect(pairedTPower(effect, queries - 1, 0.05)).toBeLessThan(0.8)
    }
    expect([queriesNeeded(0, 0.05, 0.8), queriesNeeded(1e-5, 0.05, 0.8), queriesNeeded(1e6, 0.05, 0.8)]).toEqual([
      null,
      null,
      2,
    ])
  })

  it("E105 the standardised difference is in units of the systems' own spread", () => {
    const a = Float64Array.of(1, 3, 5)
    expect(
      standardizedDifference(
        a,
        a.map((value) => value - 2),
      ),
    ).toBeCloseTo(1, 12)
    expect(standardizedDifference(Float64Array.of(1, 1), Float64Array.of(0, 0))).toBeNull()
  })

  it("E107 Tukey's p are symmetric, the farthest pair's the smallest, and with two systems they are Fisher's", () => {
    const columns = nullScores(21, 5, 50).map((column, system) => column.map((value) => value + system / 20))
    const [{ ps } = noTests] = randomizedTukey([columns], { permutations: 2000, seed: 4, alpha: 0.05 })
    const means = columns.map(meanOf)
    const pairs = columns.flatMap((_, a) => columns.slice(0, a).map((_, b) => ({ a, b })))
    for (const { a, b } of pairs) expect(ps[a * 5 + b]).toBe(ps[b * 5 + a])
    const byDistance = [...pairs].sort(
      (x, y) => Math.abs(means[x.a]! - means[x.b]!) - Math.abs(means[y.a]! - means[y.b]!),
    )
    const sorted = byDistance.map(({ a, b }) => ps[a * 5 + b]!)
    expect(sorted).toEqual([...sorted].sort((x, y) => y - x))
    const two = columns.slice(1, 3)
    const fisher = pairOf(two, 20_000, 9).p
    const [{ ps: tukey } = noTests] = randomizedTukey([two], { permutations: 20_000, seed: 9, alpha: 0.05 })
    expect(Math.abs(tukey[1]! - fisher)).toBeLessThan(6 * Math.sqrt((2 * fisher * (1 - fisher)) / 20_000) + 1e-4)
  })

  it("E109 bootstrap intervals are near Student's where the sample is large, and BCa follows the skew", () => {
    const stream = new Random(77)
    const even = Float64Array.from({ length: 800 }, () => (stream.below(1000) - 480) / 1000)
    const student = studentInterval(even, 0.95)
    const options = { resamples: 4000, seed: 3, level: 0.95 } as const
    for (const method of ["percentile", "bca"] as const) {
      const interval = bootstrapInterval(even, { ...options, method })
      expect(interval?.lower).toBeCloseTo(student?.lower ?? Number.NaN, 2)
      expect(interval?.upper).toBeCloseTo(student?.upper ?? Number.NaN, 2)
    }
    const skewed = Float64Array.from({ length: 40 }, (_, i) => (i % 13 === 0 ? 1 : 0.01 * (i % 3)))
    const percentile = bootstrapInterval(skewed, { ...options, method: "percentile" })
    const bca = bootstrapInterval(skewed, { ...options, method: "bca" })
    expect(bca?.upper).toBeGreaterThan(percentile?.upper ?? Number.NaN)
    expect(bca?.lower).toBeGreaterThan(percentile?.lower ?? Number.NaN)
    expect(bootstrapInterval(Float64Array.of(1), { ...options, method: "bca" })).toBeNull()
  })

  it("E101 the normal distribution's tail and quantile are inverse", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true }), (p) => {
        expect(normalTail(-normalQuantile(p)) / p).toBeCloseTo(1, 10)
      }),
      { numRuns: 300, seed: 7 },
    )
  })

  it("E108 of systems that differ by chance, no test rejects more often than alpha says", () => {
    const trials = 600
    const rejected = { t: 0, wilcoxon: 0, randomization: 0, holm: 0, tukey: 0 }
    for (let trial = 0; trial < trials; trial++) {
      const columns = nullScores(1000 + trial, 4, 30)
      const [a = new Float64Array(0), b = new Float64Array(0)] = columns
      const differences = a.map((value, i) => value - b[i]!)
      if (pairedT(differences).p <= 0.05) rejected.t++
      if (wilcoxon(differences).p <= 0.05) rejected.wilcoxon++
      if (pairOf([a, b], 499, trial).p <= 0.05) rejected.randomization++
      const ps = columns.slice(1).map((other) => pairedT(other.map((value, i) => value - a[i]!)).p)
      if (adjustPValues(Float64Array.from(ps), "holm").some((p) => p <= 0.05)) rejected.holm++
      const [tukey] = randomizedTukey([columns], { permutations: 199, seed: trial, alpha: 0.05 })
      if (tukey?.ps.some((p) => p <= 0.05)) rejected.tukey++
    }
    const most = 0.05 + 3 * Math.sqrt((0.05 * 0.95) / trials)
    for (const [test, count] of Object.entries(rejected)) expect(count / trials, test).toBeLessThanOrEqual(most)
    expect(rejected.t / trials).toBeGreaterThan(0.02)
  })
})
