import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import {
  adjustPValues,
  incompleteBeta,
  logGamma,
  noncentralStudent,
  normalQuantile,
  normalTail,
  pairedT,
  pairedTPower,
  queriesNeeded,
  randomizationTests,
  studentCritical,
  studentInterval,
  studentTwoSided,
  summarizeDifferences,
  wilcoxon,
} from "../../../stages/evaluate/statistics/index.ts"

const numbers = Schema.Array(Schema.Number)
const tested = Schema.Struct({ statistic: Schema.Number, p: Schema.Number })
const Golden = Schema.parseJson(
  Schema.Struct({
    samples: Schema.Array(
      Schema.Struct({
        differences: numbers,
        t: tested,
        interval: Schema.Tuple(Schema.Number, Schema.Number),
        wilcoxon: tested,
        effect: Schema.Number,
        randomization: Schema.optional(Schema.Number),
      }),
    ),
    corrections: Schema.Array(
      Schema.Struct({ ps: numbers, holm: numbers, bonferroni: numbers, "benjamini-hochberg": numbers }),
    ),
    power: Schema.Array(
      Schema.Struct({
        effect: Schema.Number,
        needed: Schema.Number,
        powers: Schema.Array(Schema.Tuple(Schema.Number, Schema.Number)),
      }),
    ),
    functions: Schema.Record({ key: Schema.String, value: Schema.Array(numbers) }),
  }),
)
const golden = Schema.decodeSync(Golden)(
  readFileSync(join(import.meta.dirname, "../../reference/statistics/golden.json"), "utf8"),
)

/** Equal to a relative error, or to an absolute one far below it. */
const near = (actual: number | null | undefined, expected: number, relative: number, where: unknown): void => {
  const distance = Math.abs((actual ?? Number.NaN) - expected)
  if (!(distance <= Math.max(relative * Math.abs(expected), 1e-15))) {
    throw new Error(`${JSON.stringify(where)}: ${actual}, expected ${expected}`)
  }
}

const samples = golden.samples.map((sample) => ({ ...sample, differences: Float64Array.from(sample.differences) }))

describe("statistics against scipy and statsmodels", () => {
  it("E101 the paired t test is scipy's, with ties and zeros", () => {
    for (const { differences, t } of samples) {
      const ours = pairedT(differences)
      near(ours.statistic, t.statistic, 1e-10, differences.length)
      near(ours.p, t.p, 1e-10, differences.length)
    }
  })

  it("E101 Wilcoxon's test is scipy's, exact and approximate, with ties and zeros", () => {
    for (const { differences, wilcoxon: expected } of samples) {
      const ours = wilcoxon(differences)
      near(ours.statistic, expected.statistic, 1e-12, differences.length)
      near(ours.p, expected.p, 1e-10, differences.length)
    }
  })

  it("E102 Fisher's randomisation of few queries is scipy's enumeration", () => {
    let enumerated = 0
    for (const { differences, randomization } of samples) {
      if (randomization === undefined) continue
      const [ours] = randomizationTests([differences, new Float64Array(differences.length)], [{ a: 0, b: 1 }], {
        permutations: 10_000,
        seed: 1,
      })
      expect(ours?.exact).toBe(true)
      near(ours?.p, randomization, 1e-12, [...differences])
      enumerated++
    }
    expect(enumerated).toBeGreaterThan(20)
  })

  it("E104 corrections are statsmodels'", () => {
    for (const { ps, ...expected } of golden.corrections) {
      const given = Float64Array.from(ps)
      for (const correction of ["holm", "bonferroni", "benjamini-hochberg"] as const) {
        const ours = adjustPValues(given, correction)
        expected[correction].forEach((p, i) => near(ours[i], p, 1e-12, [correction, ps.length, i]))
      }
      expect(adjustPValues(given, "none")).toEqual(given)
    }
  })

  it("E105 effect and 95 % interval are scipy's", () => {
    for (const { differences, effect, interval } of samples) {
      near(summarizeDifferences(differences).effect, effect, 1e-10, differences.length)
      const ours = studentInterval(differences, 0.95)
      if (differences.length <= 5) {
        expect(ours).toBeNull()
        continue
      }
      const width = interval[1] - interval[0]
      expect(Math.abs((ours?.lower ?? Number.NaN) - interval[0])).toBeLessThan(1e-10 * width)
      expect(Math.abs((ours?.upper ?? Number.NaN) - interval[1])).toBeLessThan(1e-10 * width)
    }
  })

  it("E105 power and the queries needed are statsmodels'", () => {
    for (const { effect, needed, powers } of golden.power) {
      for (const [queries, power] of powers) near(pairedTPower(effect, queries, 0.05), power, 1e-9, [effect, queries])
      expect(queriesNeeded(effect, 0.05, 0.8)).toBe(Math.ceil(needed))
      expect(queriesNeeded(-effect, 0.05, 0.8)).toBe(Math.ceil(needed))
    }
  })

  it("E101 the distributions are scipy's to 1e-12, in the tails too", () => {
    const functions: Readonly<Record<string, (...given: ReadonlyArray<number>) => number>> = {
      logGamma: (x = 0) => logGamma(x),
      incompleteBeta: (a = 0, b = 0, x = 0) => incompleteBeta(a, b, x, 1 - x),
      normalTail: (z = 0) => normalTail(z),
      normalQuantile: (p = 0) => normalQuantile(p),
      studentTwoSided: (t = 0, df = 0) => studentTwoSided(t, df),
      studentCritical: (p = 0, df = 0) => studentCritical(p, df),
    }
    for (const [name, evaluate] of Object.entries(functions)) {
      for (const row of golden.functions[name] ?? []) {
        near(evaluate(...row.slice(0, -1)), row[row.length - 1]!, 2e-12, [name, row])
      }
    }
    for (const [t = 0, df = 0, delta = 0, expected = 0] of golden.functions["noncentralStudent"] ?? []) {
      expect(Math.abs(noncentralStudent(t, df, delta) - expected), JSON.stringify([t, df, delta])).toBeLessThan(1e-12)
    }
  })
})
