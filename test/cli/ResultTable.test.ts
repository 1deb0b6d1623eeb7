import * as Schema from "effect/Schema"
import { describe, expect, it } from "vitest"
import { renderResultTable } from "../../cli/ResultTable.ts"
import { EvaluationSummary, SignificanceSummary } from "../../schemas/index.ts"

const summary = (kinds: ReadonlyArray<"all" | "question" | "browse">) =>
  Schema.decodeUnknownSync(EvaluationSummary)({
    measures: ["RR@10", "nDCG@5"],
    systems: kinds.flatMap((kind) => [
      {
        system: "tfidf",
        split: "test",
        kind,
        queries: 300,
        missing: 1,
        unjudged: 0.125,
        measures: { "RR@10": 0.25, "nDCG@5": 0.2 },
      },
      {
        system: "bm25",
        split: "test",
        kind,
        queries: 300,
        missing: 0,
        unjudged: 0,
        measures: { "RR@10": 0.5, "nDCG@5": 1 },
      },
    ]),
    candidates: kinds.map((kind) => ({
      split: "test",
      kind,
      queries: 300,
      depth: 100,
      recall: 0.9,
      oracle: { "RR@10": 0.95, "nDCG@5": 0.99 },
    })),
  })

describe("result table", () => {
  it("L7 has the systems per split and kind, what is missing, and what the candidates allow", () => {
    const lines = renderResultTable([{ dataset: "scifact", summary: summary(["all", "question", "browse"]) }]).split(
      "\n",
    )
    expect(lines).toEqual([
      "scifact · test                       RR@10  nDCG@5  unjudged",
      "  all · 300 queries · candidates' recall 0.9000",
      "    tfidf (1 query without result)  0.2500  0.2000       13%",
      "    bm25                            0.5000  1.0000        0%",
      "    oracle @100                     0.9500  0.9900",
      "  question · 300 queries · candidates' recall 0.9000",
      "    tfidf (1 query without result)  0.2500  0.2000       13%",
      "    bm25                            0.5000  1.0000        0%",
      "    oracle @100                     0.9500  0.9900",
      "  browse · 300 queries · candidates' recall 0.9000",
      "    tfidf (1 query without result)  0.2500  0.2000       13%",
      "    bm25                            0.5000  1.0000        0%",
      "    oracle @100                     0.9500  0.9900",
    ])
  })

  it("L7 does not repeat itself where all queries are of one kind, and says so", () => {
    const lines = renderResultTable([{ dataset: "d", summary: summary(["all", "browse"]) }]).split("\n")
    expect(lines.filter((line) => line.includes("300 queries"))).toEqual([
      "  all, each a browse query · 300 queries · candidates' recall 0.9000",
    ])
  })

  it("L11 marks the figures that differ from a baseline's, and says by which test and correction", () => {
    const row = { split: "test", kind: "all", baseline: "bm25", system: "tfidf", difference: -0.25 }
    const significance = Schema.decodeUnknownSync(SignificanceSummary)({
      test: "t",
      correction: "holm",
      family: "table",
      alpha: 0.05,
      baselines: ["bm25"],
      rows: [
        { ...row, measure: "RR@10", adjusted: 0.05 },
        { ...row, measure: "nDCG@5", adjusted: 0.051 },
      ],
    })
    const rendered = renderResultTable([{ dataset: "scifact", summary: summary(["all"]), significance }])
    expect(rendered.split("\n")).toEqual([
      "scifact · test                        RR@10  nDCG@5  unjudged",
      "  all · 300 queries · candidates' recall 0.9000",
      "    tfidf (1 query without result)  0.2500†  0.2000       13%",
      "    bm25                            0.5000   1.0000        0%",
      "    oracle @100                     0.9500   0.9900",
      "  † differs from bm25 (paired t test, Holm's correction over 2 comparisons,",
      "    p ≤ 0.05)",
    ])
  })

  it("P23 the legend names the marks that stand in the table, and where there is none says that nothing differs", () => {
    const row = { split: "test", kind: "all", measure: "RR@10", system: "tfidf", difference: -0.25 }
    const legend = (first: number, second: number) => {
      const rows = [
        { ...row, baseline: "bm25", adjusted: first },
        { ...row, baseline: "other", adjusted: second },
      ]
      const significance = Schema.decodeUnknownSync(SignificanceSummary)({
        ...{ test: "tukey", correction: "holm", family: "table", alpha: 0.05, baselines: ["bm25", "other"], rows },
      })
      return renderResultTable([{ dataset: "d", summary: summary(["all"]), significance }])
        .split("\n")
        .at(-1)
    }
    expect(legend(0.01, 0.02)).toBe("  † differs from bm25, ‡ differs from other (randomised Tukey HSD, p ≤ 0.05)")
    expect(legend(0.3, 0.02)).toBe("  ‡ differs from other (randomised Tukey HSD, p ≤ 0.05)")
    expect(legend(0.3, 0.4)).toBe("  nothing differs from bm25 or other (randomised Tukey HSD, p ≤ 0.05)")
  })

  it("L43 systems that differ by the seed are one row: mean and standard deviation, marked where each of them is", () => {
    const row = (system: string, values: readonly [number, number]) => ({
      ...{ system, split: "test", kind: "all", queries: 300, missing: 0, unjudged: 0.5 },
      measures: { "RR@10": values[0], "nDCG@5": values[1] },
    })
    const repeated = Schema.decodeUnknownSync(EvaluationSummary)({
      measures: ["RR@10", "nDCG@5"],
      systems: [row("bm25", [0.5, 0.4]), row("t5.1", [0.6, 0.5]), row("t5.2", [0.7, 0.6]), row("t5.3", [0.8, 0.4])],
      candidates: [],
      repeats: [{ system: "t5", of: ["t5.1", "t5.2", "t5.3"] }],
    })
    const compared = (system: string, measure: string, adjusted: number) => ({
      ...{ split: "test", kind: "all", measure, baseline: "bm25", system, difference: 0.1, adjusted },
    })
    const significance = Schema.decodeUnknownSync(SignificanceSummary)({
      ...{ test: "t", correction: "holm", family: "table", alpha: 0.05, baselines: ["bm25"] },
      rows: ["t5.1", "t5.2", "t5.3"].flatMap((system) => [
        compared(system, "RR@10", 0.01),
        compared(system, "nDCG@5", system === "t5.3" ? 0.5 : 0.01),
      ]),
    })
    const [, , bm25, t5, ...legend] = renderResultTable([{ dataset: "c", summary: repeated, significance }]).split("\n")
    expect(bm25).toBe("    bm25          0.5000           0.4000               50%")
    expect(t5).toBe("    t5 (3 seeds)  0.7000 ±0.1000†  0.5000 ±0.1000       50%")
    expect(legend.join(" ")).toMatch(/ differs from .* standard deviation over the seeds/)
    for (const line of legend) expect(line.length).toBeLessThanOrEqual(80)
  })

  it("L43 of a measure that counts, the mean over seeds has one decimal", () => {
    const row = (system: string, relevant: number) => ({
      ...{ system, split: "test", kind: "all", queries: 3, missing: 0, unjudged: 0 },
      measures: { NumRelRet: relevant },
    })
    const counted = Schema.decodeUnknownSync(EvaluationSummary)({
      measures: ["NumRelRet"],
      systems: [row("bm25", 12), row("t5.1", 10), row("t5.2", 11), row("t5.3", 11)],
      candidates: [],
      repeats: [{ system: "t5", of: ["t5.1", "t5.2", "t5.3"] }],
    })
    const [, , bm25, t5] = renderResultTable([{ dataset: "c", summary: counted }]).split("\n")
    expect(bm25).toMatch(/bm25 +12 +0%/)
    expect(t5).toMatch(/t5 \(3 seeds\) +10\.7 ±0\.6 +0%/)
  })
})
