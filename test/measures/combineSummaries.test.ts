import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { combineSummaries } from "../../measures/index.ts"
import { EvaluationSummary } from "../../schemas/index.ts"

const decode = Schema.decodeUnknownSync(EvaluationSummary)

const row = (
  system: string,
  kind: string,
  queries: number,
  values: readonly [number, number, number],
  missing = 0,
) => ({
  system,
  split: "test",
  kind,
  queries,
  missing,
  unjudged: 0.5,
  measures: { AP: values[0], NumRet: values[1], gm_map: values[2] },
})

const measures = ["AP", "NumRet", "gm_map"]
const first = decode({
  measures,
  systems: [
    row("bm25", "all", 30, [0.2, 300, 0.1]),
    row("bm25", "question", 30, [0.2, 300, 0.1]),
    row("slow", "all", 30, [0.6, 200, 0.1], 3),
    row("slow", "question", 30, [0.6, 200, 0.1], 3),
  ],
  candidates: [
    { split: "test", kind: "all", queries: 30, depth: 100, recall: 0.5, oracle: { AP: 0.5, NumRet: 1, gm_map: 1 } },
  ],
})
const second = decode({
  measures: [...measures, "P@5"],
  systems: [row("bm25", "all", 10, [0.4, 100, 0.4]), row("bm25", "browse", 10, [0.4, 100, 0.4])],
  candidates: [
    { split: "test", kind: "all", queries: 10, depth: 50, recall: 0.9, oracle: { AP: 0.9, NumRet: 1, gm_map: 1 } },
  ],
})

describe("summaries of several collections", () => {
  it("E114 sums add up, means weigh each query or each collection the same, missing collections count as 0", () => {
    const find = (summary: EvaluationSummary, system: string, kind: string) =>
      summary.systems.find((each) => each.system === system && each.kind === kind)
    const queries = combineSummaries([first, second], "queries")
    expect(queries.measures).toEqual(measures)
    expect(find(queries, "bm25", "all")).toMatchObject({ queries: 40, missing: 0, unjudged: 0.5 })
    expect(find(queries, "bm25", "all")?.measures["AP"]).toBeCloseTo((30 * 0.2 + 10 * 0.4) / 40, 12)
    expect(find(queries, "bm25", "all")?.measures["NumRet"]).toBe(400)
    expect(find(queries, "bm25", "all")?.measures["gm_map"]).toBeCloseTo((0.1 ** 30 * 0.4 ** 10) ** (1 / 40), 12)
    expect(find(queries, "slow", "all")).toMatchObject({ queries: 40, missing: 13 })
    expect(find(queries, "slow", "all")?.measures["AP"]).toBeCloseTo((30 * 0.6) / 40, 12)
    expect(find(queries, "slow", "browse")).toBeUndefined()
    expect(find(queries, "bm25", "browse")?.measures["AP"]).toBeCloseTo(0.4, 12)
    expect(queries.candidates).toMatchObject([{ queries: 40, depth: 100 }])
    expect(queries.candidates[0]?.recall).toBeCloseTo((30 * 0.5 + 10 * 0.9) / 40, 12)

    const collections = combineSummaries([first, second], "datasets")
    expect(find(collections, "bm25", "all")?.measures["AP"]).toBeCloseTo(0.3, 12)
    expect(find(collections, "slow", "all")?.measures["AP"]).toBeCloseTo(0.3, 12)
    expect(find(collections, "bm25", "all")?.measures["gm_map"]).toBeCloseTo(0.2, 12)
    expect(collections.candidates[0]?.oracle["AP"]).toBeCloseTo(0.7, 12)
  })
})
