import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { CurriculumPhase } from "../../schemas/index.ts"
import { curriculumProblem, phaseAt } from "../../stages/train/Curriculum.ts"
import { DataOrder } from "../../stages/train/DataOrder.ts"

describe("the order of the data", () => {
  it("T40 every epoch asks each query once, in another order", () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 40 }), (seed, queries) => {
        const order = new DataOrder(seed, queries)
        for (let epoch = 0; epoch < 3; epoch++) {
          const turns = Array.from({ length: queries }, (_, i) => order.at(epoch * queries + i))
          expect(turns.map(({ query }) => query).sort((a, b) => a - b)).toEqual(turns.map((_, i) => i))
          expect(turns.every((turn) => turn.epoch === epoch)).toBe(true)
        }
      }),
    )
  })

  it("T40 what comes at a position depends on the seed and the position alone", () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(fc.nat(500), { minLength: 1 }), (seed, positions) => {
        const wandering = new DataOrder(seed, 37)
        for (const position of positions) {
          const turn = wandering.at(position)
          const fresh = new DataOrder(seed, 37).at(position)
          expect([turn.query, turn.random.next()]).toEqual([fresh.query, fresh.random.next()])
        }
      }),
    )
  })
})

const phase = (name: string, until: number): CurriculumPhase => ({
  name,
  until,
  sources: [{ kind: "candidates", from: 1, share: 1 }],
})

describe("a curriculum", () => {
  it("T44 its phases follow each other over the steps", () => {
    const phases = [phase("easy", 0.25), phase("hard", 1)] as const
    const names = Array.from({ length: 8 }, (_, step) => phaseAt([...phases], step, 8).phase.name)
    expect(names).toEqual(["easy", "easy", "hard", "hard", "hard", "hard", "hard", "hard"])
    expect(phaseAt([...phases], 5, 8).start).toBe(2)
    expect(curriculumProblem([...phases], 8)).toBeUndefined()
  })

  it("T44 says what is wrong with it", () => {
    expect(curriculumProblem([phase("a", 0.5), phase("b", 0.5)], 10)).toContain("phase «b» ends at step 5")
    expect(curriculumProblem([phase("a", 0.5)], 10)).toContain("the last phase ends at step 5 of 10")
    expect(
      curriculumProblem([{ ...phase("a", 1), sources: [{ kind: "candidates", from: 9, to: 3, share: 1 }] }], 10),
    ).toContain("ranks 9 to 3")
    expect(curriculumProblem([{ ...phase("a", 1), sources: [{ kind: "random", from: 1, share: 0 }] }], 10)).toContain(
      "no source",
    )
  })
})
