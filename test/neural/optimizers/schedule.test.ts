import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { learningRates, scheduleShare } from "../../../neural/optimizers/index.ts"
import { OptimizerSettings } from "../../../schemas/index.ts"

const shares = (kind: "constant" | "linear" | "cosine", warmup: number, end: number, steps: number) =>
  Array.from({ length: steps }, (_, step) => scheduleShare({ kind, warmup, end }, step, steps))

describe("schedules", () => {
  it("T1 rise on a line from the first step, then stay or fall to their end", () => {
    expect(shares("constant", 4, 0, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1])
    expect(shares("linear", 2, 0, 6)).toEqual([0.5, 1, 1, 0.75, 0.5, 0.25])
    expect(shares("linear", 0, 0.5, 4)).toEqual([1, 0.875, 0.75, 0.625])
    const cosine = shares("cosine", 0, 0.1, 4)
    expect(cosine[0]).toBe(1)
    expect(cosine[2]).toBeCloseTo(0.55, 12)
    expect(cosine[3]).toBeCloseTo(0.1 + 0.9 * 0.5 * (1 - Math.SQRT1_2), 12)
    expect(scheduleShare({ kind: "cosine", warmup: 0, end: 0.1 }, 4, 4)).toBeCloseTo(0.1, 12)
  })

  it("T1 each group has its multiple, and may have its own schedule; frozen ones stand still", () => {
    const settings = Schema.decodeUnknownSync(OptimizerSettings)({
      learningRate: 1e-3,
      schedule: { kind: "linear" },
      groups: [
        { name: "head", pattern: "^head", scale: 4 },
        { name: "embedding", pattern: "embed", frozen: true },
        { name: "rest", pattern: ".", schedule: { kind: "constant" } },
      ],
    })
    expect(learningRates(settings, 5, 10)).toEqual([2e-3, 0, 1e-3])
  })
})
