import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { Random } from "../../../schemas/index.ts"
import {
  bootstrapInterval,
  meanInterval,
  meanOf,
  randomizedTukey,
  studentInterval,
  withinRange,
} from "../../../stages/evaluate/statistics/index.ts"

const numbers = Schema.Array(Schema.Number)
const Golden = Schema.parseJson(
  Schema.Struct({
    means: Schema.Array(Schema.Struct({ values: numbers, interval: Schema.Tuple(Schema.Number, Schema.Number) })),
    enumerated: Schema.Array(
      Schema.Struct({
        scores: Schema.Array(numbers),
        ps: Schema.Array(numbers),
        tails: Schema.Array(Schema.Tuple(Schema.Number, Schema.Number)),
      }),
    ),
    blocked: Schema.Array(
      Schema.Struct({ scores: Schema.Array(numbers), margin: Schema.Number, ps: Schema.Array(numbers) }),
    ),
  }),
)
const golden = Schema.decodeSync(Golden)(
  readFileSync(join(import.meta.dirname, "../../reference/statistics/intervals.json"), "utf8"),
)

const ofValues = (values: ReadonlyArray<number>) =>
  meanInterval(
    meanOf(Float64Array.from(values)),
    values.reduce((sum, value) => sum + value * value, 0),
    values.length,
    0.95,
  )

const columnsOf = (scores: ReadonlyArray<ReadonlyArray<number>>) => scores.map((row) => Float64Array.from(row))

const permutations = 20_000

/** The error of a share that so many permutations estimate, five of its deviations wide. */
const slack = (p: number): number => 5 * Math.sqrt((p * (1 - p)) / permutations) + 1 / permutations

describe("intervals", () => {
  it("P20 a mean's interval is Student's of its logit, as scipy's functions give it", () => {
    for (const { interval, values } of golden.means) {
      const ours = ofValues(values)
      expect(ours?.lower).toBeCloseTo(interval[0], 10)
      expect(ours?.upper).toBeCloseTo(interval[1], 10)
    }
  })

  it("P20 it lies within 0 and 1 and holds the mean; of five queries and fewer there is none", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(0, 0.001, 0.2, 0.5, 0.999, 1), { minLength: 1, maxLength: 40 }),
        (values) => {
          const mean = meanOf(Float64Array.from(values))
          const interval = ofValues(values)
          if (values.length <= 5 || mean === 0 || mean === 1) {
            expect(interval).toBeNull()
            return
          }
          expect(interval?.lower).toBeGreaterThanOrEqual(0)
          expect(interval?.upper).toBeLessThanOrEqual(1)
          expect(interval?.lower).toBeLessThanOrEqual(mean + 1e-12)
          expect(interval?.upper).toBeGreaterThanOrEqual(mean - 1e-12)
        },
      ),
      { numRuns: 300, seed: 20 },
    )
    const five = Float64Array.of(0.1, 0.4, -0.2, 0.3, 0.1)
    const bootstrap = { resamples: 100, seed: 1, level: 0.95, method: "bca" } as const
    expect([studentInterval(five, 0.95), bootstrapInterval(five, bootstrap)]).toEqual([null, null])
    const six = Float64Array.of(0.1, 0.4, -0.2, 0.3, 0.1, 0.2)
    expect([studentInterval(six, 0.95), bootstrapInterval(six, bootstrap)]).not.toContain(null)
  })

  it("P20 an interval is cut where no mean can be", () => {
    const wide = studentInterval(Float64Array.of(1, 1, 1, 1, 1, 0), 0.95)
    expect(wide?.upper).toBeGreaterThan(1)
    expect(withinRange(wide, [-1, 1])).toEqual({ lower: wide?.lower, upper: 1 })
    expect(withinRange(null, [-1, 1])).toBeNull()
  })

  it("P20 of means of many zeros it holds more than Student's own, near its level", () => {
    const trials = 1500
    const held = { logit: 0, student: 0 }
    // Reciprocal ranks: 0 in 35 of 100, else 1 / 1 to 1 / 10.
    const truth = (0.65 * Array.from({ length: 10 }, (_, i) => 1 / (i + 1)).reduce((sum, value) => sum + value, 0)) / 10
    for (let trial = 0; trial < trials; trial++) {
      const stream = new Random(20, trial)
      const values = Array.from({ length: 12 }, () => (stream.chance(0.35) ? 0 : 1 / (1 + stream.below(10))))
      const logit = ofValues(values)
      const student = studentInterval(Float64Array.from(values), 0.95)
      if (logit !== null && logit.lower <= truth && truth <= logit.upper) held.logit++
      if (student !== null && student.lower <= truth && truth <= student.upper) held.student++
    }
    expect(held.logit).toBeGreaterThan(held.student)
    expect(held.logit / trials).toBeGreaterThan(0.9)
  })
})

describe("Tukey's test", () => {
  it("P21 its p and the distribution of its distances are those of all deals, within their own error", () => {
    for (const { ps, scores, tails } of golden.enumerated) {
      const columns = columnsOf(scores)
      const [{ ps: ours } = { ps: new Float64Array(0) }] = randomizedTukey([columns], {
        permutations,
        seed: 3,
        alpha: 0.05,
      })
      ps.forEach((row, a) =>
        row.forEach((p, b) => {
          if (a !== b) expect(Math.abs((ours[a * ps.length + b] ?? Number.NaN) - p)).toBeLessThan(slack(p))
        }),
      )
      // A margin of alpha is where alpha of the distances lie above.
      for (const [at, tail] of tails) {
        const margin = (alpha: number) => randomizedTukey([columns], { permutations, seed: 3, alpha })[0]?.margin ?? -1
        if (tail - slack(tail) > 0) expect(margin(tail - slack(tail)), `${at}`).toBeGreaterThanOrEqual(at - 1e-9)
        if (tail + slack(tail) < 1) expect(margin(tail + slack(tail)), `${at}`).toBeLessThanOrEqual(at + 1e-9)
      }
    }
  })

  it("P21 of well-behaved scores its p and margin are near those of the studentised range", () => {
    for (const { margin, ps, scores } of golden.blocked) {
      const [ours] = randomizedTukey([columnsOf(scores)], { permutations, seed: 5, alpha: 0.05 })
      expect(Math.abs((ours?.margin ?? 0) / margin - 1)).toBeLessThan(0.03)
      ps.forEach((row, a) =>
        row.forEach((p, b) => {
          if (a !== b) expect(Math.abs((ours?.ps[a * ps.length + b] ?? Number.NaN) - p)).toBeLessThan(0.02)
        }),
      )
    }
  })

  it("P21 an interval leaves out 0 exactly where p is at most alpha", () => {
    for (let seed = 0; seed < 60; seed++) {
      const stream = new Random(21, seed)
      const columns = Array.from({ length: 4 }, (_, s) =>
        Float64Array.from({ length: 20 }, () => stream.below(9) / 8 + s / 12),
      )
      for (const alpha of [0.05, 0.2]) {
        const [tested] = randomizedTukey([columns], { permutations: 199, seed, alpha })
        for (let a = 0; a < 4; a++) {
          for (let b = 0; b < a; b++) {
            const distance = Math.abs(meanOf(columns[a]!) - meanOf(columns[b]!))
            expect(distance > (tested?.margin ?? Number.NaN)).toBe((tested?.ps[a * 4 + b] ?? 1) <= alpha)
          }
        }
      }
    }
    const few = randomizedTukey([[Float64Array.of(0, 1), Float64Array.of(1, 0)]], {
      permutations: 10,
      seed: 1,
      alpha: 0.05,
    })
    expect(few[0]?.margin).toBeNull()
  })

  it("P21 its intervals hold all differences at once as often as they should, also where systems differ", () => {
    const trials = 300
    let held = 0
    for (let trial = 0; trial < trials; trial++) {
      const stream = new Random(22, trial)
      const columns = Array.from({ length: 4 }, () => new Float64Array(25))
      for (let query = 0; query < 25; query++) {
        const level = stream.unit()
        columns.forEach((column, s) => {
          column[query] = level + stream.unit() + 0.1 * s
        })
      }
      const [tested] = randomizedTukey([columns], { permutations: 199, seed: trial, alpha: 0.05 })
      const means = columns.map(meanOf)
      const holds = means.every((a, i) =>
        means.every((b, j) => Math.abs(a - b - 0.1 * (i - j)) <= (tested?.margin ?? Number.NaN)),
      )
      if (holds) held++
    }
    expect(held / trials).toBeGreaterThan(0.95 - 3 * Math.sqrt((0.95 * 0.05) / trials))
  })
})
