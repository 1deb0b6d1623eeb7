import { describe, expect, it } from "vitest"
import { addToProfile, emptyProfile, judgeRun, PROFILED, parseMeasure, scoreQuery } from "../../measures/index.ts"
import { randomPair } from "../support/randomRuns.ts"

describe("depth profile", () => {
  it("E14 at every depth it has the values of the measure with that cutoff", () => {
    const depth = 60
    let compared = 0
    for (let pair = 0; pair < 150; pair++) {
      for (const { run, qrels } of randomPair(pair)) {
        const ranking = judgeRun(run, qrels)
        if ("_tag" in ranking) throw new Error(ranking._tag)
        const profile = emptyProfile(depth)
        addToProfile(profile, ranking.grades, ranking.judged)
        for (const name of PROFILED) {
          for (const k of [1, 2, 3, 7, 10, 31, depth]) {
            const measure = parseMeasure(`${name}@${k}`)
            if (!measure.ok) throw new Error(name)
            const expected = scoreQuery(measure.value, ranking.grades, ranking.judged)
            expect(profile[name].values[k - 1], `${name}@${k} of pair ${pair}`).toBeCloseTo(expected, 12)
            compared++
          }
        }
      }
    }
    expect(compared).toBeGreaterThan(10_000)
  })
})
