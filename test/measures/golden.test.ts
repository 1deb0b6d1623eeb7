import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { aggregate, judgeRun, type Measure, measureName, parseMeasure, scoreQuery } from "../../measures/index.ts"
import expected from "../reference/measures/measures.json" with { type: "json" }
import { randomPair } from "../support/randomRuns.ts"

const tolerance = 1e-9
const scale = 2 ** 36

/** Undoes generate.py's coding: six byte planes of zigzag integers, one for each value. */
const decode = (bytes: Uint8Array, count: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => {
    let coded = 0
    for (let plane = 5; plane >= 0; plane--) coded = coded * 256 + bytes[plane * count + i]!
    if (coded === 2 ** 46 - 1) return Number.NaN
    return (coded % 2 === 0 ? coded / 2 : -(coded + 1) / 2) / scale
  })

const body = gunzipSync(readFileSync(new URL("../reference/measures/expected.bin.gz", import.meta.url)))
const column = (index: number): Float64Array =>
  decode(body.subarray(6 * expected.queries * index, 6 * expected.queries * (index + 1)), expected.queries)
const aggregatesStart = 6 * expected.queries * expected.measures.length
const aggregates = (index: number): Float64Array => {
  const start = aggregatesStart + 6 * expected.aggregated * index
  return decode(body.subarray(start, start + 6 * expected.aggregated), expected.aggregated)
}

const measureOf = (name: string): Measure => {
  const parsed = parseMeasure(name)
  if (!parsed.ok) throw new Error(`${name}: ${parsed.error._tag}`)
  return parsed.value
}

const pairs = Array.from({ length: expected.pairs }, (_, index) =>
  randomPair(index)
    .filter(({ qrels }) => qrels.length > 0)
    .map(({ run, qrels }) => {
      const ranking = judgeRun(run, qrels)
      if ("_tag" in ranking) throw new Error("duplicate")
      return { ...ranking, missing: run.length === 0 }
    }),
)

/** trec_eval's value of what ir-measures leaves at 0 for a query that the run misses, though it does not depend on it. */
const independentOfRun = new Set(["NumQ", "NumRel"])

describe("ir-measures on 2,000 random pairs", () => {
  it("E1 draws the pairs that the reference was made from", () => {
    expect(pairs.flat().length).toBe(expected.queries)
  })

  it.each(expected.measures.map((name, index) => [name, index] as const))("E1 %s per query", (name, index) => {
    const measure = measureOf(name)
    const theirs = column(index)
    let worst = 0
    pairs.flat().forEach(({ grades, judged, missing }, row) => {
      const ours = scoreQuery(measure, grades, judged)
      let their = theirs[row]!
      if (missing && independentOfRun.has(measure.name)) {
        expect(their).toBe(0)
        expect(ours).toBe(measure.name === "NumQ" ? 1 : judged.grades.filter((grade) => grade >= 1).length)
        return
      }
      // trec_eval 9 divides 0 by 0 where judged_only leaves nothing; here nothing retrieved scores 0.
      if (Number.isNaN(their)) {
        expect(measureName(measure)).toMatch(/^IPrec\(.*judged_only=True\)/)
        expect(grades.every((grade) => grade < 0)).toBe(true)
        their = 0
      }
      // trec_eval's value of a query is the logarithm that its geometric mean adds up; ours is the value itself.
      const comparable = measure.name.startsWith("gm_") ? Math.log(Math.max(ours, 0.00001)) : ours
      worst = Math.max(worst, Math.abs(comparable - their))
    })
    expect(worst).toBeLessThan(tolerance)
  })

  it.each(expected.measures.map((name, index) => [name, index] as const))("E2 %s over all queries", (name, index) => {
    const measure = measureOf(name)
    const theirs = aggregates(index)
    for (let pair = 0; pair < expected.aggregated; pair++) {
      const their = theirs[pair]!
      const queries = pairs[pair]!
      if (Number.isNaN(their) || (independentOfRun.has(measure.name) && queries.some(({ missing }) => missing)))
        continue
      const values = queries.map(({ grades, judged }) => scoreQuery(measure, grades, judged))
      expect(Math.abs(aggregate(measure, values) - their)).toBeLessThan(tolerance)
    }
  })

  it("E1 measures' names in the reference are understood as themselves", () => {
    for (const name of expected.measures) {
      const canonical = measureName(measureOf(name))
      expect(measureName(measureOf(canonical))).toBe(canonical)
    }
  })
})
